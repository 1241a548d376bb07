// Draws the parts of a page anew from where they come from, while the box is ticked and the page seen.
"use strict";

const SECONDS = 10;
// A page that somebody has left would keep the session alive.
const MOST = 90;

const line = document.getElementById("follow");
const box = line.querySelector("input");
const state = line.querySelector("span");
const parts = [...document.querySelectorAll("section[data-from]")];
let done = 0;

async function draw(part) {
  const answer = await fetch(part.dataset.from, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(part.id);
  if (!fresh) throw new Error(answer.redirected ? "you are signed out" : `status ${answer.status}`);
  const open = [...part.querySelectorAll("details")].map((each) => each.open);
  fresh.querySelectorAll("details").forEach((each, index) => { each.open = open[index]; });
  part.replaceChildren(...fresh.childNodes);
}

async function drawAll(which) {
  try {
    // What the keyboard is at stays.
    await Promise.all(which.filter((part) => !part.contains(document.activeElement)).map(draw));
    state.textContent = "";
  } catch (error) {
    state.textContent = `Not drawn anew: ${error.message}.`;
  }
}

async function follow() {
  if (box.checked && !document.hidden) {
    await drawAll(parts);
    done += 1;
    if (done >= MOST) box.checked = false;
  }
  setTimeout(follow, SECONDS * 1000);
}

line.hidden = false;
box.addEventListener("change", () => { done = 0; });
drawAll(parts.filter((part) => part.dataset.from !== location.pathname));
setTimeout(follow, SECONDS * 1000);
