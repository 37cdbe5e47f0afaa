// Plays the customers' phones through the control interface. Draws from /_sim/state; keeps no state of its own
// but the open chat, the speaker in a group and the message that is being answered.
"use strict";

const base = location.pathname.replace(/phone$/, "");
const byId = (id) => document.getElementById(id);
const EMOJI = ["👍", "❤️", "😂"];
const SAMPLES = {
  location: { latitude: "-34.6037", longitude: "-58.3816", name_of_place: "Obelisco" },
  contact: { contact_name: "Budi Santoso", contact_phone: "6281355501234" },
};
let world = null;
let open = decodeURIComponent(location.hash.slice(1)) || null; // the address names the open chat
let replyTo = "";
let drawn = "";

async function order(path, body, method = "POST") {
  const answer = await fetch(base + path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: method === "POST" ? JSON.stringify(body || {}) : undefined,
  });
  const result = await answer.json().catch(() => ({}));
  const problem = byId("problem");
  problem.hidden = answer.ok;
  problem.textContent = answer.ok ? "" : result.error || `The simulator answered ${answer.status}.`;
  await refresh();
  return answer.ok;
}

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function button(text, action) {
  const element = make("button", text, { type: "button" });
  element.addEventListener("click", action);
  return element;
}

const groupOf = (jid) => world.groups.find((group) => group.jid === jid);
const phoneOf = (jid) => jid.split("@")[0];
const speaker = () => (groupOf(open) ? byId("speaker").value : phoneOf(open));
const chatOf = (jid) => (world.chats.find((chat) => chat.jid === jid) || { messages: [] }).messages;

function nameOf(jid) {
  const group = groupOf(jid);
  const person = world.people.find((one) => one.jid === jid);
  return group ? group.name || jid : person ? person.name : phoneOf(jid);
}

const speak = (kind, body = {}) => {
  const group = groupOf(open) ? { group: open } : {};
  return order(`customers/${encodeURIComponent(speaker())}/${kind}`, { ...group, ...body });
};

function show(jid) {
  open = jid;
  replyTo = "";
  history.replaceState(null, "", `#${encodeURIComponent(jid)}`);
  draw();
}

function drawChats() {
  const jids = new Set([...world.groups, ...world.people, ...world.chats].map((one) => one.jid));
  byId("chats").replaceChildren(...[...jids].map((jid) => {
    const item = make("li");
    const choose = button(nameOf(jid), () => show(jid));
    choose.setAttribute("aria-current", String(jid === open));
    item.append(choose);
    return item;
  }));
}

function ticks(message) {
  if (!message.through_api) return "typed on the business's own phone";
  if (message.acks.includes("read")) return "✓✓ read";
  return message.acks.includes("delivered") ? "✓✓ delivered" : "✓ sent";
}

function drawMessage(message) {
  const item = make("li", "", { class: message.from_me ? "business" : "customer" });
  if (groupOf(open) && !message.from_me) item.append(make("small", message.sender_name));
  if (message.reply_to) item.append(make("small", `↩ ${(chatOf(open).find((one) => one.id === message.reply_to) || {}).text || message.reply_to}`));
  if (message.has_file && message.content_type.startsWith("image/")) {
    item.append(make("img", "", { src: `${base}media/${message.id}`, alt: message.filename }));
  } else if (message.has_file) {
    item.append(make("a", `${message.kind}: ${message.filename}`, { href: `${base}media/${message.id}` }));
  }
  const text = message.revoked ? "(deleted)" : message.text || (message.has_file ? "" : `[${message.kind}]`);
  item.append(make("p", text));
  const notes = [message.at.slice(11, 16), message.edited ? "edited" : "", message.reactions.join(" ")];
  if (message.from_me) notes.push(ticks(message));
  item.append(make("small", notes.filter(Boolean).join(" · ")));
  item.append(drawActions(message));
  return item;
}

function drawActions(message) {
  const actions = make("div", "", { class: "actions" });
  const target = { source_id: message.id };
  actions.append(button("Answer", () => { replyTo = message.id; draw(); }));
  for (const emoji of EMOJI) actions.append(button(emoji, () => speak("react", { ...target, emoji })));
  actions.append(button("No reaction", () => speak("react", { ...target, emoji: "" })));
  if (message.from_me && message.through_api) {
    actions.append(button("Delivered", () => speak("delivered", target)), button("Read", () => speak("read", target)));
  }
  if (!message.from_me && !message.revoked) {
    actions.append(button("Edit", () => {
      const text = prompt("New text", message.text);
      if (text) speak("edit", { ...target, text });
    }), button("Delete", () => speak("revoke", target)));
  }
  return actions;
}

