// Saving: by itself while somebody types, and before they leave.
"use strict";

const editor = $("#editor");
const problem = $("#state-text").dataset.problem;
// How often something was typed: in all, when the last request was sent, when the last one was
// kept. A form that came back was typed before.
let typed = problem ? 1 : 0;
let sent = 0;
let kept = 0;
let retry;
let whenAnswered = [];
const save = () => htmx.trigger(editor, "submit");
editor.elements.etag.id = "etag";
// Nobody has chosen yet.
if (problem === "conflict") $("#etag").value = "";

isDirty = () => typed !== kept;
saved = () =>
  new Promise((resolve) => {
    if (!isDirty()) return resolve();
    whenAnswered.push(resolve);
    setTimeout(resolve, 5000);
    save();
  });

const mark = () => editor.toggleAttribute("data-dirty", isDirty());
mark();

function say(text) {
  const state = document.createElement("strong");
  state.className = "error";
  state.textContent = text;
  $("#state").replaceChildren(state);
}

editor.addEventListener("input", () => {
  typed += 1;
  mark();
});

editor.addEventListener("htmx:configRequest", ({ detail }) => {
  clearTimeout(retry);
  detail.path = editor.getAttribute("action");
  sent = typed;
});

editor.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
  const isPage = has(xhr, "state-text");
  const isKept = isPage && xhr.status === 200;
  if (isPage) editor.setAttribute("action", $("#state-text").dataset.action);
  if (isKept) {
    kept = sent;
  } else if (xhr.status === 401 || isLogin(xhr)) {
    delete sessionStorage.renewed;
    if (!isPage) $("#state").replaceChildren($("#signed-out").content.cloneNode(true));
  } else if (!isPage) {
    const reason = xhr.status ? `the answer was ${xhr.status}` : "there is no connection";
    say(`Not saved: ${reason}. It is tried again.`);
    retry = setTimeout(save, 5000);
  }
  mark();
  if (!isDirty() || !isKept) for (const resolve of whenAnswered.splice(0)) resolve();
});

document.addEventListener("click", async (event) => {
  const target = event.target.closest("a, button");
  if (!target) return;
  // The three ways out of a conflict.
  if (target.matches("[data-meant]")) $("#etag").value = target.dataset.meant;
  if (target.matches("[formaction]")) editor.setAttribute("action", target.getAttribute("formaction"));
  if (target.matches("[data-drop]")) kept = typed;
  if (target.closest("#conflict")) $("#content").focus();
  const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey || target.target;
  if (!target.href || isElsewhere || !isDirty()) return;
  event.preventDefault();
  await saved();
  location.assign(target.href);
});

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key !== "s") return;
  event.preventDefault();
  save();
});

addEventListener("beforeunload", (event) => {
  if (isDirty()) event.preventDefault();
});
// Back from signing in beside this page, or gone to do something else. In a conflict there is nothing
// to save but by choice: an answer would put new buttons in place of the one that has the focus.
const saveUnasked = () => isDirty() && $("#conflict").hidden && save();
for (const moment of ["focus", "online"]) addEventListener(moment, saveUnasked);
document.addEventListener("visibilitychange", () => document.hidden && saveUnasked());
