// Small things that every script of ours needs.
export const one = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Writes only what is another text: what is written is laid out again, even if it is the same. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const toast = one(".toast");
let hiding;

/** Says a short sentence in the corner and to screen readers. */
export function say(text) {
  toast.textContent = text;
  toast.classList.add("on");
  clearTimeout(hiding);
  hiding = setTimeout(() => toast.classList.remove("on"), 1800);
}

/** Copies a text and says so, or says that the browser will not let us. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(toast.dataset.copied);
  } catch {
    say(toast.dataset.blocked);
  }
}

/** A wish kept in this browser; null where it keeps none. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    say(""); // a browser that stores nothing: the wish holds until the page is left
  }
}