function drawChat() {
  byId("chat").hidden = !open;
  byId("empty").hidden = Boolean(open);
  if (!open) return;
  const group = groupOf(open);
  byId("chat-name").textContent = nameOf(open);
  byId("speaker-label").hidden = byId("group-change").hidden = !group;
  if (group) {
    const chosen = byId("speaker").value;
    byId("speaker").replaceChildren(...group.members.map((one) => make("option", nameOf(`${one.phone}@s.whatsapp.net`), { value: one.phone })));
    if (group.members.some((one) => one.phone === chosen)) byId("speaker").value = chosen;
  }
  const list = byId("messages");
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 20;
  list.replaceChildren(...chatOf(open).map(drawMessage));
  if (atEnd) list.scrollTop = list.scrollHeight;
  byId("reply").hidden = !replyTo;
  byId("reply-text").textContent = (chatOf(open).find((one) => one.id === replyTo) || {}).text || replyTo;
}

function drawService() {
  byId("service").textContent = `GoWA ${world.version}, webhooks to ${world.webhook_url || "nobody"}`;
  const devices = world.devices.map((one) => make("li", `${one.id}: ${one.state} ${one.jid}`));
  byId("devices").replaceChildren(...(devices.length ? devices : [make("li", "none")]));
  for (const radio of document.querySelectorAll("[name=tick]")) radio.checked = radio.value === world.tick;
  byId("faults").replaceChildren(...world.faults.map((one) => make("li", `${one.path}: ${one.mode} × ${one.count || "always"}`)));
  byId("deliveries").replaceChildren(...[...world.deliveries].reverse().map((one) => {
    const state = one.delivered ? "✓" : one.done ? "✗ given up" : "…";
    return make("li", `${state} ${one.event} – ${one.status || "no answer"} (${one.attempts})`, { title: one.body });
  }));
}

function draw() { drawChats(); drawChat(); drawService(); }

async function refresh() {
  try {
    const text = await (await fetch(`${base}state`)).text();
    if (text === drawn) return;
    drawn = text;
    world = JSON.parse(text);
    draw();
  } catch {
    byId("service").textContent = "The simulator does not answer.";
    drawn = "";
  }
}

const fields = (form) => Object.fromEntries(new FormData(form));
function onSubmit(id, action) {
  byId(id).addEventListener("submit", (event) => { event.preventDefault(); action(event.target, event.submitter); });
}

const readFile = (file) => new Promise((resolve) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.split(",")[1] || "");
  reader.readAsDataURL(file);
});

onSubmit("new-customer", async (form) => {
  const { phone, name } = fields(form);
  if (await order(`customers/${encodeURIComponent(phone)}`, { name })) {
    show(`${phone.replace(/\D/g, "")}@s.whatsapp.net`);
    form.reset();
  }
});
onSubmit("new-group", async (form) => {
  const { name, members } = fields(form);
  if (await order("groups", { name, members: members.split(",") })) form.reset();
});
onSubmit("write", async (form) => {
  const { text, file } = fields(form);
  if (!text && !file.size) return;
  const kind = file.size ? ({ image: "image", video: "video", audio: "voice" }[file.type.split("/")[0]] || "document") : "text";
  const body = file.size ? { data: await readFile(file), filename: file.name, caption: text } : { text, reply_to: replyTo };
  if (await speak(kind, body)) { replyTo = ""; form.reset(); draw(); }
});
onSubmit("own-phone", async (form) => {
  if (await order("own-phone/text", { to: open, text: fields(form).text })) form.reset();
});
onSubmit("group-change", (form, submitter) => {
  const phones = fields(form).phones.split(",").filter(Boolean);
  order(`groups/${encodeURIComponent(open)}/${submitter.dataset.change}`, { phones });
});
onSubmit("fault", (form) => {
  const { path, mode, count } = fields(form);
  order("faults", { path, mode, count: Number(count) || null });
});
byId("no-reply").addEventListener("click", () => { replyTo = ""; draw(); });
byId("clear-faults").addEventListener("click", () => order("faults", null, "DELETE"));
for (const element of document.querySelectorAll("[data-order]")) element.addEventListener("click", () => order(element.dataset.order));
for (const element of document.querySelectorAll("[data-sample]")) {
  element.addEventListener("click", () => speak(element.dataset.sample, SAMPLES[element.dataset.sample]));
}
for (const element of document.querySelectorAll("[data-do]")) {
  element.addEventListener("click", () => {
    if (element.dataset.do !== "read-all") return speak(element.dataset.do);
    const unread = chatOf(open).filter((one) => one.through_api && !one.acks.includes("read")).map((one) => one.id);
    return unread.length ? speak("read", { source_ids: unread }) : undefined;
  });
}
for (const radio of document.querySelectorAll("[name=tick]")) {
  radio.addEventListener("change", () => order("settings", { tick: radio.value }));
}

async function start() {
  const { modes, webhook_modes: webhookModes } = await (await fetch(`${base}faults`)).json();
  const all = { ...modes, ...webhookModes };
  byId("fault").mode.replaceChildren(...Object.keys(all).map((mode) => make("option", mode, { value: mode, title: all[mode] })));
  await refresh();
  setInterval(refresh, 1500);
}
start();
