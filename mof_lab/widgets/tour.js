// The tour in the browser: its steps, the present one, and a frame around what that speaks of.

const LOOK_EVERY = 400; // ms; what a step speaks of comes and goes as cells are run
const RESTED = 500; // ms on something, until it was looked at and not only passed over
const READ_WITHIN = 6000; // ms that the strip says something

/** Where the glossary lies for JupyterLab, or "": elsewhere nothing opens it. */
function glossaryPath({ model }) {
  const address = model.get("address"), { context, rendermime } = model.widget_manager ?? {};
  if (!address || !context || !rendermime?.linkHandler) return "";
  const folders = context.path.split("/").slice(0, -1), names = address.split("../");
  const up = names.length - 1;
  return up > folders.length ? "" : [...folders.slice(0, folders.length - up), names[up]].join("/");
}

/** A term of the glossary: says what it means when it is pointed at, opens the glossary there. */
function buildTerm(ui, id, say) {
  const { model } = ui, path = glossaryPath(ui);
  const languages = ["en", "zh"].map((code) => model.get("_words")[code][`term.${id}`]);
  const node = path
    ? element("a", { class: "mof-term", href: `${model.get("address")}#${id}` })
    : element("button", { class: "mof-term", type: "button" });
  if (path) model.widget_manager.rendermime.linkHandler.handleLink(node, path, `#${id}`);
  node.textContent = [...new Set([ui.t(`term.${id}`), ...languages])].join(" ");
  const meaning = ui.t(`meaning.${id}`);
  node.setAttribute("aria-description", meaning);
  for (const event of ["mouseenter", "focus", "click"])
    node.addEventListener(event, () => say(meaning));
  return node;
}

/** The present step with its buttons: one is in the panel, one in the strip. */
function buildStep(ui, acts) {
  const title = element("strong"), text = element("span");
  const mark = element("span", { class: "mof-mark", hidden: true }, "✓ ");
  const said = element("p", {}, mark, title, " ", text), meaning = element("p", { class: "mof-meaning" });
  const terms = element("span", { class: "mof-terms" });
  const buttons = Object.fromEntries(Object.entries(acts).map(([key, act]) => [key,
    ui.label(element("button", { type: "button", "data-action": key, onclick: act }), key)]));
  const node = element("div", { class: "mof-step" }, said,
    element("div", { class: "mof-actions" }, ...Object.values(buttons), terms), meaning);
  let shown = "";
  node.live = (live) => said.setAttribute("aria-live", live ? "polite" : "off");
  node.show = (step, number, all, done) => {
    buttons.tick.hidden = !step.by_hand || done;
    mark.hidden = !done;
    buttons.next.classList.toggle("mof-main", done); // it waits until this was read
    if (shown === step.key + ui.root.lang) return; // it may be being read, or have the focus
    shown = step.key + ui.root.lang;
    title.textContent = ui.t("place", { number, all, title: ui.t(`${step.key}.title`) });
    text.textContent = ui.t(`${step.key}.text`);
    meaning.textContent = "";
    meaning.hidden = !step.terms.length;
    terms.replaceChildren(...step.terms.length ? [ui.t("words")] : [],
      ...step.terms.map((id) => buildTerm(ui, id, (words) => (meaning.textContent = words))));
  };
  return node;
}

