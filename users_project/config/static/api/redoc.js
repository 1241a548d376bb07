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

// It models all that a schema may hold, to the end of each way: blocks in blocks, a gigabyte of them.
const withoutDepth = (name, value) => (name === "children" ? { ...value, items: {} } : value);

addEventListener("DOMContentLoaded", async () => {
  const container = document.querySelector("#redoc");
  const { url } = container.dataset;
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  const settings = { disableSearch: true, nativeScrollbars: true, downloadDefinitionUrl: url };
  Redoc.init(JSON.parse(await answer.text(), withoutDepth), settings, container);
});
