// The cards of the network: filtered by kind of connection and by typing.
import { all, one } from "./page.js";

export function startOverview() {
  const grid = one("[data-cards]");
  if (!grid) return;
  const buttons = all("[data-f]");
  const find = one("#cards-find");

  function show() {
    const kind = one("[data-f][aria-pressed=true]")?.dataset.f ?? "";
    const words = (find?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text, wanted) => wanted.every((word) => text.toLowerCase().includes(word));
    let any = false;
    for (const card of grid.children) {
      const rest = words.filter((word) => !has(card.dataset.find, [word]));
      const rows = all("tbody tr", card);
      for (const row of rows) row.hidden = (kind && row.dataset.k !== kind) || !has(row.textContent, rest);
      card.hidden = rows.length ? rows.every((row) => row.hidden) : rest.length > 0;
      const fold = one(".fold", card);
      if (fold) fold.open = !card.hidden && (kind !== "" || rest.length > 0);
      any ||= !card.hidden;
    }
    one("[data-nothing]").hidden = any;
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      show();
    });
  }
  find?.addEventListener("input", show);
}
