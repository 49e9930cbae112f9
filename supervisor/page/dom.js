// Elements. Whatever a service says is put in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: attributes by name (null leaves one out), then its children, elements or texts. */
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an element of a drawing. */
export function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Set an attribute, or take it away with null; nothing happens where it stands so already. */
export function set(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : value);
}

/** Put a text in. What stands there already is left alone, so that nobody hears it twice. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Find an element of the page by its id. */
export function the(id) {
  return document.getElementById(id);
}

/**
 * Make the children of a list those of `items`, in their order. A child that stays is the same element,
 * so who stands on it with the keyboard keeps standing there.
 */
export function keep(list, items, keyOf, makeOne, update) {
  const there = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const used = new Set();
  let before = list.firstElementChild;
  for (const item of items) {
    let key = String(keyOf(item));
    while (used.has(key)) key += "+"; // of two that are told apart by nothing, the second
    used.add(key);
    let child = there.get(key);
    if (child === undefined) {
      child = makeOne(item);
      child.dataset.key = key;
    }
    there.delete(key);
    if (child === before) before = before.nextElementSibling;
    else list.insertBefore(child, before);
    update(child, item);
  }
  for (const child of there.values()) child.remove();
}

/** Have a button do something that takes a while. It stays where it is, and takes no second press meanwhile. */
export function onPress(button, act) {
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    set(button, "aria-disabled", "true");
    set(button, "aria-busy", "true");
    try {
      await act();
    } finally {
      set(button, "aria-disabled", null);
      set(button, "aria-busy", null);
    }
  });
}
