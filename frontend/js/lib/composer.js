// The form comes to life: connections follow the router, the command follows everything, long lists can be filtered.
import { all, one, write } from "./page.js";

const fill = (text, ...values) => text.replace(/\{(\d)\}/g, (_, place) => values[place]);

/** `4`, `6`, `4/` or `6/`; empty for a name, nothing, and what is none of these. Only a hint: the server decides. */
export function formOf(text) {
  const [base, length] = text.split("/");
  const family = /^\d{1,3}(\.\d{1,3}){3}$/.test(base) ? "4" : /^[0-9a-f:]*:[0-9a-f:]*$/i.test(base) ? "6" : "";
  if (!family) return "";
  if (length === undefined) return text.includes("/") ? "" : family;
  return /^\d{1,3}$/.test(length) ? `${family}/` : "";
}

export function startComposer() {
  const form = one("#q");
  if (!form) return;
  const { sets, routers } = JSON.parse(one("#choices").textContent);
  const list = one("#connection-list");
  const option = one("#connection-option");
  const chosen = (name) => form.querySelector(`input[name=${name}]:checked`);
  const target = one("#target");
  const every = one("input[value='*'][name=router]", form);

  function connections(slug) {
    const known = routers[slug]?.connections;
    if (!known) return;
    const before = chosen("connection")?.value;
    const wanted = known.some(([id]) => String(id) === before) ? before : routers[slug].first;
    list.replaceChildren(
      ...known.map(([id, name, type, asn, v4, v6]) => {
        const label = option.content.cloneNode(true).firstChild;
        const input = one("input", label);
        input.value = id;
        input.checked = String(id) === wanted;
        const badge = one(".k", label);
        if (type) {
          badge.classList.add(type);
          badge.textContent = type;
        } else badge.remove();
        one("b", label).textContent = name;
        one(".sub", label).textContent = asn ? `AS${asn}` : "";
        one("bdi", label).textContent = [v4, v6].filter(Boolean).join(" · ");
        return label;
      }),
    );
    const find = one("#connection-find");
    find.hidden = known.length <= Number(find.dataset.many);
    find.value = "";
    const of = one("#of");
    of.textContent = fill(of.dataset.of, slug);
  }

  /** The command; of all routers a line each, behind who is asked. Null where there is none. */
  function commands(slug, query) {
    if (slug !== "*") return command(slug, query);
    const lines = all("input[name=router]:not([disabled])", form).map(({ value }) => {
      const text = command(value, query);
      return text && `${(query.dataset.routes !== undefined && routers[value].asked) || value}> ${text}`;
    });
    return lines.filter(Boolean).join("\n") || null;
  }

  function command(slug, query) {
    const router = routers[slug];
    const id = Number(chosen("connection")?.value);
    const connection = query.dataset.sourced === undefined ? null : router?.connections.find(([each]) => each === id);
    const place = query.dataset.sourced === undefined ? router?.set : connection?.[6];
    const forms = sets[place]?.[query.value] ?? {};
    const text = target.value.trim();
    const wished = form.elements.family?.value;
    const known = formOf(text);
    const key = known || (wished in forms ? wished : Object.keys(forms)[0]);
    if (!(key in forms)) return null;
    const source = connection?.[key.startsWith("4") ? 4 : 5] ?? "";
    return forms[key].replaceAll("{source}", source).replaceAll("{target}", () => (known ? text : `<${text || one("#cmd").dataset.target}>`));
  }

  function show() {
    const query = chosen("query");
    if (!query) return;
    if (every) {
      every.disabled = query.dataset.folds === undefined;
      every.closest(".opt").classList.toggle("off", every.disabled);
      if (every.disabled && every.checked) {
        const first = one("[name=router]:not([disabled])", form);
        first.checked = true;
        connections(first.value);
      }
    }
    one("#ways").disabled = query.dataset.sourced === undefined;
    const slug = chosen("router")?.value;
    for (const field of all("[data-for]", form)) {
      if (field.classList.contains("fld")) field.classList.toggle("unused", !field.dataset.for.split(" ").includes(query.value));
    }
    write(one("#target-h"), query.dataset.hint);
    const kind = formOf(target.value.trim());
    const tag = one("#fam");
    const host = /[a-z]/i.test(target.value) ? tag.dataset.host : "";
    write(tag, kind.endsWith("/") ? tag.dataset.prefix : kind ? `IPv${kind}` : host);
    const on = one("#cmd-on");
    const asked = query.dataset.routes !== undefined && routers[slug]?.asked;
    const by = asked ? fill(on.dataset.for, asked, slug) : fill(on.dataset.on, slug);
    write(on, slug === "*" ? fill(on.dataset.all, Object.keys(routers).length) : by);
    const output = one("#cmd");
    const sent = commands(slug, query);
    write(output, sent ?? output.dataset.none);
    one("[data-copy='#cmd']", form).hidden = sent === null;
  }

  function address() {
    if (location.pathname !== "/") return;
    const link = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (!["token", "answer", "way"].includes(name) && value !== "") link.append(name, value);
    }
    history.replaceState(null, "", `/?${link}`);
  }

  form.addEventListener("change", ({ target: changed }) => {
    if (changed.name === "router") connections(changed.value);
    show();
    if (["router", "connection", "query", "target", "as_lookup", "family"].includes(changed.name)) address();
  });
  target.addEventListener("input", () => {
    target.removeAttribute("aria-invalid");
    one("#target-e").hidden = true;
    show();
  });
  one("#my-ip").addEventListener("click", (event) => {
    target.value = event.currentTarget.dataset.ip;
    target.dispatchEvent(new Event("input", { bubbles: true }));
    address();
    target.focus();
  });
  one("#another")?.addEventListener("click", async () => {
    const reply = await fetch("/captcha", { headers: { accept: "application/json" } });
    if (!reply.ok) return;
    const { sum, token } = await reply.json();
    one("#sum").textContent = sum;
    one("#token").value = token;
    const answer = one("#answer");
    answer.value = "";
    answer.focus();
  });
  for (const find of all("[data-finds]", form)) {
    const options = () => all(".opt, .gh", one(`#${find.dataset.finds}`));
    find.addEventListener("input", () => filter(find.value, options()));
    find.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      const first = options().find((each) => !each.hidden && one("input:not([disabled])", each));
      if (first) one("input", first).click();
    });
  }
  countdown(form);
  // A browser that comes back restores what was chosen; the list must follow.
  const slug = chosen("router")?.value;
  if (slug && slug !== "*" && one("#of").textContent !== fill(one("#of").dataset.of, slug)) connections(slug);
  show();
  // Before the next paint, so that nothing is laid out twice.
  requestAnimationFrame(() => all(".opts input:checked", form).forEach(bringIntoView));
}

