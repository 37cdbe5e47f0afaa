// Canned answers while writing: "/" at the beginning of a word opens them, the keyboard chooses one.

import { complain, get, parse } from "./base.js";

const WORD = /(^|\s)\/([^\s/]*)$/;

export class Canned {
  /** @param {{form: Element, text: HTMLTextAreaElement, signal: AbortSignal, words: DOMStringMap, inserted: function}} given */
  constructor({ form, text, signal, words, inserted }) {
    Object.assign(this, { text, words, inserted });
    this.panel = form.querySelector("#canned-panel");
    this.list = form.querySelector("#canned-list");
    this.asked = 0;
    const on = (target, kind, handler) => target.addEventListener(kind, handler, { signal });
    on(text, "input", () => this.#typed());
    on(text, "blur", () => setTimeout(() => { if (!this.panel.contains(document.activeElement)) this.close(); }, 150));
    on(text, "click", () => this.#typed());
    on(form.querySelector("#canned"), "click", () => this.#begin());
    on(this.list, "pointerdown", (event) => event.preventDefault()); // the text keeps the focus
    on(this.list, "click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#choose(option);
    });
  }

  get isOpen() { return !this.panel.hidden; }

  close() {
    this.asked += 1; // what is on its way comes too late
    this.panel.hidden = true;
    this.text.removeAttribute("aria-activedescendant");
  }

  /** Whether the key was meant for the list. */
  key(event) {
    if (!this.isOpen || event.isComposing) return false;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const options = [...this.list.querySelectorAll("[role=option]")];
    if (by && options.length) {
      const at = options.indexOf(this.#active());
      this.#mark(options[(at + by + options.length) % options.length]);
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && this.#active()) this.#choose(this.#active());
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #before() { return this.text.value.slice(0, this.text.selectionStart); }

  #begin() {
    this.text.focus();
    if (this.isOpen) return this.close();
    const before = this.#before();
    if (!WORD.test(before)) {
      const mark = before && !/\s$/.test(before) ? " /" : "/";
      this.text.setRangeText(mark, this.text.selectionStart, this.text.selectionEnd, "end");
    }
    this.text.dispatchEvent(new Event("input"));
    return undefined;
  }

  async #typed() {
    const found = this.text.disabled ? null : WORD.exec(this.#before());
    if (!found) return this.close();
    this.asked += 1;
    const turn = this.asked;
    let html;
    try {
      html = await get(`${this.panel.dataset.url}?q=${encodeURIComponent(found[2])}`);
    } catch (error) {
      if (turn === this.asked) complain(error, this.words.notSent);
      return undefined;
    }
    if (turn !== this.asked) return undefined;
    this.list.replaceChildren(...parse(html).children);
    this.panel.hidden = false;
    this.#mark(this.list.querySelector("[role=option]"));
    return undefined;
  }

  #active() { return this.list.querySelector('[aria-selected="true"]'); }

  #mark(option) {
    for (const other of this.list.querySelectorAll("[role=option]")) other.setAttribute("aria-selected", String(other === option));
    if (!option) return this.text.removeAttribute("aria-activedescendant");
    this.text.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
    return undefined;
  }

  #choose(option) {
    const found = WORD.exec(this.#before());
    const end = this.text.selectionStart;
    const start = found ? end - found[2].length - 1 : end;
    this.close();
    this.text.focus();
    this.text.setRangeText(option.dataset.text, start, end, "end");
    this.inserted();
  }
}
