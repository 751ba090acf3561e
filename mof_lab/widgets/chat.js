// The chat in the browser: one column, or several that answer the same question.

// name: [step, least, most]; the Python side checks the values again
const NUMBERS = {
  temperature: [0.02, 0, 10],
  top_k: [1, 0, 1000000],
  top_p: [0.01, 0, 1],
  repetition_penalty: [0.05, 0.1, 10],
  max_length: [1, 1, 2048],
  seed: [1, 0, 4294967295],
};
// Of a file, bytes: more than a transcript may have, less than the notebook's server takes.
const MOST_READ = 4_000_004;
const NEAR = 40; // px from the end of the log within which it keeps scrolling
const colour = (i) => `var(--mof-expert-${i % 6})`;

/** The parts of a split bar, from the bottom up, in the order of the experts. */
function splitBar(weights) {
  let from = 0;
  const stops = weights.map((weight, i) => {
    const to = from + 100 * weight;
    const stop = `${colour(i)} ${from}% ${to}%`;
    from = to;
    return stop;
  });
  return `linear-gradient(to top, ${stops.join(", ")})`;
}

/** How a blend of the experts is read off a slider from the first to the last of them. */
function blendAt(position, experts) {
  return experts.map((_, i) => Math.max(0, 1 - Math.abs(i - position)));
}

function measure(share, fill) {
  const part = element("i");
  part.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  const node = element("div", { class: "mof-measure", "aria-hidden": "true" }, part);
  if (fill) node.style.setProperty("--mof-fill", fill);
  return node;
}

// ---- what is known about one character ----

function buildInspector(ui) {
  const experts = ui.model.get("experts");
  const node = element("div", { class: "mof-inspector", role: "region", "aria-live": "polite" });
  ui.label(node, "inspector", "aria-label");
  const part = (key, ...rows) =>
    element("div", {}, element("h4", {}, ui.t(key)), ...rows);
  const row = (name, number, bar) =>
    element("div", { class: "mof-row" }, element("span", {}, name), element("span", {}, number), bar);

  const surprise = (bits, rank, digits) => ui.t("bits", { p: percent(2 ** -bits),
    bits: bits.toFixed(digits), choice: ui.t(rank === 1 ? "first_choice" : "choice", { rank }) });

  node.show = (character) => {
    if (!character) {
      node.replaceChildren(element("div", { class: "mof-hint" }, ui.t("hint")));
      return;
    }
    const [symbol, weights, bits, rank, others, alone] = character;
    const big = element("div", { class: "mof-big", lang: "zh-CN" }, symbol === "\n" ? "↵" : symbol);
    if (!weights.length) {
      node.replaceChildren(big, element("div", { class: "mof-unknown" }, ui.t("unknown")));
      return;
    }
    const shares = weights.map((w, i) => row(experts[i], w.toFixed(3), measure(w, colour(i))));
    const first = element("div", {}, ...part("weights", ...shares).childNodes);
    const parts = [big, first];
    if (bits !== null) {
      first.append(
        ...part("surprisal", element("div", {}, surprise(bits, rank, 2))).childNodes,
      );
      const candidates = others.map(([other, p]) =>
        element("div", { class: "mof-other" }, element("span", { lang: "zh-CN" }, other), measure(p),
          element("span", {}, percent(p))),
      );
      const said = alone.map(([other, p, own], i) =>
        element("div", {}, ui.t("would", { name: experts[i], symbol: other, p: percent(p),
          written: big.textContent, own: percent(own) }), measure(p, colour(i))),
      );
      parts.push(part("others", ...candidates), part("experts", ...said));
    }
    node.replaceChildren(...parts);
  };
  node.words = ([symbol, weights, bits, rank]) => {
    const shares = weights.map((w, i) => `${experts[i]} ${w.toFixed(2)}`).join(", ");
    return [symbol, shares, bits === null ? "" : surprise(bits, rank, 1)].filter(Boolean).join("; ");
  };
  return node;
}

// ---- the conversation ----

