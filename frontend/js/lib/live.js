// The page grows by the parts that the server sends: each replaces the one with its id, raw lines are added. Nothing of it is
// ever taken as a script. The browser reconnects by itself, with the number of the last part it has seen.
import { all, one } from "./page.js";
import { showView } from "./views.js";

const parts = (html) => [...new DOMParser().parseFromString(html, "text/html").body.childNodes];
const focusable = "a, button, input, summary, [tabindex]";
const scrolling = "[role=region], #raw";

/** What stands in `part` where the focus is in `old`; a control that is gone leaves it to the first of those beside the title. */
function heir(old, part) {
  const focused = document.activeElement;
  if (focused === old || !old.contains(focused)) return null;
  const rows = "[data-rows] > tr";
  if (focused.matches(rows)) return all(rows, part)[all(rows, old).indexOf(focused)];
  if (focused.id) return one(`#${CSS.escape(focused.id)}`, part);
  const name = (each) => each.tagName + (each.getAttribute("aria-label") ?? each.textContent).replace(/\d+/g, "").trim();
  const alike = (within) => all(focusable, within).filter((each) => name(each) === name(focused));
  return alike(part)[alike(old).indexOf(focused)] ?? one(".acts :is(a, button)", part);
}

/** Puts a newer part in the place of the one with its id; the focus, what was unfolded and what was scrolled stay. */
function put(part) {
  const old = part.id && document.getElementById(part.id);
  if (!old) return;
  const focused = heir(old, part);
  const unfolded = all("details", old).map((box) => box.open);
  const scrolled = all(scrolling, old).map((box) => [box.scrollLeft, box.scrollTop]);
  old.replaceWith(document.adoptNode(part));
  all("details", part).forEach((box, place) => (box.open = unfolded[place] ?? false));
  all(scrolling, part).forEach((box, place) => ([box.scrollLeft, box.scrollTop] = scrolled[place] ?? [0, 0]));
  focused?.focus({ preventScroll: true });
}

function add(html) {
  const raw = one("#raw");
  const below = raw.scrollHeight - raw.scrollTop - raw.clientHeight < 40;
  raw.append(...parts(`<pre>\n${html}</pre>`).flatMap((pre) => [...pre.childNodes]));
  if (below) raw.scrollTop = raw.scrollHeight;
}

/** Someone else's question: the page comes again when its result is there, and is left alone until then. */
async function look() {
  const there = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  const page = there?.ok && new DOMParser().parseFromString(await there.text(), "text/html");
  const over = page ? !one("#live[data-elsewhere]", page) : there?.status === 404;
  if (over) location.reload();
  else setTimeout(look, 3000);
}

export function startLive() {
  if (one("[data-elsewhere]")) setTimeout(look, 3000);
  const box = one("[data-events]");
  if (!box) return;
  const lost = one("#lost");
  const say = one("#say");
  const source = new EventSource(box.dataset.events);
  const told = (name, act) => source.addEventListener(name, ({ data }) => act(data));

  source.onopen = () => {
    if (lost.hidden) return;
    lost.hidden = true;
    say.textContent = box.dataset.back;
  };
  source.onerror = () => {
    // How far it was, where that is known.
    one("b", lost).textContent = one("#chip").dataset.lost ?? lost.dataset.lost;
    lost.hidden = false;
    // The server is there again but not this stream: the page as it is now says what came of it.
    if (source.readyState === EventSource.CLOSED) setTimeout(wait, pause());
  };
  told("state", (html) => parts(html).forEach(put));
  told("panel", (html) => parts(html).forEach(put));
  told("raw", add);
  told("say", (html) => (say.textContent = parts(html)[0]?.textContent ?? ""));
  told("whole", (html) => {
    source.close();
    lost.hidden = true;
    parts(html).forEach(put);
    const { title, verdict } = one("#result").dataset;
    document.title = title;
    say.textContent = verdict;
    showView();
  });

  // Never at once: where there is no place for another stream the page would come again and again.
  const pause = () => 2000 + Math.random() * 3000;

  async function wait() {
    const there = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    if (there && there.status < 500) location.reload();
    else setTimeout(wait, pause());
  }

  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = one("[data-stop]", form);
    if (button.ariaDisabled) return;
    // Not `disabled`, which would take the focus away from whoever pressed it.
    button.ariaDisabled = "true";
    button.textContent = form.dataset.stopping;
    const reply = await fetch(form.action, { method: "POST", redirect: "manual" }).catch(() => null);
    if (!reply || reply.status >= 400) form.submit();
  });
}
