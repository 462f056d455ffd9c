// Light or dark: the server sends the page as the cookie says, so nothing flickers; the switch changes both.
import { one } from "./page.js";

const root = document.documentElement;
const button = one("#theme");

const dark = () =>
  root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

function name() {
  button.setAttribute("aria-label", dark() ? button.dataset.light : button.dataset.dark);
}

/** The other theme; if it is the one that the browser prefers, the page follows the browser again and nothing is kept. */
export function switchTheme() {
  const wanted = dark() ? "light" : "dark";
  const own = matchMedia(`(prefers-color-scheme: ${wanted})`).matches;
  if (own) delete root.dataset.theme;
  else root.dataset.theme = wanted;
  one("meta[name=color-scheme]").content = own ? "light dark" : wanted;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `np_theme=${wanted}; path=/; max-age=${own ? 0 : 31536000}; samesite=lax${secure}`;
  name();
}

export function startTheme() {
  name();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  button.addEventListener("click", (event) => {
    event.preventDefault();
    switchTheme();
  });
}
