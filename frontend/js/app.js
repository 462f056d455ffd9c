// Comfort on every page; without it everything still works.
import { copy, one } from "./lib/page.js";
import { startKeys } from "./lib/keys.js";
import { startTheme } from "./lib/theme.js";

startTheme();
startKeys();

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text], [data-link]");
  if (!button) return;
  if (button.dataset.link !== undefined) copy(button.dataset.link || location.href);
  else copy(button.dataset.copyText ?? one(button.dataset.copy).textContent);
});
