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

const ANSWERS_WITHIN = 8000; // ms; a kernel that says nothing for longer is busy, or gone

/**
 * Builds the frame of a widget and lets `build(ui)` fill it.
 *
 * ui.body                        where the widget's own elements go
 * ui.t(key, values)              a text in the current language
 * ui.label(node, key, where)     keeps a text ("textContent") or an attribute of a node translated
 * ui.relabelled(callback)        called after each change of the language
 * ui.on(traits, callback)        called now and whenever one of the traits changes
 * ui.message(kind, callback)     called with each message of a kind from Python
 * ui.send(kind, content)         calls on_<kind> in Python, which then says "heard"
 * ui.running()                   is this widget's job not over yet?
 */
function panel(model, el, build) {
  const undo = [], labels = [], followers = [], receivers = {};
  let waiting;

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
    on(traits, callback) {
      for (const trait of traits) {
        model.on(`change:${trait}`, callback);
        undo.push(() => model.off(`change:${trait}`, callback));
      }
      callback();
    },
    message: (kind, callback) => (receivers[kind] = callback),
    send(kind, content = {}) {
      clearTimeout(waiting);
      waiting = setTimeout(() => (status.textContent = ui.t("silent")), ANSWERS_WITHIN);
      model.send({ ...content, kind });
    },
    running: () => ["running", "paused", "stopping"].includes(model.get("state")),
  };

  const heard = () => clearTimeout(waiting);
  const showStatus = () => {
    const { key, values } = model.get("status");
    status.textContent = key ? ui.t(key, values) : "";
  };
  ui.on(["status", "state", "error"], () => {
    heard();
    showStatus();
    const { sentence: said = "", traceback = "" } = model.get("error");
    sentence.textContent = said;
    trace.textContent = traceback;
    folded.hidden = !traceback;
    error.hidden = !said;
    root.dataset.state = model.get("state");
  });
  const receive = (content) => {
    heard();
    receivers[content.kind]?.(content);
  };
  model.on("msg:custom", receive);
  undo.push(() => model.off("msg:custom", receive), heard);

  ui.label(switcher, "language");
  ui.label(switcher, "language_label", "aria-label");
  ui.label(summary, "details");
  switcher.addEventListener("click", () =>
    ui.send("language", { code: language() === "zh" ? "en" : "zh" }),
  );
  // Enter in a notebook's command mode starts editing the cell; here it is for what has the focus.
  // No other key is kept from the notebook.
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "Escape") event.stopPropagation();
  });

  root.append(element("header", {}, title, switcher), body, error, status);
  const clean = build(ui);
  ui.on(["language"], () => {
    root.lang = language() === "zh" ? "zh-CN" : "en";
    for (const relabel of labels) relabel();
    for (const follower of followers) follower();
    showStatus();
  });
  el.append(root);
  ui.send("hello");
  return () => {
    clean?.();
    for (const step of undo) step();
  };
}
