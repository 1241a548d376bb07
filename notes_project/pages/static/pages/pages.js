// What the notes pages can do besides with a script: everything here has its way without one.
"use strict";

const $ = (selector) => document.querySelector(selector);
const LOGIN = "/login/";
const editor = $("#editor");
document.documentElement.classList.add("js");

// --- Signed in -----------------------------------------------------------------------------------
// The access token lives for five minutes; while the session does, /login/ gives a new one.
const TOKEN_LIFETIME = 240_000;

async function renew() {
  if (Date.now() - Number(sessionStorage.renewed ?? 0) < TOKEN_LIFETIME) return;
  try {
    const answer = await fetch(`${LOGIN}?next=/notes/signed-in/`, { headers: { Accept: "text/html" } });
    if (answer.ok && new URL(answer.url).pathname !== LOGIN) sessionStorage.renewed = Date.now();
  } catch {
    // Without a connection: what follows says so.
  }
}

document.addEventListener("htmx:confirm", (event) => {
  event.preventDefault();
  renew().then(() => event.detail.issueRequest(true));
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  event.preventDefault();
  await saved();
  await renew();
  form.submit();
});

// --- Answers that are not the page that was asked for --------------------------------------------
// Those come again by themselves.
const isPassing = (status) => status === 0 || status === 429 || status >= 500;
const has = (xhr, id) => !isPassing(xhr.status) && xhr.responseText.includes(`id="${id}"`);

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt } = detail.requestConfig;
  if (has(detail.xhr, elt.getAttribute("hx-select").slice(1))) return;
  detail.shouldSwap = false;
  if (new URL(detail.xhr.responseURL).pathname === LOGIN && elt !== editor) {
    location.assign(detail.xhr.responseURL);
  } else if (elt.id === "import") {
    $("#file-error").textContent = `Nothing is known of this import: the answer was ${detail.xhr.status}.`;
  }
});

// --- Saving --------------------------------------------------------------------------------------
// How often something was typed: in all, when the last request was sent, when the last one was kept.
let typed = 0;
let sent = 0;
let kept = 0;
let retry;
let whenSaved = [];
const save = () => htmx.trigger(editor, "submit");

function isDirty() {
  editor.toggleAttribute("data-dirty", typed !== kept);
  return typed !== kept;
}

function saved() {
  if (!editor || !isDirty()) return Promise.resolve();
  return new Promise((resolve) => {
    whenSaved.push(resolve);
    setTimeout(resolve, 5000);
    save();
  });
}

function say(text) {
  const state = document.createElement("strong");
  state.className = "error";
  state.textContent = text;
  $("#state").replaceChildren(state);
}

if (editor) {
  editor.addEventListener("input", () => {
    typed += 1;
    isDirty();
  });
  editor.addEventListener("htmx:configRequest", ({ detail }) => {
    clearTimeout(retry);
    detail.path = editor.getAttribute("action");
    sent = typed;
  });
  editor.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
    const isPage = has(xhr, "state-text");
    const problem = isPage && $("#state-text").dataset.problem;
    if (isPage && xhr.status === 200) {
      kept = sent;
      editor.setAttribute("action", new URL(xhr.responseURL).pathname);
    } else if (xhr.status === 401) {
      delete sessionStorage.renewed;
    } else if (problem === "gone") {
      editor.setAttribute("action", "/notes/new/");
    } else if (!isPage) {
      const reason = xhr.status ? `the answer was ${xhr.status}` : "there is no connection";
      say(`Not saved: ${reason}. It is tried again.`);
      retry = setTimeout(save, 5000);
    }
    for (const name of ["title", "tags", "content"]) {
      $(`#${name}`).setAttribute("aria-invalid", Boolean($(`#${name}-errors`).textContent.trim()));
    }
    if (!isDirty()) for (const resolve of whenSaved.splice(0)) resolve();
  });
  document.addEventListener("click", ({ target }) => {
    if (target.matches("[data-meant]")) {
      editor.elements.etag.value = target.dataset.meant;
      $("#content").focus();
      save();
    } else if (target.matches("[data-drop]")) {
      kept = typed;
    }
  });
  addEventListener("beforeunload", (event) => {
    if (isDirty()) event.preventDefault();
  });
  // Back from signing in beside this page, or gone to do something else.
  for (const moment of ["focus", "online"]) addEventListener(moment, () => isDirty() && save());
  document.addEventListener("visibilitychange", () => document.hidden && isDirty() && save());
}

