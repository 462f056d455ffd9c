// The API's documentation: one language for all examples, where one reads, and asking with a key of one's own. The key lives
// in its field and in the header of a request, nowhere else.
import { all, one } from "./lib/page.js";

const form = one("#ask");
const key = one("#try-key");
const path = one("#try-op");
const status = one("#try-status");
const headers = one("#try-headers");
const body = one("#try-body");
const stop = one("#try-stop");
let running = null;

const chosen = () => one("fieldset:not([disabled])", form);

function address() {
  let { path } = chosen().dataset;
  const query = new URLSearchParams();
  for (const { name, value } of chosen().elements) {
    if (!name || !value.trim()) continue;
    const slot = `{${name}}`;
    if (path.includes(slot)) path = path.replace(slot, () => encodeURIComponent(value.trim()));
    else query.append(name, value.trim());
  }
  return query.size ? `${path}?${query}` : path;
}

const show = () => (one("#try-line").textContent = `${chosen().dataset.verb} ${address()}`);

function choose(name) {
  path.value = name;
  for (const set of all("fieldset", form)) set.disabled = set.hidden = set.dataset.op !== name;
  show();
}

function tell(text, mark, kind) {
  status.replaceChildren();
  if (mark) {
    const chip = document.createElement("span");
    chip.className = `bd ${kind}`;
    chip.textContent = mark;
    status.append(chip, " ");
  }
  status.append(text);
}

async function read(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) body.append(piece.value);
  if (answer.headers.get("content-type")?.startsWith("application/json")) {
    body.textContent = JSON.stringify(JSON.parse(body.textContent), null, 2);
  }
}

async function send() {
  const { verb } = chosen().dataset;
  const began = performance.now();
  running?.abort();
  const mine = (running = new AbortController());
  stop.hidden = false;
  headers.hidden = true;
  body.textContent = "";
  tell(form.dataset.waiting);
  try {
    const answer = await fetch(address(), {
      method: verb,
      headers: {
        Authorization: `Bearer ${key.value.trim()}`,
        Accept: one("[data-accept]", chosen())?.value ?? "application/json",
      },
      signal: mine.signal,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
    const left = answer.headers.get("x-ratelimit-remaining");
    const say = () => {
      const words = [`${Math.round(performance.now() - began)} ms`];
      if (left) words.push(form.dataset.left.replace("{n}", left));
      tell(words.join(" · "), answer.status, answer.ok ? "ok" : "bad-b");
    };
    headers.lastElementChild.textContent = [...answer.headers].map((header) => header.join(": ")).join("\n");
    headers.hidden = false;
    const id = answer.headers.get("x-result-id");
    if (id) for (const field of all("[name=id]", form)) field.value = id; // what was asked can be read again or stopped
    say();
    await read(answer);
    say();
  } catch {
    if (mine === running) tell(mine.signal.aborted ? form.dataset.stopped : form.dataset.lost);
  }
  if (mine === running) stop.hidden = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
form.addEventListener("input", show);
path.addEventListener("change", () => choose(path.value));
stop.addEventListener("click", () => running.abort());
addEventListener("pagehide", () => {
  running?.abort();
  key.value = "";
});
document.addEventListener("click", (event) => {
  const name = event.target.closest("[data-try]")?.dataset.try;
  if (!name) return;
  choose(name);
  event.preventDefault();
  key.focus({ preventScroll: true });
  const panel = one("#try");
  if (getComputedStyle(panel).position === "sticky") return; // it is in view already
  one(".doc").classList.add("whole"); // heights that are only guessed would lead elsewhere
  panel.scrollIntoView();
});

// All examples follow the language that was chosen for one, which stays where it is on the screen.
document.addEventListener("change", ({ target }) => {
  if (!target.name?.startsWith("in-")) return;
  const before = target.getBoundingClientRect().top;
  for (const each of all(`.lines input[value="${target.value}"]`)) each.checked = true;
  scrollBy({ top: target.getBoundingClientRect().top - before, behavior: "instant" });
});

const links = new Map(all(".side a[href^='#']").map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      const link = links.get(target.getAttribute("aria-labelledby"));
      link?.setAttribute("aria-current", "true");
      link?.scrollIntoView({ block: "nearest" });
    }
  },
  { rootMargin: "-70px 0px -75% 0px" },
);
for (const section of all(".doc > section")) seen.observe(section);
choose(chosen().dataset.op);
