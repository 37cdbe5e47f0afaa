// One open thread: its messages, what can be done with them, and its composer.

import { complain, get, notify, openDialog, parse, post } from "./base.js";
import { Composer } from "./composer.js";

const NEAR_END = 120;

export class Thread {
  constructor(element, { words, enter }) {
    Object.assign(this, { element, words });
    ({ id: this.id, number: this.number, name: this.name, contact: this.contact, base: this.base } = element.dataset);
    this.log = element.querySelector("#log");
    this.scroller = element.querySelector("#scroller");
    this.end = element.querySelector("#to-end");
    this.waiting = new Set();
    this.aborted = new AbortController();
    this.unseen = 0;
    this.#takeOlderMark(this.log);
    this.composer = new Composer(this, { words, enter });
    this.#wire();
    const target = new URL(location.href).searchParams.get("message");
    if (target) this.jump(target);
    else this.toEnd();
    this.#seen(Number(element.dataset.unread) > 0);
    this.clock = setInterval(() => this.composer.showWindow(), 20000);
  }

  close() {
    this.aborted.abort();
    clearInterval(this.clock);
    clearTimeout(this.timer);
    this.composer.close();
  }

  #on(target, kind, handler, options) {
    target.addEventListener(kind, handler, { signal: this.aborted.signal, ...options });
  }

  #wire() {
    this.#on(this.scroller, "scroll", () => this.#scrolled(), { passive: true });
    this.#on(this.end, "click", () => this.toEnd());
    this.#on(this.element, "click", (event) => this.#clicked(event));
    this.#on(this.log, "contextmenu", (event) => {
      const item = event.target.closest("[data-message]");
      if (!item?.dataset.can || event.target.closest("a, img, video, audio") || String(getSelection())) return;
      event.preventDefault();
      this.#openMenu(item, event.clientX, event.clientY);
    });
    const head = () => { if (this.stale) this.refreshState(); };
    this.#on(this.element, "toggle", (event) => { if (event.target.closest("#thread-head")) head(); }, { capture: true });
    this.#on(this.element, "focusout", (event) => { if (event.target.closest("#thread-head")) setTimeout(head); });
    this.#on(document, "visibilitychange", () => this.#seen());
    this.#on(window, "focus", () => this.#seen());
    // Pictures that load late must not push the newest message out of sight.
    this.#on(this.log, "load", () => { if (this.sticky) this.toEnd(); }, { capture: true });
    const menu = this.element.querySelector("#message-menu");
    this.#on(menu, "toggle", (event) => {
      if (event.newState === "closed") {
        this.opener?.setAttribute("aria-expanded", "false");
        this.opener = null;
      }
    });
    this.#on(menu, "keydown", (event) => {
      const items = [...menu.querySelectorAll("button")].filter((b) => b.offsetParent);
      const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      items[(items.indexOf(document.activeElement) + by + items.length) % items.length].focus();
    });
    this.sticky = true;
    const observer = new ResizeObserver(() => { if (this.sticky) this.toEnd(); });
    observer.observe(this.scroller);
    observer.observe(this.log);
  }

  // --- messages -----------------------------------------------------------------------------------------------------

  /** A message has changed or is new. */
  touch(id) {
    this.waiting.add(String(id));
    this.timer ||= setTimeout(() => this.#fetchWaiting(), 60);
  }

  async #fetchWaiting() {
    this.timer = 0;
    const ids = [...this.waiting].slice(0, 100);
    this.waiting.clear();
    try {
      this.merge(parse(await get(`${this.base}/log?ids=${ids.join(",")}`)));
    } catch {
      ids.forEach((id) => this.waiting.add(id)); // fetched with the next notice or poll
    }
  }

  /** Everything from the first shown message on, as it is now. */
  async refresh() {
    const first = this.log.querySelector("[data-message]");
    const query = new URLSearchParams({ known: this.digest ?? "" });
    if (first) query.set("from", first.dataset.place);
    this.waiting.clear();
    try {
      const html = await get(`${this.base}/log?${query}`);
      if (!html) return this.refreshState(); // nothing has changed
      const fragment = parse(html);
      const digest = fragment.querySelector("#log-older")?.dataset.digest;
      const fresh = new Set([...fragment.querySelectorAll("[data-message]")].map((item) => item.id));
      if (!this.aborted.signal.aborted) {
        for (const item of this.log.querySelectorAll("[data-message]")) if (!fresh.has(item.id)) item.remove();
        this.merge(fragment);
        this.digest = digest;
      }
    } catch (error) {
      leaveIfGone(error);
      return undefined; // tried again by the next poll
    }
    return this.refreshState();
  }

  /** Put fetched messages into their places. */
  merge(fragment, { older = false } = {}) {
    if (this.aborted.signal.aborted) return;
    const atEnd = this.sticky;
    this.digest = null;
    let added = 0;
    for (const item of fragment.querySelectorAll("[data-message]")) {
      const old = document.getElementById(item.id);
      if (old?.dataset.version === item.dataset.version) continue;
      if (old) {
        const inside = old.contains(document.activeElement);
        old.replaceWith(item);
        if (inside) item.focus({ preventScroll: true });
      } else if (this.#insert(item, older)) {
        if (!older && item.classList.contains("in")) added += 1;
      }
    }
    this.#arrange();
    this.element.querySelector("#log-empty").hidden = Boolean(this.log.querySelector("[data-message]"));
    if (atEnd && !older) this.toEnd();
    if (added) {
      if (!atEnd) this.#countUnseen(added);
      this.#seen(true);
      this.typing(false);
    }
  }

  #insert(item, older) {
    const items = [...this.log.querySelectorAll("[data-message]")];
    const after = items.find((other) => other.dataset.sort > item.dataset.sort);
    // What lies before the loaded part comes with scrolling.
    if (!older && after === items[0] && items.length && this.older) return false;
    this.log.insertBefore(item, after ?? null);
    return true;
  }

  /** Date lines and groups of messages by one author follow from the order. */
  #arrange() {
    for (const line of this.log.querySelectorAll(".day")) line.remove();
    let previous = null;
    for (const item of this.log.querySelectorAll("[data-message]")) {
      const sameDay = previous?.dataset.day === item.dataset.day;
      if (!sameDay) {
        const line = document.createElement("li");
        line.className = "day";
        const text = document.createElement("span");
        text.textContent = item.dataset.dayLabel;
        line.append(text);
        item.before(line);
      }
      item.classList.toggle("follows", sameDay && previous?.dataset.author === item.dataset.author);
      previous = item;
    }
  }

  #takeOlderMark(place) {
    const found = place.querySelector("#log-older");
    this.older = found?.dataset.older === "1";
    this.digest = found?.dataset.digest;
    this.log.querySelector("#log-older")?.remove();
  }

  async #loadOlder() {
    const first = this.log.querySelector("[data-message]");
    if (this.loading || !this.older || !first) return;
    this.loading = true;
    try {
      const fragment = parse(await get(`${this.base}/log?before=${encodeURIComponent(first.dataset.place)}`));
      const height = this.scroller.scrollHeight - this.scroller.scrollTop;
      this.#takeOlderMark(fragment);
      this.merge(fragment, { older: true });
      this.scroller.scrollTop = this.scroller.scrollHeight - height;
    } catch {
      notify(this.words.notSent, { problem: true });
    } finally {
      this.loading = false;
    }
  }

  // --- scrolling and being seen -------------------------------------------------------------------------------------

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#scrolled();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // What grows below moves nobody away from the end; only scrolling up does.
    if (scrollHeight - scrollTop - clientHeight < NEAR_END) this.sticky = true;
    else if (scrollTop < this.top) this.sticky = false;
    this.top = scrollTop;
    this.end.hidden = this.sticky;
    if (this.sticky) {
      this.#countUnseen(-this.unseen);
      this.#seen();
    }
    this.#coverDays();
    if (scrollTop < 400) this.#loadOlder();
  }

  /** Of the dates that stick to the top, only the last is read; those below it would show around its edges. */
  #coverDays() {
    const top = this.scroller.getBoundingClientRect().top + 24;
    const stuck = [...this.log.querySelectorAll(".day")].filter((day) => day.getBoundingClientRect().top <= top);
    for (const day of stuck.slice(0, -1)) day.classList.add("covered");
    stuck.at(-1)?.classList.remove("covered");
  }

  #countUnseen(more) {
    this.unseen += more;
    const count = this.end.querySelector(".count");
    count.hidden = !this.unseen;
    count.textContent = this.unseen;
  }

  #seen(unread = false) {
    this.unread ||= unread;
    if (!this.unread || document.hidden || !document.hasFocus() || !this.sticky) return;
    this.unread = false;
    post(`${this.base}/seen`).catch(() => { this.unread = true; });
  }

  async jump(id) {
    let item = document.getElementById(`m${id}`);
    for (let tries = 0; !item && this.older && tries < 20; tries += 1) {
      await this.#loadOlder();
      item = document.getElementById(`m${id}`);
    }
    if (!item) {
      location.assign(`${this.base}?message=${id}`);
      return;
    }
    item.scrollIntoView({ block: "center" });
    this.sticky = false; // or the next change of size goes back to the end
    this.#scrolled();
    item.classList.remove("flash");
    void item.offsetWidth; // begins the animation again
    item.classList.add("flash");
    item.focus({ preventScroll: true });
  }

  // --- head and side ------------------------------------------------------------------------------------------------

  async refreshState() {
    const head = this.element.querySelector("#thread-head");
    if (head.querySelector("details[open]") || head.querySelector(":focus:is(input, select)")) {
      this.stale = true; // shown once nobody is in the menu any more
      return;
    }
    this.stale = false;
    try {
      const fragment = parse(await get(`${this.base}/state${location.search}`));
      if (this.aborted.signal.aborted) return;
      for (const part of fragment.querySelectorAll("[data-swap]")) {
        const old = document.getElementById(part.id);
        const focused = old?.contains(document.activeElement) ? document.activeElement.id : "";
        old?.replaceWith(part);
        htmx.process(part);
        if (focused) document.getElementById(focused)?.focus();
      }
      this.composer.apply();
    } catch (error) {
      leaveIfGone(error); // else tried again with the next notice or poll
    }
  }

  async contactChanged() {
    this.refreshState();
    const side = this.element.querySelector("#side");
    if (!side.hidden && !side.contains(document.activeElement)) this.#loadSide(side);
  }

  async #loadSide(side) {
    try {
      side.innerHTML = await get(side.dataset.url);
      htmx.process(side);
    } catch (error) {
      complain(error, this.words.notSent);
    }
  }

  #toggleSide() {
    const side = this.element.querySelector("#side");
    side.hidden = !side.hidden;
    const opener = this.element.querySelector(".who");
    opener.setAttribute("aria-expanded", String(!side.hidden));
    if (side.hidden) opener.focus();
    else this.#loadSide(side);
  }

  typing(is, state = "") {
    const line = this.element.querySelector(".sub-typing");
    if (!line) return;
    line.hidden = !is;
    line.textContent = is ? (state === "recording" ? this.words.recording : this.words.typing) : "";
    this.element.querySelector(".sub-plain").hidden = is;
    clearTimeout(this.typingTimer);
    if (is) this.typingTimer = setTimeout(() => this.typing(false), 12000);
  }

  compose(mode) {
    this.composer.setMode(mode);
    this.composer.text.focus();
  }

  // --- what can be done with messages -------------------------------------------------------------------------------

  #clicked(event) {
    const jump = event.target.closest("[data-jump]");
    if (jump) return this.jump(jump.dataset.jump);
    if (event.target.closest("[data-side]")) return this.#toggleSide();
    const more = event.target.closest("[data-menu]");
    if (more) {
      const box = more.getBoundingClientRect();
      this.opener = more;
      more.setAttribute("aria-expanded", "true");
      return this.#openMenu(more.closest("[data-message]"), box.left, box.bottom + 4);
    }
    const action = event.target.closest("[data-do]");
    if (action) this.#do(action.dataset, action.closest("[data-message]") ?? this.target);
    return undefined;
  }

  #openMenu(item, x, y) {
    const menu = this.element.querySelector("#message-menu");
    this.target = item;
    const can = new Set(item.dataset.can.split(" "));
    for (const entry of menu.querySelectorAll("[data-needs]")) entry.hidden = !can.has(entry.dataset.needs);
    menu.showPopover();
    const { offsetWidth: width, offsetHeight: height } = menu;
    menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
    menu.style.top = `${y + height > innerHeight - 8 ? Math.max(8, y - height - 40) : y}px`;
    [...menu.querySelectorAll("button")].find((b) => b.offsetParent)?.focus();
  }

  async #do({ do: what, emoji }, item) {
    const menu = this.element.querySelector("#message-menu");
    if (menu.matches(":popover-open")) menu.hidePopover();
    if (!item) return;
    const id = item.dataset.message;
    const url = `${this.base}/messages/${id}`;
    const text = item.querySelector(".text")?.innerText ?? "";
    try {
      if (what === "reply") this.composer.replyTo(item);
      else if (what === "copy") await this.#copy(text);
      else if (what === "link") await this.#copy(new URL(`${this.base}?message=${id}`, location.href).href);
      else if (what === "details") openDialog(parse(await get(`${url}/details`)));
      else if (what === "edit") this.composer.edit(item);
      else if (what === "react") this.merge(parse(await post(`${url}/react`, { emoji })));
      else if (what === "unreact") this.merge(parse(await post(`${url}/react`, { emoji: "" })));
      else if (what === "retry") this.merge(parse(await post(`${url}/retry`)));
      else if (what === "revoke" && confirm(this.words.revoke)) this.merge(parse(await post(`${url}/revoke`)));
    } catch (error) {
      complain(error, this.words.notSent);
    }
  }

  async #copy(text) {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyPlainly(text);
    notify(this.words.copied);
  }
}

/** Whoever may not see the conversation any more keeps nothing of it on the screen. */
function leaveIfGone(error) {
  if (error.status === 404) location.assign(document.getElementById("filters").action);
}

/** Copy where the page has no secure address, and with it no clipboard. */
function copyPlainly(text) {
  const box = document.createElement("textarea");
  box.className = "unseen";
  box.value = text;
  document.body.append(box);
  const before = document.activeElement;
  box.select();
  document.execCommand("copy");
  box.remove();
  before?.focus();
}