function buildLog(ui, inspector) {
  const log = element("div", { class: "mof-log", role: "log", "aria-live": "off", tabindex: "0" });
  const newest = element("button", { class: "mof-newest", type: "button", hidden: true });
  const hint = element("div", { class: "mof-hint" });
  const shown = new Map(); // id → { node, answers: [{ node, note, characters }] }
  let locked = null, pointed = null; // the character that has the focus; that the inspector shows
  const inspect = (node) => {
    pointed?.classList.remove("mof-pointed");
    pointed = node;
    pointed?.classList.add("mof-pointed");
    inspector.show(pointed?.character);
  };
  ui.label(log, "log", "aria-label");
  ui.label(newest, "newest");
  ui.label(hint, "empty");
  log.append(hint);

  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  const toEnd = () => (log.scrollTop = log.scrollHeight);
  log.addEventListener("scroll", () => (newest.hidden = atEnd()));
  newest.addEventListener("click", toEnd);

  function write(answer, characters) {
    const nodes = characters.map((character) => {
      const [symbol, weights] = character;
      const node = element("span", { class: "mof-char", tabindex: "-1" });
      node.textContent = symbol === "\n" ? "↵" : symbol;
      node.character = character;
      if (weights.length) node.style.setProperty("--mof-bar", splitBar(weights));
      return symbol === "\n" ? [node, element("br")] : [node];
    });
    answer.characters.push(...characters);
    answer.node.append(...nodes.flat());
    const first = answer.node.querySelector(".mof-char");
    if (first && !answer.node.querySelector('[tabindex="0"]')) first.tabIndex = 0;
  }

  function open({ id, question, answers }) {
    const columns = ui.model.get("columns");
    const made = answers.map((_, i) => {
      const who = element("div", { class: "mof-who" });
      const node = element("div", { class: "mof-answer", role: "group", lang: "zh-CN" });
      const note = element("div", { class: "mof-note" });
      return { who, node, note, characters: [], column: columns[i] };
    });
    const asked = element("div", { class: "mof-question", role: "group", lang: "zh-CN" });
    asked.textContent = question;
    const node = element("div", { class: "mof-exchange" }, asked,
      element("div", { class: "mof-answers" },
        ...made.map((a) => element("div", {}, a.who, a.node, a.note))));
    const entry = { node, asked, answers: made, notes: answers.map(() => null) };
    shown.set(id, entry);
    log.append(node);
    name(entry);
    return entry;
  }

  function name({ asked, answers, notes }) {
    asked.setAttribute("aria-label", ui.t("you"));
    answers.forEach(({ who, node, note, column }, i) => {
      const label = ui.t(column.key, column.values);
      who.textContent = label;
      node.setAttribute("aria-label", label);
      note.textContent = notes[i] ? ui.t(notes[i].key, notes[i].values) : "";
    });
  }

  /** Shows what is new in an exchange; says false if characters before these are missing. */
  function update(exchange) {
    const follow = atEnd();
    const entry = shown.get(exchange.id) ?? open(exchange);
    let whole = true;
    exchange.answers.forEach(({ from = 0, characters, note }, i) => {
      const have = entry.answers[i].characters.length;
      if (from > have) whole = false;
      else write(entry.answers[i], characters.slice(have - from));
      if (note) entry.notes[i] = note;
    });
    if (exchange.answers.some(({ note }) => note)) name(entry);
    hint.hidden = shown.size > 0;
    if (follow) {
      for (const { node } of entry.answers) node.scrollTop = node.scrollHeight;
      toEnd();
    }
    newest.hidden = atEnd();
    return whole;
  }

  function keepOnly(ids) {
    for (const [id, { node }] of shown)
      if (!ids.has(id)) {
        locked = null; // of whichever answer: what is told belongs to a past state
        inspect(null);
        node.remove();
        shown.delete(id);
      }
    hint.hidden = shown.size > 0;
    newest.hidden = atEnd();
  }

  const characterOf = (event) => event.target.closest?.(".mof-char");
  log.addEventListener("mouseover", (event) => {
    const over = characterOf(event);
    if (over) inspect(over);
  });
  log.addEventListener("mouseleave", () => inspect(locked));
  log.addEventListener("focusin", (event) => {
    const node = characterOf(event);
    if (!node) return;
    locked = node;
    node.setAttribute("role", "img"); // only now: an answer as a whole is read as text
    node.setAttribute("aria-label", inspector.words(node.character));
    inspect(node);
  });
  log.addEventListener("focusout", (event) => {
    for (const name of ["role", "aria-label"]) characterOf(event)?.removeAttribute(name);
  });
  log.addEventListener("keydown", (event) => {
    const node = characterOf(event);
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!node || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // else the notebook moves too
    const all = [...node.parentElement.querySelectorAll(".mof-char")];
    const at = Math.min(all.length - 1, Math.max(0, all.indexOf(node) + step));
    node.tabIndex = -1;
    all[at].tabIndex = 0;
    all[at].focus();
  });
  ui.relabelled(() => {
    for (const entry of shown.values()) name(entry);
    inspect(pointed);
  });
  return { node: element("div", { class: "mof-frame" }, log, newest), update, keepOnly, toEnd };
}

