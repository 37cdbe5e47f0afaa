// The conversations screen: keeps list and thread up to date, and wires keyboard and notifications.

import { complain, get, openDialog, parse } from "./base.js";
import { follow } from "./live.js";
import { Thread } from "./thread.js";

const inbox = document.querySelector(".inbox");
const rows = document.getElementById("rows");
const words = document.getElementById("words").dataset;
const waiting = new Set();
let listTimer = 0;
let thread = null;
let heard = 0; // notices so far

// --- the list ------------------------------------------------------------------------------------------------------

function address() {
  const url = new URL(inbox.dataset.rows, location.href);
  for (const [name, value] of new FormData(document.getElementById("filters")))
    if (value && value !== "0") url.searchParams.set(name, value);
  return url;
}

function touch(id) {
  waiting.add(String(id));
  listTimer ||= setTimeout(refreshRows, 150);
}

async function refreshRows() {
  listTimer = 0;
  const ids = [...waiting].slice(0, 100);
  waiting.clear();
  const url = address();
  const asked = url.href;
  if (ids.length) url.searchParams.set("ids", ids.join(","));
  let html;
  try {
    html = await get(url);
  } catch {
    return; // the next notice or poll brings it
  }
  if (address().href !== asked) return; // the filters have changed meanwhile
  mergeRows(parse(html), ids);
}

function mergeRows(fragment, ids) {
  const fresh = new Map([...fragment.querySelectorAll("[data-row]")].map((row) => [row.id, row]));
  const focused = document.activeElement?.closest?.("[data-row]")?.id;
  if (ids.length) {
    for (const id of ids) if (!fresh.has(`c${id}`)) document.getElementById(`c${id}`)?.remove();
  } else {
    // The whole first page: what is newer than its last row and not in it does not belong here any more.
    const last = [...fresh.values()].at(-1)?.dataset.sort ?? "";
    for (const row of rows.querySelectorAll("[data-row]"))
      if (!fresh.has(row.id) && row.dataset.sort > last) row.remove();
    if (!rows.querySelector("[data-more]")) {
      const more = fragment.querySelector("[data-more]");
      if (more) rows.insertBefore(more, rows.querySelector("[data-hits]"));
    }
  }
  for (const row of fresh.values()) place(row, ids.length > 0);
  for (const part of fragment.querySelectorAll("[data-swap]")) swap(part);
  document.getElementById("rows-empty").hidden = Boolean(rows.querySelector("[data-row], [data-hit]"));
  htmx.process(rows);
  if (focused) document.querySelector(`#${CSS.escape(focused)} a`)?.focus({ preventScroll: true });
  mark();
  title();
}

function place(row, single) {
  const old = document.getElementById(row.id);
  announce(row, old);
  const below = [...rows.children].find(
    (other) => other !== old && (!other.dataset.sort || other.dataset.sort < row.dataset.sort),
  );
  // What belongs below the loaded rows comes with scrolling.
  if (single && !old && below && !below.dataset.sort) return;
  old?.remove();
  rows.insertBefore(row, below ?? null);
}

function swap(part) {
  const old = document.getElementById(part.id);
  if (old && old.outerHTML !== part.outerHTML) old.replaceWith(part);
}

function mark() {
  for (const link of rows.querySelectorAll("a.row"))
    if (thread && link.dataset.number === thread.number) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
}

function title() {
  const count = Number(document.getElementById("unread-total").dataset.count);
  const heading = document.getElementById("inbox-title").textContent;
  const parts = [thread?.name, heading, "Chatport"].filter(Boolean);
  document.title = (count ? `(${count > 99 ? "99+" : count}) ` : "") + parts.join(" – ");
}

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.closest?.("#rows")) mark();
});

// --- filters: without reloading the page ---------------------------------------------------------------------------

const filters = document.getElementById("filters");
let typing = 0;
filters.addEventListener("input", (event) => {
  if (event.target.name !== "q") return;
  clearTimeout(typing);
  typing = setTimeout(() => filters.requestSubmit(), 300);
});
filters.addEventListener("change", (event) => {
  if (event.target.name !== "q") filters.requestSubmit();
});
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  showFiltered();
});
inbox.querySelector(".tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("a");
  if (!tab || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  filters.elements.tab.value = tab.id.replace("tab-", "");
  showFiltered().then(() => document.getElementById(tab.id)?.focus());
});

async function showFiltered() {
  const url = address();
  try {
    const fragment = parse(await get(url));
    for (const part of fragment.querySelectorAll("[data-swap]")) swap(part);
    rows.replaceChildren(...[...fragment.children].filter((part) => part.matches("li")));
  } catch (error) {
    complain(error, words.notSent);
    return;
  }
  rows.scrollTop = 0;
  document.getElementById("rows-empty").hidden = Boolean(rows.querySelector("[data-row], [data-hit]"));
  htmx.process(rows);
  const shown = new URL(location.href);
  shown.search = url.search;
  history.replaceState(history.state, "", shown);
  mark();
}