function buildTour(ui) {
  const { model, root } = ui;
  const steps = model.get("steps");
  const present = () => steps.find(({ key }) => key === model.get("at"));
  const isDone = ({ key }) => model.get("done").includes(key);
  ui.label(ui.title, "title");
  root.classList.add("mof-tour");

  // ---- what a step speaks of
  let home = null; // the notebook, or what Voila scrolls, or the page: where it is looked for
  let framed = null;
  /** The first of a step's targets that can be seen; for what is folded away, its summary. */
  const target = () => {
    const step = present();
    if (!home || !step || !model.get("under_way")) return null;
    return [...home.querySelectorAll(step.target)]
      .map((node) => node.closest("details:not([open])")?.querySelector("summary") ?? node)
      .find((node) => node.checkVisibility()) ?? null;
  };
  const inView = (node) => {
    if (!node?.isConnected) return false;
    const mine = node.getBoundingClientRect(), frame = home.getBoundingClientRect();
    return mine.height > 0 && mine.bottom > Math.max(0, frame.top) + 30 &&
      mine.top < Math.min(innerHeight, frame.bottom) - 30;
  };
  const look = () => {
    if (root.isConnected)
      home = root.closest(".jp-NotebookPanel, #rendered_cells") ?? document.body;
    if (!home) return;
    const found = target();
    if (found !== framed) framed?.classList.remove("mof-here");
    found?.classList.add("mof-here");
    framed = found;
    if (strip.parentElement !== home) home.append(strip);
    const used = strip.contains(document.activeElement);
    // It stays as long as what it speaks of is there to be tried, and says what was done just now.
    const near = used || inView(framed?.closest(".mof-panel"));
    strip.hidden = (note.hidden && (cards[1].hidden || !near)) || (inView(root) && !used);
    cards[1].live(!root.isConnected); // else the one in the panel is read out
  };
  const show = () => {
    const fold = target()?.closest("details");
    if (target()?.tagName === "SUMMARY") fold.open = true;
    const found = target();
    if (!found) {
      ui.status.textContent = ui.t("not_there");
      return say(ui.t("not_there"));
    }
    const { below } = present();
    const under = below && [...home.querySelectorAll(below)].find((node) =>
      node.checkVisibility() && found.compareDocumentPosition(node) & 4); // 4: it follows
    const scroll = () => { // so that all of it ends above the strip
      const top = found.getBoundingClientRect().top;
      const bottom = (under || found).getBoundingClientRect().bottom;
      const margin = Math.max(0, bottom - found.getBoundingClientRect().bottom) + 12 +
        strip.offsetHeight;
      const large = bottom - top + strip.offsetHeight > 0.7 * innerHeight;
      found.style.scrollMarginBottom = `${margin}px`;
      found.scrollIntoView({ block: large ? "start" : "center" });
      found.style.scrollMarginBottom = "";
    };
    scroll();
    requestAnimationFrame(() => requestAnimationFrame(scroll)); // cells on the way were undrawn
    const first = 'textarea, input, select, button, summary, [tabindex="0"]';
    const inner = found.querySelector(first) ?? (found.matches(first) ? found : null);
    inner?.focus({ preventScroll: true });
    look();
  };

  // ---- the panel, and the strip for when it is out of sight
  const key = () => ({ step: model.get("at") });
  const next = () => ui.send("next");
  const leave = () => {
    note.hidden = true;
    ui.send("leave");
  };
  const acts = { show, tick: () => ui.send("tick", key()), next, leave };
  const cards = [buildStep(ui, acts), buildStep(ui, acts)];
  cards[0].live(true);
  const note = element("div", { class: "mof-note", hidden: true });
  const strip = element("aside", { class: "mof-panel mof-strip", hidden: true }, cards[1], note);
  ui.label(strip, "title", "aria-label");
  let saying;
  const say = (text) => {
    clearTimeout(saying);
    note.textContent = text;
    note.hidden = false;
    saying = setTimeout(() => (note.hidden = true), READ_WITHIN);
  };

  const list = element("ol", { class: "mof-steps" });
  ui.label(list, "steps", "aria-label");
  const chips = steps.map((step) => element("button", { type: "button", "data-step": step.key,
    onclick: () => ui.send("go", { step: step.key }) }));
  list.append(...chips.map((chip) => element("li", {}, chip)));
  const button = (name, style = "") => element("button", { type: "button", class: style,
    "data-action": name, onclick: () => ui.send(name) });
  const begin = button("go_on", "mof-main"), restart = ui.label(button("restart"), "restart");
  ui.body.append(list, cards[0], element("div", { class: "mof-actions" }, begin, restart));

  const render = () => {
    const step = present(), open = Boolean(step && model.get("under_way"));
    const done = model.get("done"), number = steps.indexOf(step) + 1;
    steps.forEach((one, i) => {
      const title = ui.t(`${one.key}.title`);
      chips[i].textContent = `${isDone(one) ? "✓" : i + 1} ${title}`;
      chips[i].classList.toggle("mof-done", isDone(one));
      chips[i].setAttribute("aria-label", isDone(one) ? ui.t("is_done", { title }) : title);
      if (open && one === step) chips[i].setAttribute("aria-current", "step");
      else chips[i].removeAttribute("aria-current");
    });
    const focused = document.activeElement;
    for (const card of cards) {
      card.hidden = !open;
      if (open) card.show(step, number, steps.length, isDone(step));
    }
    begin.textContent = ui.t(done.length ? "go_on" : "start");
    begin.hidden = open || done.length === steps.length;
    restart.hidden = open || !done.length;
    strip.lang = root.lang;
    // What was pressed may be gone now; the focus goes on to what took its place.
    const card = cards.find((one) => one.contains(focused)) ?? cards[0];
    if ((root.contains(focused) || strip.contains(focused)) && !focused.checkVisibility())
      [card.querySelector(step && isDone(step) ? "[data-action=next]" : "[data-action=show]"), begin,
        restart]
        .find((one) => one.checkVisibility())?.focus({ preventScroll: true });
    look();
  };
  ui.on(["done", "at", "under_way"], render);
  ui.relabelled(render);
  ui.changed(["status"], () => {
    const { key, values } = model.get("status");
    if (key === "ticked" || key === "finished") say(ui.t(key, values));
  });

  // ---- what was looked at
  const told = new Set();
  let resting = null, timer;
  const looked = (step) => {
    told.add(step.key);
    ui.send("looked", { step: step.key });
  };
  ui.on(["done"], () => told.clear());
  const watch = (event) => {
    const step = steps.find((one) => one.looks && !isDone(one) && !told.has(one.key) &&
      event.target.closest?.(one.looks));
    const node = step && home?.contains(event.target) ? event.target.closest(step.looks) : null;
    if (event.type === "keydown") {
      if (node && event.key.startsWith("Arrow")) looked(step);
      return;
    }
    if (node === resting) return;
    clearTimeout(timer);
    resting = node;
    if (node) timer = setTimeout(() => node.matches(":hover") && looked(step), RESTED);
  };
  const events = ["mousemove", "keydown"];
  for (const name of events) document.addEventListener(name, watch, true);
  const looking = setInterval(look, LOOK_EVERY);
  return () => {
    clearInterval(looking);
    clearTimeout(timer);
    clearTimeout(saying);
    for (const name of events) document.removeEventListener(name, watch, true);
    framed?.classList.remove("mof-here");
    strip.remove();
  };
}

export default { render: ({ model, el }) => panel(model, el, buildTour, { picture: false }) };