// ---- settings ----

function buildSettings(ui) {
  const { model } = ui;
  const experts = model.get("experts");
  const change = (name, value) => {
    model.set("settings", { ...model.get("settings"), [name]: value });
    model.save_changes();
  };
  const field = (name, input) =>
    element("label", {}, ui.label(element("span"), name), input);

  const numbers = Object.entries(NUMBERS).map(([name, [step, min, max]]) => {
    const input = element("input", { type: "number", step, min, max, "data-name": name });
    input.addEventListener("change", () =>
      change(name, input.value === "" ? null : Number(input.value)),
    );
    return [name, input];
  });
  const explain = element("input", { type: "checkbox", "data-name": "explain" });
  explain.addEventListener("change", () => change("explain", explain.checked));
  const forced = element("input", { type: "checkbox", "data-name": "forced" });
  const slider = element("input", {
    type: "range", min: 0, max: experts.length - 1, step: 0.05, value: (experts.length - 1) / 2,
    "data-name": "position",
  });
  ui.label(slider, "position", "aria-label");
  const shares = element("output");
  const force = () => {
    forced.checked = true;
    change("position", Number(slider.value));
  };
  slider.addEventListener("input", force);
  forced.addEventListener("change", () => (forced.checked ? force() : change("position", null)));
  const single = model.get("columns").length === 1;
  const blend = element("div", { class: "mof-blend" },
    ...(single ? [element("label", {}, forced, " ", ui.label(element("span"), "forced"))]
               : [ui.label(element("span"), "blend")]),
    element("span", {}, experts[0]), slider, element("span", {}, experts.at(-1)), shares);

  ui.on(["settings"], () => {
    const settings = model.get("settings");
    for (const [name, input] of numbers)
      if (document.activeElement !== input) input.value = settings[name] ?? "";
    explain.checked = settings.explain;
    forced.checked = settings.position !== null;
    if (settings.position !== null) slider.value = settings.position;
    const at = blendAt(Number(slider.value), experts);
    shares.textContent = experts.map((name, i) => `${name} ${at[i].toFixed(2)}`).join(" · ");
    slider.setAttribute("aria-valuetext", shares.textContent);
    shares.style.opacity = settings.position === null ? 0.45 : 1;
  });
  const fields = element("div", { class: "mof-fields" },
    ...numbers.map(([name, input]) => field(name, input)), field("explain", explain));
  const node = element("details", { class: "mof-settings" },
    ui.label(element("summary"), "settings"), fields);
  return [blend, node];
}

// ---- all of it ----

