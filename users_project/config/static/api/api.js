// Sends the forms of the browsable API: a page by itself knows GET and POST, and no headers.
"use strict";

const LOGIN = "/login/";
// The access token lives for five minutes; while the session does, /login/ gives a new one.
const TOKEN_LIFETIME = 240_000;

async function renew() {
  if (!document.querySelector(".who")) return;
  if (Date.now() - Number(sessionStorage.renewed ?? 0) < TOKEN_LIFETIME) return;
  const answer = await fetch(`${LOGIN}?next=/healthz`, { headers: { Accept: "text/html" } });
  if (answer.ok && new URL(answer.url).pathname !== LOGIN) sessionStorage.renewed = Date.now();
}

async function send(form) {
  const csrf = JSON.parse(document.querySelector("#drf_csrf").textContent);
  const headers = { Accept: "text/html, */*;q=0.1", [csrf.csrfHeaderName]: csrf.csrfToken };
  for (const { dataset, value } of form.querySelectorAll("[data-header]")) {
    if (value) headers[dataset.header] = value;
  }
  const raw = form.elements._content;
  if (raw) headers["Content-Type"] = form.elements._content_type.value;
  const fields = new FormData(form);
  const body = raw ? raw.value : fields.keys().next().done ? null : fields;
  await renew();
  return fetch(form.action, { method: form.dataset.method, headers, body });
}

function show(page, id) {
  const shown = document.createElement("div");
  shown.id = id;
  shown.tabIndex = -1;
  shown.append(...page.childNodes);
  document.getElementById(id).replaceWith(shown);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.method) return;
  event.preventDefault();
  event.submitter.disabled = true;
  try {
    const answer = await send(form);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok || (page.querySelector("main[data-again]") && !form.elements._content)) {
      document.title = page.title;
      document.body.replaceWith(page.body);
      history.replaceState(null, "", answer.url);
    } else {
      // What was typed stays.
      show(page.querySelector("#answer") ?? page.body, "answer");
    }
  } catch (error) {
    show(new DOMParser().parseFromString("<p role=alert>There is no answer.</p>", "text/html").body, "answer");
  } finally {
    event.submitter.disabled = false;
  }
  scrollTo(0, 0);
  document.querySelector("#answer").focus();
});
