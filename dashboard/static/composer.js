// The composer: text, files, replies, notes, emoji, voice, templates, drafts, the customer-service window.

import { complain, get, parse, post } from "./base.js";
import { Canned } from "./canned.js";
import { EMOJI } from "./emoji.js";

const TYPING_EVERY = 6000;
/** Files that were chosen and not sent, by conversation. No store of the browser takes them: they last as long as the page. */
const chosen = new Map();
const KINDS = { image: "image", video: "video", audio: "audio" };

export class Composer {
  constructor(thread, { words, enter }) {
    Object.assign(this, { thread, words, enter });
    this.form = thread.element.querySelector("#composer");
    this.text = this.form.querySelector("#text");
    this.files = this.form.querySelector("#files");
    this.problem = this.form.querySelector("#composer-problem");
    this.limits = JSON.parse(this.form.dataset.limits);
    this.max = Number(this.form.dataset.max);
    this.aborted = new AbortController();
    this.mode = "reply";
    this.urls = [];
    this.canned = new Canned({
      form: this.form, text: this.text, words, signal: this.aborted.signal,
      inserted: () => { this.#grow(); this.#count(); this.#typing(); this.#keep(); },
    });
    this.#wire();
    this.#restore();
    this.apply();
  }

  close() {
    this.#keep();
    this.aborted.abort();
    this.recorder?.stop();
  }

  #on(target, kind, handler) {
    target?.addEventListener(kind, handler, { signal: this.aborted.signal });
  }

