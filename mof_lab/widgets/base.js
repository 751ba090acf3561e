// What every widget of the lab shares in the browser; a widget's own file is joined to the end.
// Texts of users and models reach the page through textContent only.

/** A DOM element: attributes (class, listeners as onclick: f), then children (nodes or texts). */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") node.toggleAttribute(name, value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** The language that JupyterLab, or else the page, speaks. */
function pageLanguage() {
  return document.documentElement.lang.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** A picture that Python drew, as elements: its colours follow the theme by the style sheet. */
function pictureOf(svg) {
  const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  return document.importNode(parsed, true);
}

/** Shows [svg, text]: the picture, and the text for who reads or copies it. */
function buildPicture(ui, name) {
  const place = element("div", { class: "mof-picture", "data-picture": name });
  const text = element("pre", { class: "mof-numbers", tabindex: "0" });
  const summary = ui.label(element("summary"), "numbers");
  const node = element("div", {}, place, element("details", {}, summary, text));
  let shown = null;
  node.place = place;
  node.show = (view) => {
    node.hidden = !view?.length;
    if (node.hidden || shown === view[0]) return;
    shown = view[0];
    place.replaceChildren(pictureOf(view[0]));
    text.textContent = view[1];
  };
  return node;
}

/** A probability in percent: 26 %, 3.1 %, < 0.1 %; its spaces break no line. */
function percent(p) {
  if (p < 0.0005) return "<\u00a00.1\u00a0%";
  return `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)}\u00a0%`;
}

/** Makes a control do nothing, or work again. It keeps the focus, which `disabled` would take. */
function block(control, blocked) {
  control.setAttribute("aria-disabled", String(blocked));
}

function download(name, blob) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const TALLEST = 16000; // px; browsers draw nothing at all on a canvas that is taller

/** A picture as a PNG, twice its size in pixels if that can be, drawn with the fonts here. */
async function asPng(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const scale = Math.min(2, TALLEST / image.height);
  const canvas = element("canvas",
    { width: Math.round(scale * image.width), height: Math.round(scale * image.height) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

const FORMATS = { svg: "image/svg+xml", png: "image/png", html: "text/html" };

/** Buttons that save the picture of what is shown, as Python draws it. */
function buildExport(ui) {
  const buttons = Object.keys(FORMATS).map((format) => element("button", { type: "button",
    class: "mof-quiet", "data-export": format, onclick: () => ui.send("export", { format }) },
    format.toUpperCase()));
  const node = element("div", { class: "mof-export", role: "group" },
    ui.label(element("span"), "export"), ...buttons);
  ui.label(node, "export_label", "aria-label");
  ui.message("picture", async ({ format, name, text }) => {
    const blob = format === "png" ? await asPng(text) : new Blob([text], { type: FORMATS[format] });
    download(`${name}.${format}`, blob);
  });
  return node;
}

/**
 * The buttons of a widget's job, on_begin and those that every widget has.
 *
 * over() says when there is nothing left to begin; more: other buttons, beside these.
 */
function buildJob(ui, over, more = []) {
  const [begin, pause, resume, stop] = ["begin", "pause", "resume", "stop"].map((key) =>
    ui.label(element("button", { type: "button", "data-action": key,
      onclick: () => ui.send(key) }), key));
  begin.classList.add("mof-main");
  stop.classList.add("mof-stops", "mof-main");
  const node = element("div", { class: "mof-actions" }, begin, pause, resume, stop, ...more);
  node.show = () => {
    const state = ui.model.get("state"), running = ui.running();
    const focused = document.activeElement;
    begin.hidden = running;
    pause.hidden = !running || state === "paused";
    resume.hidden = state !== "paused";
    stop.hidden = !running;
    block(begin, over());
    for (const button of [pause, stop, ...more]) block(button, state === "stopping");
    // A button that goes takes the focus with it: the one in its place gets it.
    if (focused?.hidden && node.contains(focused))
      [pause, resume, begin].find((button) => !button.hidden).focus();
  };
  ui.on(["state"], node.show);
  return node;
}

// Characters of a message; the notebook's server ends the connection at ten million bytes. What is
// too long for a widget itself is refused by it in a sentence.
const MOST_TYPED = 2_000_000;
// What is said if the kernel says nothing for so many ms: it is busy, and after long maybe gone.
const SILENT = { waiting: 2000, silent: 60000 };

/**
 * Builds the frame of a widget and lets `build(ui)` fill it; picture: can its picture be saved?
 *
 * ui.body                        where the widget's own elements go
 * ui.t(key, values)              a text in the current language
 * ui.label(node, key, where)     keeps a text ("textContent") or an attribute of a node translated
 * ui.relabelled(callback)        called after each change of the language
 * ui.changed(traits, callback)   called whenever one of the traits changes
 * ui.on(traits, callback)        called now, too
 * ui.message(kind, callback)     called with each message of a kind from Python, and its bytes;
 *                                not with what another view of the widget asked for
 * ui.send(kind, content, bytes)  calls on_<kind> in Python, which then says "heard", `of` the kind
 * ui.running()                   is this widget's job not over yet?
 */
function panel(model, el, build, { picture = true } = {}) {
  const view = Math.random().toString(36).slice(2); // Python's answers to this one name it
  const undo = [], labels = [], followers = [], receivers = {};
  let waiting = [], waits = false; // timers; does the status line say that the kernel is silent?

  const root = element("section", { class: "mof-panel" });
  const title = element("strong", { class: "mof-title" });
  const switcher = element("button", { class: "mof-quiet mof-language", type: "button" });
  const body = element("div", { class: "mof-body" });
  const status = element("div", { class: "mof-status", role: "status" });
  const sentence = element("div", { class: "mof-sentence" });
  const trace = element("pre");
  const summary = element("summary");
  const folded = element("details", {}, summary, trace);
  const error = element("div", { class: "mof-error", role: "alert" }, sentence, folded);

  const language = () => model.get("language") || pageLanguage();
  const ui = {
    model,
    root,
    body,
    title,
    status,
    t(key, values = {}) {
      const text = model.get("_words")[language()]?.[key] ?? key;
      return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
    },
    label(node, key, where = "textContent") {
      labels.push(() => {
        if (where === "textContent") node.textContent = ui.t(key);
        else node.setAttribute(where, ui.t(key));
      });
      labels.at(-1)();
      return node;
    },
    relabelled: (callback) => followers.push(callback),
    changed(traits, callback) {
      for (const trait of traits) {
        model.on(`change:${trait}`, callback);
        undo.push(() => model.off(`change:${trait}`, callback));
      }
    },
    on(traits, callback) {
      ui.changed(traits, callback);
      callback();
    },
    message: (kind, callback) => (receivers[kind] = callback),
    send(kind, content = {}, bytes = []) {
      waiting.forEach(clearTimeout);
      waiting = Object.entries(SILENT)
        .filter(([key]) => key === "silent" || kind !== "hello") // nobody clicked
        .map(([key, after]) => setTimeout(() => {
          waits = true;
          status.textContent = ui.t(key);
        }, after));
      model.send({ ...content, kind, view }, undefined, bytes);
    },
    running: () => ["running", "paused", "stopping"].includes(model.get("state")),
  };

  const showStatus = () => {
    const { key, values } = model.get("status");
    status.textContent = key ? ui.t(key, values) : "";
  };
  const showError = () => {
    const { sentence: said = "", chinese = "", traceback = "" } = model.get("error");
    sentence.textContent = (language() === "zh" && chinese) || said;
    trace.textContent = traceback;
    folded.hidden = !traceback;
    error.hidden = !said;
  };
  const heard = () => {
    waiting.forEach(clearTimeout);
    if (waits) showStatus();
    waits = false;
  };
  ui.on(["status", "state", "error"], () => {
    heard();
    showStatus();
    showError();
    root.dataset.state = model.get("state");
  });
  const receive = (content, bytes) => {
    if ((content.to ?? view) !== view) return;
    heard();
    receivers[content.kind]?.(content, bytes);
  };
  model.on("msg:custom", receive);
  undo.push(() => model.off("msg:custom", receive), heard);

  ui.label(switcher, "language");
  ui.label(switcher, "language_label", "aria-label");
  ui.label(summary, "details");
  switcher.addEventListener("click", () =>
    ui.send("language", { code: language() === "zh" ? "en" : "zh" }),
  );
  root.addEventListener("click", (event) => {
    if (!event.target.closest('[aria-disabled="true"]')) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  // Enter in a notebook's command mode starts editing the cell; here it is for what has the focus.
  // No other key is kept from the notebook.
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "Escape") event.stopPropagation();
  });

  const foot = element("div", { class: "mof-foot" }, status, ...(picture ? [buildExport(ui)] : []));
  root.append(element("header", {}, title, switcher), body, error, foot);
  const clean = build(ui);
  ui.on(["language"], () => {
    root.lang = language() === "zh" ? "zh-CN" : "en";
    for (const relabel of labels) relabel();
    for (const follower of followers) follower();
    showStatus();
    showError();
  });
  el.append(root);
  ui.send("hello", { language: pageLanguage() });
  return () => {
    clean?.();
    for (const step of undo) step();
  };
}
