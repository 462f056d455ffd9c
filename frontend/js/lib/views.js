// Table or raw output, one at a time; the choice outlives the parts that come new from the server.
import { all, one } from "./page.js";

let chosen = "t";

export function showView() {
  for (const panel of all("[data-view]")) {
    for (const view of all("[data-v]", panel)) view.hidden = view.dataset.v !== chosen;
    const input = one(`input[name=view][value="${chosen}"]`, panel);
    if (input) input.checked = true;
  }
}

export function startViews() {
  document.addEventListener("change", ({ target }) => {
    if (target.name !== "view") return;
    chosen = target.value;
    showView();
  });
  showView();
}
