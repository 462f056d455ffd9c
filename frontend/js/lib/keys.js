// Single keys (WCAG 2.1.4: the dialog switches them off), and the dialog that lists them.
import { all, copy, keep, kept, one } from "./page.js";
import { switchTheme } from "./theme.js";

const dialog = one("#keys");
const form = one("#q");
const typing = (target) => target.matches("textarea, select, input:not([type=radio], [type=checkbox])");

function choose(inputs, index) {
  const input = inputs[index];
  if (!input) return;
  input.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Nothing is chosen in a form that cannot be seen. */
function unfold() {
  const folded = form?.closest("details");
  if (folded) folded.open = true;
}

function step(by) {
  unfold();
  const inputs = all("[name=router]:not([disabled])", form).filter((input) => input.offsetParent);
  if (!inputs.length) return;
  const now = inputs.findIndex((input) => input.checked);
  choose(inputs, (now + by + inputs.length) % inputs.length);
}

function row(by) {
  const rows = all("[data-rows] > tr:not([hidden])");
  if (!rows.length) return false;
  const now = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, now + by))].focus();
  return true;
}

const click = (selector) => {
  const found = one(selector);
  found?.click();
  return Boolean(found);
};

function diagnostic(number) {
  unfold();
  const inputs = form ? all("[name=query]", form) : [];
  choose(inputs, number - 1);
  return inputs.length > 0;
}

const actions = {
  "/"() {
    const target = one("#target");
    if (!target) return false;
    unfold();
    target.focus();
    target.select();
    return true;
  },
  "?": () => (help(), true),
  t: () => (switchTheme(), true),
  "[": () => form && (step(-1), true),
  "]": () => form && (step(1), true),
  e() {
    one(".qbar > summary")?.focus();
    return click(".qbar > summary");
  },
  ".": () => click("[data-stop]"),
  l: () => click("[data-link]") || (copy(location.href), true),
  c: () => click(".acts [data-copy]"),
  v: () => {
    const other = one("input[name=view]:not(:checked)");
    other?.click();
    return Boolean(other);
  },
  j: () => row(1),
  k: () => row(-1),
  1: () => diagnostic(1),
  2: () => diagnostic(2),
  3: () => diagnostic(3),
};

/** What is kept is asked for when it is wanted: the first question to the browser's storage holds up the first paint. */
let wish;
const wanted = () => (wish ??= kept("np-keys") ?? "on") !== "off";

function help() {
  one("#keys-on").checked = wanted();
  dialog.showModal();
}

export function startKeys() {
  one("#keys-on").addEventListener("change", ({ target: box }) => {
    wish = box.checked ? "on" : "off";
    keep("np-keys", wish);
  });
  one("#help").addEventListener("click", help);
  one("[data-close]", dialog).addEventListener("click", () => dialog.close());
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && form) {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    // Many keyboards have brackets only with AltGr, which some systems tell as Ctrl and Alt, or with Option.
    const bracket = event.altKey && !event.metaKey && "[]".includes(event.key);
    if ((event.ctrlKey || event.metaKey || event.altKey) && !bracket) return;
    if (event.isComposing || !(event.key in actions)) return;
    if (dialog.open || typing(event.target) || !wanted()) return;
    if (actions[event.key]()) event.preventDefault();
  });
}
