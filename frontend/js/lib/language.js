// The list of languages: one that is chosen is shown at once, one that the arrow keys pass only with Enter or on leaving.
import { one } from "./page.js";

/** The page as it is now, typed words and all: the form keeps its link up to date, the page's own fields are of its start. */
function show(list) {
  const link = new URLSearchParams(location.search || new URLSearchParams(new FormData(list.form)));
  link.delete("theme"); // its cookie knows
  link.set(list.name, list.value);
  location.assign(`${location.pathname}?${link}${location.hash}`);
}

export function startLanguage() {
  const list = one("#lang");
  if (!list) return;
  const first = list.value;
  let passing = false;
  const settle = () => passing && list.value !== first && show(list);
  list.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") settle();
    else passing = true;
  });
  // A list that was opened takes the key itself, and tells only that it went up.
  list.addEventListener("keyup", ({ key }) => key === "Enter" && settle());
  list.addEventListener("pointerdown", () => {
    passing = false;
  });
  list.addEventListener("change", () => passing || show(list));
  list.addEventListener("blur", settle);
}
