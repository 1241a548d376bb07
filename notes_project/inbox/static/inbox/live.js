// Where the session has ended, what comes is the page to sign in: a person is sent there.
"use strict";

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (new URL(detail.xhr.responseURL).pathname !== "/login/") return;
  detail.shouldSwap = false;
  location.assign("/login/?next=" + encodeURIComponent(location.pathname));
});
