// For Redoc, which writes its styles into the page and shows a picture of its makers' server: the
// gateway lets a page do neither. Its rules go into sheets that no element has. Loaded before it.
"use strict";

globalThis.SC_DISABLE_SPEEDY = false;
const create = document.createElement.bind(document);

document.createElement = (name, options) => {
  if (name === "style") {
    // The gateway's rule is for a style element of any type.
    const element = create("template");
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
    Object.defineProperty(element, "sheet", { value: sheet });
    return element;
  }
  const element = create(name, options);
  if (name === "img") {
    // React sets both.
    Object.defineProperty(element, "src", { set() {} });
    element.setAttribute = (attribute, value) =>
      Element.prototype.setAttribute.call(element, attribute, attribute === "src" ? "data:," : value);
  }
  return element;
};

addEventListener("DOMContentLoaded", () => {
  const container = document.querySelector("#redoc");
  const settings = { disableSearch: true, nativeScrollbars: true };
  Redoc.init(container.dataset.url, settings, container);
});
