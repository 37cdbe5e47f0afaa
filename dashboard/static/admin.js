// Screens of administrators: copying, countdowns, choosing many, saying what is wrong with a field.

import { notify } from "./base.js";
import { follow } from "./live.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    notify(button.dataset.copied);
  } catch {
    // Without a secure address there is no clipboard: select the text, so that a key press copies it.
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    notify(button.dataset.selected);
  }
});

// A field's message arrives apart from the field: tell assistive technology about its state.
document.addEventListener("htmx:afterSwap", (event) => {
  const note = event.detail.target;
  const id = note?.dataset?.noteOf ?? note?.id?.replace(/-note$/, "");
  const input = id && document.getElementById(id);
  if (!input || input === note) return;
  const fresh = document.getElementById(`${id}-note`);
  if (fresh?.querySelector(".field-problem")) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
});

// Countdown of a code that expires: at zero the code is covered, never shown dead.
setInterval(() => {
  for (const box of document.querySelectorAll("[data-expires-in]")) {
    box.endsAt ??= performance.now() + Number(box.dataset.expiresIn) * 1000;
    const left = Math.max(0, (box.endsAt - performance.now()) / 1000);
    const bar = box.querySelector("progress");
    if (bar) bar.value = left;
    const words = box.querySelector("[data-left]");
    if (words) words.textContent = box.dataset.words.replace("#", Math.ceil(left));
    box.querySelector(".qr-frame")?.classList.toggle("dead", left <= 0);
  }
}, 250);

// All boxes of a list at once.
document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-check-all]");
  if (!all) return;
  for (const box of document.querySelectorAll(`[data-check="${all.dataset.checkAll}"]`))
    box.checked = all.checked;
});

// On a narrow screen the tab of this page may be out of sight.
document.querySelector(".subtabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// Parts of a page that follow the event stream: fetched again soon after something happened that they name.
const CALM = 700;
let due = 0;
const kinds = new Set();

/** Whether somebody is at work in a part: it must not be taken from under their hands. */
function busy(part) {
  return part.contains(document.activeElement) || part.querySelector("details.confirm[open], :checked");
}

function refresh(all) {
  due = 0;
  for (const part of document.querySelectorAll("[data-live]")) {
    const wanted = all || part.dataset.live.split(" ").some((kind) => kinds.has(kind));
    if (wanted && !busy(part) && document.visibilityState === "visible") htmx.trigger(part, "live");
  }
  kinds.clear();
}

const main = document.querySelector("main[data-stream]");
if (main && document.querySelector("[data-live]"))
  follow({
    url: main.dataset.stream,
    notice({ event }) {
      kinds.add(event);
      due ||= setTimeout(refresh, CALM);
    },
    missed(why) {
      if (why !== "opened") refresh(true);
    },
    connected() {},
  });
