// Keeps the front page true: the state of the parts, and how far one's last change has come.
"use strict";

const SOONEST = 1000;
const LATEST = 10_000;
const parts = [...document.querySelectorAll("[data-readiness]")];
const change = document.getElementById("change");
let before = change?.innerHTML;

function localise(place) {
  for (const time of place.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleString();
  }
}

async function stateOf(part) {
  try {
    const options = { cache: "no-store", signal: AbortSignal.timeout(5000) };
    const answer = await (await fetch(part.dataset.readiness, options)).json();
    const failing = Object.entries(answer.parts).filter(([, state]) => state !== "ok");
    if (!failing.length) return "ready";
    return `not ready: ${failing.map(([name, state]) => `${name.replaceAll("_", " ")} ${state}`).join(", ")}`;
  } catch {
    // It is no readiness that came, if anything.
    return "does not answer";
  }
}

async function askPart(part) {
  const state = await stateOf(part);
  if (state === part.textContent) return false;
  part.textContent = state;
  return true;
}

// This page once more has it as the server and the gateway put it together.
async function askChange() {
  if (!change) return false;
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("change");
  // Signed out meanwhile: this page says nothing of an account any more.
  if (!now) location.reload();
  if (!now || now.innerHTML === before) return false;
  before = now.innerHTML;
  localise(now);
  change.replaceChildren(...now.childNodes);
  return true;
}

async function look(wait) {
  let next = wait;
  if (!document.hidden) {
    const asked = await Promise.allSettled([...parts.map(askPart), askChange()]);
    const time = document.querySelector("#asked time");
    time.dateTime = new Date().toISOString();
    localise(time.parentElement);
    // What moves is looked at closely.
    next = asked.some(({ value }) => value) ? SOONEST : Math.min(wait * 2, LATEST);
  }
  setTimeout(look, next, next);
}

localise(document);
setTimeout(look, SOONEST, SOONEST);
