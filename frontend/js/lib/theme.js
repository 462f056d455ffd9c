// Light or dark: the server sends the page as the cookie says, so nothing flickers; the switch changes both.
import { one } from "./page.js";

const root = document.documentElement;
const button = one("#theme");

const dark = () =>
  root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

function name() {
  button.setAttribute("aria-label", dark() ? button.dataset.light : button.dataset.dark);
}

export function switchTheme() {
  root.dataset.theme = dark() ? "light" : "dark";
  one("meta[name=color-scheme]").content = root.dataset.theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `np_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  name();
}

export function startTheme() {
  name();
  button.addEventListener("click", (event) => {
    event.preventDefault();
    switchTheme();
  });
  one("#lang")?.addEventListener("change", (event) => event.target.form.requestSubmit());
}
