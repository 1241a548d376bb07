// Names what Swagger UI leaves without a name for who hears the page, and lets Tab come to what scrolls.
"use strict";

function mend() {
  for (const row of document.querySelectorAll("tr[data-param-name]")) {
    for (const select of row.querySelectorAll("select")) {
      select.setAttribute("aria-label", row.dataset.paramName);
    }
  }
  for (const body of document.querySelectorAll("textarea.body-param__text")) {
    body.setAttribute("aria-label", "Request body");
  }
  for (const sample of document.querySelectorAll("pre.microlight")) sample.tabIndex = 0;
}

new MutationObserver(mend).observe(document, { childList: true, subtree: true });