function buildChat(ui) {
  const { model } = ui;
  const experts = model.get("experts");
  const single = model.get("columns").length === 1;
  ui.label(ui.title, single ? "title" : "title_columns");
  ui.root.classList.toggle("mof-columns", !single);

  const legend = element("div", { class: "mof-legend", "aria-hidden": "true" },
    ...experts.map((name, i) => {
      const swatch = element("span", { class: "mof-swatch" });
      swatch.style.background = colour(i);
      return element("span", {}, swatch, name);
    }));
  const inspector = buildInspector(ui);
  const log = buildLog(ui, inspector);
  const contextText = element("span");
  const contextBar = measure(0);
  const context = element("div", { class: "mof-context" }, contextText, contextBar);
  const text = element("textarea", { rows: 1, maxlength: MOST_TYPED });
  const main = element("button", { class: "mof-main", type: "button" });
  ui.label(text, "message", "aria-label");
  ui.label(text, "placeholder", "placeholder");

  const action = (key, act) => {
    const button = element("button", { type: "button", "data-action": key, onclick: act });
    return ui.label(button, key);
  };
  const file = element("input", { type: "file", accept: ".json,application/json", hidden: true });
  file.addEventListener("change", async () => {
    if (file.files.length)
      ui.send("load", { text: await file.files[0].slice(0, MOST_READ).text() });
    file.value = "";
  });
  // With the settings: a trait that was changed waits its turn, and a message overtakes it.
  const ask = (kind, content = {}) =>
    ui.send(kind, { ...content, settings: model.get("settings") });
  const changing = [action("again", () => ask("again")),
    ...["undo", "clear"].map((key) => action(key, () => ui.send(key)))];
  const files = [action("save", () => ui.send("save")), action("load", () => file.click())];
  if (!single) // of several conversations one is saved
    ["save_columns", "load_columns"].forEach((key, i) => ui.label(files[i], key, "title"));

  const grow = () => {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  };
  let asked = false; // sent, and the kernel has not said yet that it heard
  const active = () => asked || ui.running();
  const send = () => {
    if (!text.value.trim() || active()) return;
    ask("send", { text: text.value });
    asked = true;
    showState();
  };
  const stop = () => ui.send("stop");
  text.addEventListener("input", grow);
  text.addEventListener("keydown", (event) => {
    // The Enter that chooses a pinyin candidate belongs to the input method.
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!event.shiftKey) return send();
    // By hand: JupyterLab cancels the browser's own line break in everything inside a notebook.
    text.setRangeText("\n", text.selectionStart, text.selectionEnd, "end");
    grow();
  });
  main.addEventListener("click", () => (active() ? stop() : send()));
  ui.root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && event.keyCode !== 229 && active()) stop();
  });

  const showState = () => {
    const state = model.get("state"), running = active();
    main.textContent = ui.t(running ? "stop" : "send");
    main.classList.toggle("mof-stops", running);
    block(main, state === "stopping");
    for (const button of [...changing, ...files]) block(button, running);
  };
  ui.on(["state"], showState);
  const showContext = () => {
    const [used, limit] = model.get("context");
    contextText.textContent = ui.t("context", { used, limit });
    contextBar.firstChild.style.width = `${Math.min(100, (100 * used) / limit)}%`;
  };
  ui.on(["context"], showContext);
  ui.relabelled(() => {
    showState();
    showContext();
  });
  ui.message("heard", ({ of }) => {
    if (of === "send") asked = false;
    showState();
  });
  let writing = null; // the id of the answer that is being written
  // What a screen reader says: an answer once it is whole, not its characters one by one.
  const spoken = element("div", { class: "mof-spoken", "aria-live": "polite", lang: "zh-CN" });
  const speak = ({ answers }) => {
    const said = answers.map(({ characters }) => characters.map(([symbol]) => symbol).join(""));
    spoken.replaceChildren(...said.map((answer, i) => {
      const { key, values } = model.get("columns")[i];
      return element("p", {}, single ? answer : `${ui.t(key, values)}: ${answer}`);
    }));
  };
  ui.on(["exchanges", "state"], () => {
    const exchanges = model.get("exchanges");
    const written = exchanges.find(({ id }) => id === writing);
    if (written) speak(written);
    if (written || !ui.running()) writing = null;
    log.keepOnly(new Set([...exchanges.map(({ id }) => id), writing]));
    for (const exchange of exchanges) log.update(exchange);
  });
  ui.message("taken", ({ text: taken }) => {
    if (text.value.trim() === taken) text.value = "";
    grow();
    log.toEnd();
  });
  ui.message("writing", ({ exchange }) => {
    if (writing !== exchange.id) spoken.replaceChildren(); // the same words again are news, too
    writing = exchange.id;
    if (!log.update(exchange)) ui.send("hello");
  });
  ui.message("said", ({ text: said }) => {
    if (!text.value) text.value = said;
    grow();
  });
  ui.message("file", ({ name, text: content }) =>
    download(name, new Blob([content], { type: "application/json" })),
  );

  ui.title.after(legend);
  ui.body.append(log.node, spoken, inspector, context,
    element("div", { class: "mof-composer" }, text, main),
    element("div", { class: "mof-actions" }, ...changing, ...files, file), ...buildSettings(ui));
  requestAnimationFrame(log.toEnd);
}

export default { render: ({ model, el }) => panel(model, el, buildChat) };
