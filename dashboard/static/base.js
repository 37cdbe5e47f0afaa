// Behaviour that all screens share: tokens for htmx, notices, dialogs, menus, theme, time zone.

const root = document.documentElement;
export const csrf = () => document.querySelector('meta[name="csrf"]')?.content ?? "";

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = csrf();
});

/** Show a short message; problems stay until they are dismissed. */
export function notify(text, { problem = false } = {}) {
  const box = document.createElement("div");
  box.className = problem ? "notice problem" : "notice";
  if (problem) box.setAttribute("role", "alert");
  const words = document.createElement("p");
  words.textContent = text;
  box.append(words);
  document.getElementById("notices").append(box);
  setTimeout(() => box.remove(), problem ? 12000 : 3500);
}

/** Post values; gives the answer's HTML, or throws an Error whose `html` is the problem to show. */
export async function post(url, values = {}) {
  const body = values instanceof FormData ? values : new URLSearchParams(values);
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: { "HX-Request": "true", "X-CSRF-Token": csrf() },
  });
  return unpack(response);
}

/** Fetch a fragment. */
export async function get(url) {
  return unpack(await fetch(url, { headers: { "HX-Request": "true" } }));
}

async function unpack(response) {
  const target = response.headers.get("HX-Redirect");
  if (target) {
    location.assign(target);
    return "";
  }
  const html = await response.text();
  if (response.ok) return html;
  const error = new Error(`HTTP ${response.status}`);
  error.status = response.status;
  error.html = response.headers.get("HX-Retarget") ? html : "";
  throw error;
}

/** Show what a failed request said. */
export function complain(error, fallback) {
  if (error.html) document.getElementById("notices").insertAdjacentHTML("beforeend", error.html);
  else notify(fallback, { problem: true });
}

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// Notices
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dismiss]");
  if (button) button.closest(".notice").remove();
});
new MutationObserver((changes) => {
  for (const change of changes)
    for (const node of change.addedNodes)
      if (node.nodeType === 1 && node.classList.contains("problem")) {
        setTimeout(() => node.remove(), 20000);
        if (dialog.open) tellInDialog(node);
      }
}).observe(document.getElementById("notices"), { childList: true });

/** An open dialog makes all else unreachable and unheard, so its problems stand in it. */
function tellInDialog(node) {
  let box = dialog.querySelector(":scope > .dialog-problem");
  if (!box) {
    box = document.createElement("div");
    box.className = "dialog-problem";
    box.setAttribute("role", "alert");
    dialog.append(box);
  }
  box.replaceChildren(node);
  box.scrollIntoView({ block: "nearest" });
}

// Dialogs: whatever is swapped into #dialog opens it.
const dialog = document.getElementById("dialog");
export function openDialog(content) {
  if (content) dialog.replaceChildren(content);
  if (!dialog.open) dialog.showModal();
}
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === dialog) openDialog();
});
document.addEventListener("htmx:responseError", (event) => {
  if (!event.detail.xhr.getResponseHeader("HX-Retarget")) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status >= 400 && !xhr.getResponseHeader("HX-Retarget")) event.detail.shouldSwap = false;
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
dialog.addEventListener("close", () => dialog.replaceChildren());

// Menus close on a click elsewhere and on Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// Theme: at once, and kept at the server.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-switch]");
  if (!form) return;
  event.preventDefault();
  const chosen = event.submitter.value;
  root.dataset.theme = chosen;
  for (const button of form.querySelectorAll("button"))
    button.setAttribute("aria-pressed", String(button.value === chosen));
  post(form.action, { theme: chosen }).catch((error) => complain(error, error.message));
});

// The server shows times in the reader's zone from the next page on.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`chatport_zone=${zone}`))
  document.cookie = `chatport_zone=${zone};path=/;max-age=31536000;samesite=lax`;