/** Long lists scroll downwards, on a narrow screen sideways: what is chosen is to be seen. */
function bringIntoView(input) {
  const list = input.closest(".opts");
  const place = list.getBoundingClientRect();
  const option = input.closest(".opt").getBoundingClientRect();
  if (option.bottom > place.bottom) list.scrollTop += option.top - place.top - place.height / 2;
  if (option.right > place.right || option.left < place.left) list.scrollLeft += option.left - place.left - place.width / 3;
}

/** Hides what does not contain every word typed; a heading stays with what is below it. */
function filter(text, entries) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let heading = null;
  for (const entry of entries) {
    if (entry.classList.contains("gh")) {
      heading = entry;
      heading.hidden = true;
      continue;
    }
    const place = heading ? heading.textContent : "";
    const there = `${entry.textContent} ${place}`.toLowerCase();
    entry.hidden = !words.every((word) => there.includes(word));
    if (heading && !entry.hidden) heading.hidden = false;
  }
}

/** With no question left Run is off until the next one is free, and becomes active by itself. */
function countdown(form) {
  const line = one(".quo[data-wait]", form);
  if (!line) return;
  const run = one("#run");
  const clock = one("[role=timer]", line);
  const free = performance.now() + Number(line.dataset.wait) * 1000;
  run.disabled = true;
  const tick = () => {
    const left = Math.max(0, Math.ceil((free - performance.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left) return;
    clearInterval(timer);
    run.disabled = false;
    line.hidden = true;
    const told = one("#form-e");
    if (told) told.hidden = true;
  };
  const timer = setInterval(tick, 500);
  tick();
}
