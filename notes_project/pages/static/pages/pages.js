// What the notes pages can do besides with a script: everything here has its way without one.
"use strict";

const $ = (selector) => document.querySelector(selector);
const LOGIN = "/login/";
// Those of the editor, where there is one.
let isDirty = () => false;
let saved = async () => {};
document.documentElement.classList.add("js");

// --- Signed in -----------------------------------------------------------------------------------
// The access token lives for five minutes; while the session does, /login/ gives a new one.
const TOKEN_LIFETIME = 240_000;

async function renew() {
  if (Date.now() - Number(sessionStorage.renewed ?? 0) < TOKEN_LIFETIME) return;
  try {
    const answer = await fetch(`${LOGIN}?next=/notes/signed-in/`, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = page.querySelector("main > [name=csrfmiddlewaretoken]");
    if (!answer.ok || !token) return;
    sessionStorage.renewed = Date.now();
    // Where the cookie of the old one is gone, no form would be taken.
    for (const field of document.querySelectorAll("form:not(#logout-form) [name=csrfmiddlewaretoken]")) {
      field.value = token.value;
    }
  } catch {
    // Without a connection: what follows says so.
  }
}

document.addEventListener("htmx:confirm", (event) => {
  event.preventDefault();
  renew().then(() => event.detail.issueRequest(true));
});

// Else an error would come as JSON.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  detail.headers.Accept = "text/html";
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  event.preventDefault();
  await saved();
  await renew();
  // What was saved has brought the same form anew.
  if (!form.isConnected) $("dialog").append(form);
  form.submit();
});

// --- Answers that are not the page that was asked for --------------------------------------------
// Those come again by themselves.
const isPassing = (status) => [0, 409, 429].includes(status) || status >= 500;
const has = (xhr, id) => !isPassing(xhr.status) && xhr.responseText.includes(`id="${id}"`);

// Without a connection there is no address.
const isLogin = ({ responseURL }) => URL.canParse(responseURL) && new URL(responseURL).pathname === LOGIN;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt } = detail.requestConfig;
  if (has(detail.xhr, elt.getAttribute("hx-select").slice(1))) return;
  detail.shouldSwap = false;
  if (isLogin(detail.xhr) && elt.id !== "editor") {
    location.assign(detail.xhr.responseURL);
  } else if (elt.id === "import") {
    $("#file-errors").textContent = `Nothing is known of this import: the answer was ${detail.xhr.status}.`;
  }
});

document.addEventListener("htmx:afterRequest", () => {
  for (const field of document.querySelectorAll('[aria-describedby$="-errors"]')) {
    const errors = document.getElementById(field.getAttribute("aria-describedby"));
    field.setAttribute("aria-invalid", Boolean(errors.textContent.trim()));
  }
});

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
