// The page grows by the parts that the server sends: each replaces the one with its id, raw lines are added. Nothing of it is
// ever taken as a script. The browser reconnects by itself, with the number of the last part it has seen.
import { all, one } from "./page.js";
import { showView } from "./views.js";

const parts = (html) => [...new DOMParser().parseFromString(html, "text/html").body.childNodes];
const focusable = "a, button, input, summary, [tabindex]";

/** Puts a newer part in the place of the one with its id; the focus stays where it was. */
function put(part) {
  const old = part.id && document.getElementById(part.id);
  if (!old) return;
  const within = old.contains(document.activeElement) ? all(focusable, old).indexOf(document.activeElement) : -1;
  const scrolled = all("[role=region]", old).map((box) => box.scrollLeft);
  old.replaceWith(document.adoptNode(part));
  all("[role=region]", part).forEach((box, place) => (box.scrollLeft = scrolled[place] ?? 0));
  if (within >= 0) all(focusable, part)[within]?.focus({ preventScroll: true });
}

function add(html) {
  const raw = one("#raw");
  const below = raw.scrollHeight - raw.scrollTop - raw.clientHeight < 40;
  raw.append(...parts(`<pre>\n${html}</pre>`).flatMap((pre) => [...pre.childNodes]));
  if (below) raw.scrollTop = raw.scrollHeight;
}

export function startLive() {
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
    lost.hidden = false;
    // The server is there again but not this stream: the page as it is now says what came of it.
    if (source.readyState === EventSource.CLOSED) wait();
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

  async function wait() {
    const there = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    if (there && there.status < 500) location.reload();
    else setTimeout(wait, 2000 + Math.random() * 3000);
  }

  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = one("[data-stop]", form);
    button.disabled = true;
    button.textContent = form.dataset.stopping;
    const reply = await fetch(form.action, { method: "POST", redirect: "manual" }).catch(() => null);
    if (!reply || reply.status >= 400) form.submit();
  });
}