// --- Import and export ---------------------------------------------------------------------------
const progress = $("#progress progress");

function show(text, part) {
  $("#progress").hidden = false;
  $("#progress-text").textContent = text;
  if (part === undefined) progress.removeAttribute("value");
  else progress.value = part;
}

const upload = $("#import");
if (upload) {
  let isSending = false;
  upload.addEventListener("htmx:beforeSend", () => {
    isSending = true;
    show("Sending…", 0);
  });
  upload.addEventListener("htmx:xhr:progress", ({ detail }) => {
    if (!isSending || !detail.lengthComputable) return;
    progress.value = detail.loaded / detail.total;
    if (detail.loaded < detail.total) return;
    isSending = false;
    show("Writing the notes…");
  });
  upload.addEventListener("htmx:afterRequest", () => {
    $("#progress").hidden = true;
  });
  document.addEventListener("htmx:afterSettle", () => $("#report").focus());
}

// Notes in the file: a line each, or the signature of a member of a zip.
const SIGNS = { "notes.jsonl": [10], "notes.zip": [0x50, 0x4b, 3, 4] };

async function download(link) {
  const sign = SIGNS[link.download];
  const parts = [];
  let found = 0;
  let matched = 0;
  show("Reading the notes…", 0);
  await renew();
  const answer = await fetch(link.href, { headers: { Accept: "*/*" } });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  const reader = answer.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    parts.push(piece.value);
    for (const byte of piece.value) {
      matched = byte === sign[matched] ? matched + 1 : Number(byte === sign[0]);
      if (matched < sign.length) continue;
      found += 1;
      matched = 0;
    }
    progress.value = Math.min(found / Math.max(link.dataset.count, 1), 1);
  }
  const file = document.createElement("a");
  file.href = URL.createObjectURL(new Blob(parts));
  file.download = link.download;
  file.click();
  setTimeout(() => URL.revokeObjectURL(file.href), 60_000);
  show("Done.", 1);
}

for (const link of document.querySelectorAll("[data-export]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    download(link).catch((error) => show(`Nothing was exported: ${error.message}`, 0));
  });
}

// --- Times where one is --------------------------------------------------------------------------
function localise() {
  for (const time of document.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleString();
  }
}
localise();
for (const moment of ["htmx:afterSwap", "htmx:oobAfterSwap"]) document.addEventListener(moment, localise);

// --- Keys ----------------------------------------------------------------------------------------
const help = $("#help");
const useKeys = $("#keys");
useKeys.checked = localStorage.keys !== "off";
useKeys.addEventListener("change", () => {
  localStorage.keys = useKeys.checked ? "on" : "off";
});
$("#help-button").addEventListener("click", () => help.showModal());

function move(step) {
  const links = [...document.querySelectorAll("[data-note]")];
  const place = links.indexOf(document.activeElement);
  links[place < 0 ? 0 : Math.min(Math.max(place + step, 0), links.length - 1)]?.focus();
}

const KEYS = {
  "?": () => help.showModal(),
  j: () => move(1),
  k: () => move(-1),
  n: () => $('[data-key="n"]').click(),
  "/": () => $('[data-key="/"]')?.focus(),
  e: () => $('[data-key="e"]')?.focus(),
};

document.addEventListener("keydown", (event) => {
  if (!useKeys.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, dialog") || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