  #wire() {
    const part = (selector) => this.form.querySelector(selector);
    this.#on(this.form, "submit", (event) => { event.preventDefault(); this.send(); });
    this.#on(this.text, "keydown", (event) => this.#key(event));
    this.#on(this.text, "input", () => { this.#clear(); this.#grow(); this.#count(); this.#typing(); this.#keep(); });
    this.#on(this.text, "paste", (event) => {
      if (event.clipboardData.files.length) { event.preventDefault(); this.#add(event.clipboardData.files); }
    });
    this.#on(this.files, "change", () => this.#show());
    for (const button of this.form.querySelectorAll("[data-mode]"))
      this.#on(button, "click", () => { this.setMode(button.dataset.mode); this.text.focus(); });
    this.#on(part("[data-no-reply]"), "click", () => this.#noReply());
    this.#on(part("#emoji"), "click", (event) => this.#emoji(event.currentTarget));
    this.#on(part("#emoji-panel"), "keydown", (event) => this.#emojiKey(event));
    for (const button of this.form.querySelectorAll("[data-record]"))
      this.#on(button, "click", () => this.#record(button.dataset.record));
    this.#drop();
    const dialog = document.getElementById("dialog");
    this.#on(dialog, "submit", (event) => this.#template(event));
    this.#on(dialog, "input", (event) => this.#preview(event));
  }

  // --- mode and window ----------------------------------------------------------------------------------------------

  get window() {
    return this.form.querySelector("#window");
  }

  /** Follow the state of the conversation: free, templates only, or closed. */
  apply() {
    const { state } = this.window.dataset;
    if (this.max === 0 && this.mode === "reply") this.mode = "note";
    const blocked = state !== "open" && this.mode === "reply" && !this.editing;
    this.form.classList.toggle("as-note", this.mode === "note");
    for (const button of this.form.querySelectorAll("[data-mode]"))
      button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
    this.form.elements.private.value = this.mode === "note" ? "1" : "0";
    this.text.disabled = blocked;
    this.form.querySelector("#send").disabled = blocked;
    const hint = blocked ? "closedHint" : this.mode === "note" ? "noteHint" : "replyHint";
    this.text.placeholder = this.text.dataset[hint];
    const clip = this.form.querySelector("#clip");
    clip.hidden = Boolean(this.editing) || (this.mode === "reply" && (blocked || clip.dataset.needsReply === "never"));
    if (this.files.dataset.accept) this.files.accept = this.mode === "note" ? "" : this.files.dataset.accept;
    const record = this.form.querySelector("#record");
    if (record) record.hidden = this.mode === "note" || blocked || Boolean(this.editing) || Boolean(this.recorder);
    this.form.querySelector("#emoji").hidden = blocked;
    const templates = this.form.querySelector("#templates");
    this.form.querySelector("#canned").hidden = blocked;
    if (templates) templates.disabled = state === "closed";
    this.#count();
    this.showWindow();
  }

  setMode(mode) {
    if (this.mode === mode) return;
    if (this.editing) this.#noReply();
    this.mode = mode;
    this.apply();
  }

  /** The countdown of the customer-service window. */
  showWindow() {
    const line = this.form.querySelector("#window-left");
    if (!line) return;
    const left = new Date(this.window.dataset.until) - Date.now();
    if (left <= 0) {
      this.thread.refreshState();
      return;
    }
    const minutes = Math.ceil(left / 60000);
    const hours = Math.floor(minutes / 60);
    const language = document.documentElement.lang;
    const unit = (value, name) => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long" }).format(value);
    const time = hours ? `${unit(hours, "hour")} ${unit(minutes % 60, "minute")}` : unit(minutes, "minute");
    line.textContent = this.words.left.replace("{time}", time);
    line.classList.toggle("soon", left < 2 * 3600000);
  }

  // --- text ---------------------------------------------------------------------------------------------------------

  #key(event) {
    if (this.canned.key(event)) return;
    if (event.key === "Escape" && (this.editing || this.form.elements.reply_to.value)) {
      event.preventDefault();
      event.stopPropagation();
      this.#noReply();
    }
    if (event.key !== "Enter" || event.isComposing) return;
    const sends = event.ctrlKey || event.metaKey || (this.enter && !event.shiftKey && !matchMedia("(hover: none)").matches);
    if (sends) { event.preventDefault(); this.form.requestSubmit(); }
  }

  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.text.style.blockSize = "auto";
    this.text.style.blockSize = `${this.text.scrollHeight}px`;
  }

  #count() {
    const counter = this.form.querySelector("#counter");
    const left = this.max - this.text.value.length;
    counter.hidden = this.mode === "note" || left > Math.max(50, this.max / 20);
    counter.textContent = left;
    counter.classList.toggle("over", left < 0);
  }

  #insert(text) {
    this.text.setRangeText(text, this.text.selectionStart, this.text.selectionEnd, "end");
    this.text.dispatchEvent(new Event("input"));
  }

  #typing(state = "on") {
    if (!this.thread.element.dataset.typing || this.mode === "note") return;
    if (state === "on" && Date.now() - (this.typed ?? 0) < TYPING_EVERY) return;
    this.typed = Date.now();
    post(`${this.thread.base}/typing`, { state }).catch(() => {});
  }

  #draftName() { return `chatport-draft-${this.thread.base}`; }

  #keep() {
    if (this.editing) return;
    if (this.text.value) sessionStorage.setItem(this.#draftName(), JSON.stringify([this.mode, this.text.value]));
    else sessionStorage.removeItem(this.#draftName());
  }

  #restore() {
    const kept = sessionStorage.getItem(this.#draftName());
    if (kept) [this.mode, this.text.value] = JSON.parse(kept);
    const files = chosen.get(this.#draftName());
    if (files) this.#setFiles(files);
    this.#grow();
  }

  // --- replies and edits --------------------------------------------------------------------------------------------

  replyTo(item) {
    this.#noReply();
    this.setMode("reply");
    this.form.elements.reply_to.value = item.dataset.message;
    this.#strip(item, item.querySelector(".author")?.textContent || (item.classList.contains("in") ? this.thread.name : ""));
  }

  edit(item) {
    this.#noReply();
    this.#keep();
    this.setMode("reply");
    this.editing = item.dataset.message;
    get(`${this.thread.base}/messages/${this.editing}/text`).then((text) => {
      this.text.value = text;
      this.#grow();
      this.#count();
    }).catch((error) => complain(error, this.words.notSent));
    this.#strip(item, "✎");
    this.apply();
  }

  #strip(item, author) {
    const strip = this.form.querySelector("#reply-strip");
    strip.querySelector("strong").textContent = author;
    const text = item.querySelector(".text")?.innerText || item.querySelector(".bubble strong")?.textContent || "…";
    strip.querySelector(".quote span").textContent = text.slice(0, 200);
    strip.hidden = false;
    this.text.focus();
  }

  #noReply() {
    if (this.editing) this.#endEdit();
    this.form.elements.reply_to.value = "";
    this.form.querySelector("#reply-strip").hidden = true;
    this.apply();
  }

  /** Back to what was being written before a message was edited. */
  #endEdit() {
    this.editing = null;
    const kept = sessionStorage.getItem(this.#draftName());
    [this.mode, this.text.value] = kept ? JSON.parse(kept) : ["reply", ""];
    this.#grow();
  }

  // --- files --------------------------------------------------------------------------------------------------------

  #drop() {
    const zone = this.thread.element.querySelector(".thread-main");
    const cover = this.thread.element.querySelector("#drop");
    const holds = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    this.#on(zone, "dragover", (event) => { if (holds(event)) { event.preventDefault(); cover.hidden = false; } });
    this.#on(zone, "dragleave", (event) => { if (!zone.contains(event.relatedTarget)) cover.hidden = true; });
    this.#on(zone, "drop", (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      cover.hidden = true;
      this.#add(event.dataTransfer.files);
    });
  }

  #add(list) {
    if (this.files.closest("#clip").hidden) return;
    this.#setFiles([...this.files.files, ...list]);
  }

  #setFiles(list) {
    const transfer = new DataTransfer();
    for (const file of list) transfer.items.add(file);
    this.files.files = transfer.files;
    this.#show();
  }

  /** The most that a file of this type may have, as picture or the like, else as document. */
  #limit(file) {
    if (this.mode === "note") return Infinity;
    const kind = KINDS[file.type.split("/")[0]];
    return Math.max(this.limits[kind] ?? 0, this.limits.document ?? 0) || Infinity;
  }

  #show() {
    const list = this.form.querySelector("#attached");
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    this.urls = [];
    this.#clear();
    const shown = [...this.files.files].map((file, number) => {
      const line = document.createElement("li");
      if (/^image\/(png|jpeg|gif|webp)$/.test(file.type)) {
        const image = document.createElement("img");
        image.alt = "";
        image.src = URL.createObjectURL(file);
        this.urls.push(image.src);
        line.append(image);
      }
      const name = document.createElement("span");
      name.textContent = file.name;
      name.title = file.name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "ghost";
      remove.textContent = "×";
      remove.setAttribute("aria-label", this.words.remove.replace("{name}", file.name));
      remove.addEventListener("click", () => this.#setFiles([...this.files.files].filter((_, i) => i !== number)));
      line.append(name, remove);
      const limit = this.#limit(file);
      if (file.size > limit) {
        line.classList.add("wrong");
        const megabytes = `${(limit / 1e6).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 })} MB`;
        this.#say(this.words.tooLarge.replace("{name}", file.name).replace("{limit}", megabytes));
      }
      return line;
    });
    list.replaceChildren(...shown);
    list.hidden = !shown.length;
    if (shown.length) chosen.set(this.#draftName(), [...this.files.files]);
    else chosen.delete(this.#draftName());
  }

  // --- sending ------------------------------------------------------------------------------------------------------

  #say(text) {
    this.problem.textContent = "";
    const box = document.createElement("p");
    box.className = "form-problem";
    box.textContent = text;
    this.problem.append(box);
  }

  #clear() { this.problem.replaceChildren(); }

  async send() {
    const button = this.form.querySelector("#send");
    if (button.disabled || (!this.text.value.trim() && !this.files.files.length)) return;
    if (this.form.querySelector("#attached .wrong")) return;
    const values = new FormData(this.form);
    if (!this.files.files.length) values.delete("files");
    const url = this.editing ? `${this.thread.base}/messages/${this.editing}/edit` : this.form.action;
    const sent = this.text.value;
    const going = [...this.files.files].map(fileKey);
    button.disabled = true;
    this.#clear();
    try {
      const html = await post(url, values);
      this.#fresh(sent, going);
      this.thread.merge(parse(html));
      this.thread.toEnd();
    } catch (error) {
      this.#failed(error);
    } finally {
      button.disabled = false;
      this.apply();
    }
  }

  #failed(error) {
    if (error.html) this.problem.innerHTML = error.html;
    else this.#say(this.words.notSent);
  }

  #fresh(sent, going) {
    // What was typed and added while the message was on its way stays.
    const typed = this.text.value.startsWith(sent) ? this.text.value.slice(sent.length) : this.text.value;
    if (!this.editing) this.text.value = "";
    this.#noReply(); // after an edit this gives the draft back
    this.text.value += typed;
    this.#setFiles([...this.files.files].filter((file) => !going.includes(fileKey(file))));
    this.form.elements.voice.value = "";
    this.#newKey(this.form);
    this.#keep();
    this.#grow();
    this.typed = 0;
  }

  #newKey(form) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    form.elements.draft_key.value = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  }

  // --- emoji --------------------------------------------------------------------------------------------------------

  #emoji(button) {
    const panel = this.form.querySelector("#emoji-panel");
    if (!panel.children.length)
      for (const emoji of EMOJI) {
        const one = document.createElement("button");
        one.type = "button";
        one.textContent = emoji;
        one.addEventListener("click", () => { panel.hidePopover(); this.text.focus(); this.#insert(emoji); });
        panel.append(one);
      }
    panel.showPopover();
    const box = button.getBoundingClientRect();
    panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - panel.offsetWidth - 8))}px`;
    panel.style.top = `${Math.max(8, box.top - panel.offsetHeight - 8)}px`;
    panel.firstElementChild.focus();
  }

  #emojiKey(event) {
    const all = [...event.currentTarget.children];
    const columns = getComputedStyle(event.currentTarget).gridTemplateColumns.split(" ").length;
    const ahead = getComputedStyle(this.form).direction === "rtl" ? -1 : 1;
    const by = { ArrowRight: ahead, ArrowLeft: -ahead, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (!by) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, all.indexOf(document.activeElement) + by))].focus();
  }

  // --- voice --------------------------------------------------------------------------------------------------------

  async #record(what) {
    if (what !== "start") {
      this.keepRecording = what === "finish";
      this.recorder?.stop();
      return;
    }
    if (this.recorder || this.asking) return; // a second one would hold the microphone for ever
    this.asking = true;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      this.#say(this.words.noMicrophone);
      return;
    } finally {
      this.asking = false;
    }
    if (this.aborted.signal.aborted) {
      stream.getTracks().forEach((track) => track.stop());
      return;
    }
    const chunks = [];
    const box = this.form.querySelector("#recording");
    const begun = Date.now();
    this.keepRecording = false;
    this.recorder = new MediaRecorder(stream);
    this.recorder.addEventListener("dataavailable", (event) => chunks.push(event.data));
    const timer = setInterval(() => {
      const seconds = Math.floor((Date.now() - begun) / 1000);
      this.form.querySelector("#recording-time").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }, 500);
    this.recorder.addEventListener("stop", () => {
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      box.hidden = true;
      const type = this.recorder.mimeType.split(";")[0];
      this.recorder = null;
      this.apply();
      if (!this.keepRecording || this.aborted.signal.aborted) return;
      this.form.elements.voice.value = "1";
      this.#setFiles([new File(chunks, `voice.${type.split("/")[1]}`, { type })]);
      this.send();
    });
    this.recorder.start();
    this.form.querySelector("#recording-time").textContent = "0:00";
    this.apply();
    this.#typing("recording");
    box.hidden = false;
    box.querySelector('[data-record="finish"]').focus();
  }

  // --- templates ----------------------------------------------------------------------------------------------------

  #preview(event) {
    const form = event.target.closest("form[data-template]");
    if (!form) return;
    const shown = form.querySelector("[data-preview]");
    const values = Object.fromEntries([...form.querySelectorAll("[data-variable]")].map((i) => [i.dataset.variable, i.value]));
    shown.textContent = shown.dataset.preview.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (all, name) => values[name] || all);
  }

  async #template(event) {
    const form = event.target.closest("form[data-template]");
    if (!form) return;
    event.preventDefault();
    if (!form.elements.draft_key) {
      const key = document.createElement("input");
      key.type = "hidden";
      key.name = "draft_key";
      form.append(key);
      this.#newKey(form);
    }
    event.submitter.disabled = true;
    try {
      this.thread.merge(parse(await post(form.action, new FormData(form))));
      document.getElementById("dialog").close();
      this.thread.toEnd();
    } catch (error) {
      form.querySelector(".template-problem").innerHTML = error.html || "";
      if (!error.html) form.querySelector(".template-problem").textContent = this.words.notSent;
    } finally {
      event.submitter.disabled = false;
    }
  }
}

/** What tells a chosen file from another one. */
function fileKey(file) { return `${file.name}/${file.size}/${file.lastModified}`; }
