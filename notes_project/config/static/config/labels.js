// Names what Django's admin leaves without a name for who hears the page.
"use strict";

// The hidden name beside a new password, for what keeps passwords.
document.querySelector('input.hidden[name="username"]')?.setAttribute("autocomplete", "username");

function nameWhatAsksTheServer(select) {
  const label = document.querySelector(`label[for="${select.id}"]`);
  const drawn = select.nextElementSibling;
  label.id = `${select.id}-label`;
  const text = drawn.querySelector('[role="textbox"]');
  for (const name of ["role", "aria-readonly"]) text?.removeAttribute(name);
  // select2 puts more into this list than its items.
  drawn.querySelector("ul")?.setAttribute("role", "presentation");
  drawn.querySelector("input")?.setAttribute("aria-labelledby", label.id);
  const box = drawn.querySelector('[role="combobox"]');
  const value = box.getAttribute("aria-labelledby") ?? "";
  box.setAttribute("aria-labelledby", `${label.id} ${value}`);
  window.django.jQuery(select).on("select2:open", () => {
    const search = document.querySelector(".select2-container--open input");
    search.setAttribute("aria-labelledby", label.id);
  });
}

function nameAll() {
  document.querySelectorAll("select.admin-autocomplete").forEach(nameWhatAsksTheServer);
  for (const icon of document.querySelectorAll("span.help-tooltip")) icon.setAttribute("role", "img");
}

window.addEventListener("load", () => {
  // jQuery calls in their order those who wait for it, and select2 draws in one of these calls.
  const jQuery = window.django?.jQuery;
  if (jQuery) jQuery(nameAll);
  else nameAll();
});
