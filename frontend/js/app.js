// Comfort on every page; without it everything still works.
import { startComposer } from "./lib/composer.js";
import { startKeys } from "./lib/keys.js";
import { startLanguage } from "./lib/language.js";
import { startOverview } from "./lib/overview.js";
import { copy, one } from "./lib/page.js";
import { startTheme } from "./lib/theme.js";

startTheme();
startLanguage();
startKeys();
startComposer();
startOverview();

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text], [data-link]");
  if (!button) return;
  if (button.dataset.link !== undefined) copy(button.dataset.link || location.href);
  else copy(button.dataset.copyText ?? one(button.dataset.copy).textContent);
});
