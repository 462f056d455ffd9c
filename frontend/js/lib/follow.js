// One path among many: pointing at or tabbing to a row shows its path in the graph, and the other way round. Both carry the
// numbers of their paths in `data-p`.
import { all } from "./page.js";

const numbers = (element) => element?.closest?.("[data-p]")?.dataset.p.split(" ") ?? null;

function show(ids) {
  for (const graph of all(".asg")) {
    graph.classList.toggle("pick", Boolean(ids));
    for (const each of all("[data-p]", graph)) {
      each.classList.toggle("on", Boolean(ids) && each.dataset.p.split(" ").some((id) => ids.includes(id)));
    }
  }
  for (const row of all("tr[data-p]")) row.classList.toggle("on", Boolean(ids) && ids.includes(row.dataset.p));
}

export function startFollowing() {
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, ({ target }) => {
      const ids = numbers(target);
      if (ids || document.querySelector(".asg.pick")) show(ids);
    });
  }
  document.addEventListener("focusout", ({ relatedTarget }) => relatedTarget || show(null));
}