// --- opening a thread ----------------------------------------------------------------------------------------------

async function openThread(url, { push = true, focus = false } = {}) {
  const page = new URL(url, location.href);
  const before = heard;
  let html;
  try {
    const response = await fetch(page, { headers: { "HX-Request": "true", "HX-Target": "thread" } });
    if (!response.ok || response.headers.get("HX-Redirect")) throw new Error("cannot be shown");
    html = await response.text();
  } catch {
    location.assign(page);
    return;
  }
  const fresh = parse(html).querySelector("#thread");
  if (!fresh) {
    location.assign(page);
    return;
  }
  thread?.close();
  document.getElementById("thread").replaceWith(fresh);
  document.querySelector(".app").classList.add("has-thread");
  htmx.process(fresh);
  if (push) history.pushState({ thread: true }, "", page);
  attach();
  // What changed after the server had made the thread, and before it stood here, was told to nobody.
  if (heard !== before) thread?.refresh();
  if (focus) document.getElementById("text")?.focus();
  else fresh.focus();
}

rows.addEventListener("click", (event) => {
  const link = event.target.closest("a.row");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  openThread(link.href);
});
addEventListener("popstate", () => location.reload());

function attach() {
  const element = document.getElementById("thread");
  thread = element.dataset.id ? new Thread(element, { words, enter: inbox.dataset.enter === "on" }) : null;
  mark();
  title();
}

// --- live ----------------------------------------------------------------------------------------------------------

follow({
  url: inbox.dataset.stream,
  notice(told) {
    heard += 1;
    const id = told.conversation_id;
    if (told.event.startsWith("conversation.typing")) {
      if (String(id) === thread?.id && told.data?.by === "contact") thread.typing(told.event.endsWith("_on"), told.data?.state);
      return;
    }
    if (id) touch(id);
    if (id && String(id) === thread?.id) {
      if (told.message_id) thread.touch(told.message_id);
      // A change of the conversation leaves an activity line as well.
      if (told.event.startsWith("conversation.") && told.event !== "conversation.read") thread.refresh();
      else if (told.event === "message.created") thread.refreshState();
    }
    if (told.event.startsWith("contact.")) {
      if (String(told.data?.contact_id) === thread?.contact) thread.contactChanged();
      refreshRows();
    }
    if (told.event === "channel.health_changed") thread?.refreshState();
  },
  missed() {
    refreshRows();
    thread?.refresh();
  },
  connected(is) {
    document.getElementById("connection").hidden = is;
  },
});

// --- desktop notifications -----------------------------------------------------------------------------------------

const bell = document.getElementById("notify");
const wanted = () => localStorage.getItem("chatport-notify") === "on" && Notification.permission === "granted";
if ("Notification" in window && Notification.permission !== "denied") {
  bell.hidden = false;
  bell.setAttribute("aria-pressed", String(wanted()));
  bell.addEventListener("click", async () => {
    const on = !wanted() && (await Notification.requestPermission()) === "granted";
    localStorage.setItem("chatport-notify", on ? "on" : "off");
    bell.setAttribute("aria-pressed", String(on));
  });
}

function announce(row, old) {
  const more = Number(row.dataset.unread) > Number(old?.dataset.unread ?? 0);
  if (!more || row.dataset.muted || !document.hidden || !("Notification" in window) || !wanted()) return;
  const name = row.querySelector(".row-name").textContent;
  const shown = new Notification(words.new.replace("{name}", name), {
    body: row.querySelector(".row-preview").textContent.trim(),
    tag: row.id,
  });
  shown.addEventListener("click", () => {
    window.focus();
    openThread(row.querySelector("a").href);
  });
}

// --- keyboard ------------------------------------------------------------------------------------------------------

function step(by) {
  const links = [...rows.querySelectorAll("a.row")];
  const at = links.findIndex((link) => link.getAttribute("aria-current"));
  const next = links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))];
  if (next) {
    next.scrollIntoView({ block: "nearest" });
    openThread(next.href);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog, [popover]");
  if (event.key === "Escape" && event.target.id === "text") event.target.blur();
  if (typing || inbox.dataset.shortcuts !== "on") return;
  const does = {
    j: () => step(1),
    k: () => step(-1),
    Enter: () => thread?.compose("reply"),
    r: () => thread?.compose("reply"),
    n: () => thread?.compose("note"),
    e: () => document.getElementById("resolve")?.click(),
    "/": () => document.getElementById("search").focus(),
    "?": () => openDialog(document.getElementById("shortcuts-help").content.cloneNode(true)),
  }[event.key];
  // Enter does what a button or link with the focus does.
  if (event.key === "Enter" && event.target.closest?.("a, button, summary, audio, video")) return;
  if (does) {
    event.preventDefault();
    does();
  }
});

attach();
