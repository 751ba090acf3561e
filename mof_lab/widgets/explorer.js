// The explorer in the browser: pictures come drawn from Python; on them lie the characters to
// point at. Attention of the pointed character and head is drawn here: it needs no kernel.

const LOCKED_AFTER = 150; // ms of rest on a character until Python hears of it
const EXPERT = (i) => `var(--mof-expert-${i % 6})`;
const ROWS = { least: 3, most: 8 }; // of a prompt's box

/** One reading: its picture, with a cell to point at over each character. */
function buildAxis(ui, number, { shown, preview, lock }) {
  const picture = buildPicture(ui, `reading ${number}`);
  const layer = element("div", { role: "group" });
  const rows = element("div", { "aria-hidden": "true" }), labels = element("div");
  const about = element("div", { class: "mof-about", role: "region", "aria-live": "polite" });
  ui.label(about, "inspector", "aria-label");
  picture.place.classList.add("mof-axis"); // characters to point at lie on the picture
  picture.firstChild.after(about);
  const node = element("div", {}, picture);
  let cells = [], reading = null;

  const at = (target, x, y, width, height) => {
    const { width: w, height: h } = reading.layout;
    Object.assign(target.style, { left: `${(100 * x) / w}%`, top: `${(100 * y) / h}%`,
      width: `${(100 * width) / w}%`, height: `${(100 * height) / h}%` });
    return target;
  };
  const named = () => {
    layer.setAttribute("aria-label", ui.t("axis", { number: number + 1 }));
    for (const label of labels.children) {
      label.title = ui.t(label.dataset.lane);
      label.setAttribute("aria-label", label.title);
    }
  };
  node.fill = (given) => {
    const focused = cells.indexOf(document.activeElement);
    reading = given;
    node.ready = true;
    picture.show([given.svg, given.text]);
    picture.place.append(rows, labels, layer);
    const { cell, symbol, area, places } = given.layout;
    cells = places.map(([x, y], t) =>
      at(element("span", { class: "mof-cell", role: "img", tabindex: t ? -1 : 0,
        "aria-label": `${t} ${given.symbols[t]}: ${given.bits[t] ?? "–"}` }),
        x, y - symbol, cell, area + symbol));
    layer.replaceChildren(...cells);
    const left = places[0][0], lines = places.filter((_, t) => t % given.layout.per_line === 0);
    labels.replaceChildren(...lines.flatMap(([, y]) => given.lanes.map(([key, top, height]) =>
      at(element("span", { class: "mof-lane", role: "img", "data-lane": `lane_${key}` }),
        0, y + top, left, height))));
    if (focused >= 0) cells[Math.min(focused, cells.length - 1)].focus();
    named();
  };
  node.tell = (...found) => about.replaceChildren(...found);
  /** Shows a row of attention, (up to the position,) and marks the locked character. */
  node.mark = (row, locked) => {
    const { attention, places, cell } = reading.layout;
    cells.forEach((one, t) => {
      one.setAttribute("aria-current", t === locked);
      one.tabIndex = t === Math.min(locked ?? 0, cells.length - 1) ? 0 : -1;
    });
    if (!attention || !row) return rows.replaceChildren();
    const [top, height] = attention;
    rows.replaceChildren(...row.map((weight, s) => {
      const size = Math.sqrt(weight) * height, [x, y] = places[s];
      return at(element("i", { class: "mof-looked" }), x + 1.5, y + top + height - size,
        cell - 3, size);
    }));
  };
  const index = (event) => cells.indexOf(event.target.closest?.(".mof-cell"));
  layer.addEventListener("mouseover", (event) => index(event) >= 0 && preview(index(event)));
  layer.addEventListener("mouseleave", () => preview(null));
  layer.addEventListener("click", (event) => {
    const t = index(event);
    if (t < 0) return;
    lock(shown() === t ? null : t);
    cells[t].focus();
  });
  layer.addEventListener("keydown", (event) => {
    const perLine = reading.layout.per_line;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perLine, ArrowDown: perLine, Home: -1e6,
      End: 1e6 }[event.key];
    const here = index(event);
    if (here < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return lock(null);
    if (event.key === "Enter") return lock(here);
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // else the notebook moves too
    const to = Math.min(cells.length - 1, Math.max(0, here + step));
    lock(to);
    cells[to].focus();
  });
  ui.relabelled(named);
  return node;
}

/** What is known about one character of a reading. */
function aboutCharacter(ui, reading, number, position, row) {
  const { experts } = ui.model.get("parts");
  const title = (text) => element("h4", {}, text);
  const bar = (p, fill) => {
    const part = element("i");
    part.style.width = `${100 * p}%`;
    const all = element("div", { class: "mof-measure" }, part);
    all.style.setProperty("--mof-fill", fill);
    return all;
  };
  const mean = (values) => values[position]?.toFixed(2) ?? "–";
  const symbol = reading.symbols[position];
  const weights = experts.map((e, i) => `${e} ${reading.weights[position][i].toFixed(2)}`);
  const facts = element("div", {}, ui.t("facts", {
    bits: reading.bits[position]?.toFixed(2) ?? "–",
    update: mean(reading.update), reset: mean(reading.reset),
    thoughts: reading.thought[position].map((v) => v.toFixed(2)).join(", ") || "–",
  }));
  const guesses = reading.next[position].map(([symbol, ...ps]) =>
    element("div", { class: "mof-guess" }, element("span", {}, symbol),
      element("div", {}, ...ps.map((p, i) => bar(p, EXPERT(ps.length > 1 ? 4 - 4 * i : 0)))),
      element("span", {}, ps.map(percent).join(" → "))));
  const alone = reading.alone[position].map((best, i) =>
    element("div", {}, `${ui.t("alone", { name: experts[i] })}: `,
      best.map(([symbol, p]) => `${symbol} ${percent(p)}`).join(" · ")));
  const left = [title(ui.t("at", { number: number + 1, position, symbol })), facts,
    title(ui.t(reading.next[position][0].length > 2 ? "next_off" : "next", { symbol })),
    element("div", {}, ui.t("router", { weights: weights.join(", ") })), ...guesses];
  if (position) left.push(element("div", { class: "mof-hint" }, ui.t("why", { symbol })));
  const right = [...alone];
  if (row) {
    const sum = row.reduce((a, b) => a + b, 0).toFixed(3);
    const most = row.map((w, s) => [w, s]).sort((a, b) => b[0] - a[0]).slice(0, 6);
    right.push(title(ui.t("looks", { sum })), element("div", {},
      most.map(([w, s]) => `${reading.symbols[s]} (${s}) ${w.toFixed(3)}`).join(" · ")));
  }
  return [element("div", {}, ...left), element("div", {}, ...right)];
}

function buildExplorer(ui) {
  const { model } = ui;
  const parts = model.get("parts");
  ui.label(ui.title, "title");
  let locked = [], over = null; // over: [reading, position] under the pointer
  let before = ""; // the symbols of the readings that are shown
  let untold = [], unheard = 0; // timers, one a reading; locks that Python has not heard of yet
  const tellLocked = (reading) => {
    clearTimeout(untold[reading]);
    untold[reading] = setTimeout(() => {
      delete untold[reading];
      unheard += 1;
      ui.send("lock", { reading, position: locked[reading] });
    }, LOCKED_AFTER);
  };

  // ---- prompts
  const grow = (text) => {
    text.rows = Math.min(ROWS.most, Math.max(ROWS.least, text.value.split("\n").length));
  };
  const boxes = ["first", "second"].map((key) => {
    const text = element("textarea",
      { rows: ROWS.least, maxlength: MOST_TYPED, "data-name": key });
    text.addEventListener("input", () => grow(text));
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) read();
    });
    return [element("label", {}, ui.label(element("span"), key), text), text];
  });
  const button = (key, act, style = "") =>
    ui.label(element("button", { type: "button", class: style, "data-action": key, onclick: act }),
      key);
  const read = () => {
    if (ui.running()) return;
    axes.setAttribute("aria-busy", "true"); // what is shown is not of this prompt any more
    ui.send("read", { prompts: boxes.map(([, text]) => text.value) });
  };
  const settled = () => axes.removeAttribute("aria-busy");
  const main = button("read", read, "mof-main");
  const prompts = element("div", { class: "mof-prompts" }, ...boxes.map(([label]) => label), main);
  ui.on(["prompts"], () =>
    model.get("prompts").forEach((text, i) => {
      if (document.activeElement !== boxes[i][1]) boxes[i][1].value = text;
      grow(boxes[i][1]);
    }));

  // ---- readings on one axis, and the character that is looked at
  const axes = element("div", { class: "mof-axes" });
  let pointed = null; // the head under the pointer: [block, head]
  /** A row of attention of the head that is pointed at, else of the chosen one. */
  const rowOf = (number, position) => {
    const packed = model.get("attention")[number];
    const time = model.get("readings")[number].symbols.length;
    if (packed?.byteLength !== 2 * parts.blocks * parts.heads * time * time) return undefined;
    const [block, head] = pointed ?? model.get("head");
    const first = ((block * parts.heads + head) * time + position) * time;
    return Array.from({ length: position + 1 }, (_, s) =>
      (packed.getUint16(2 * (first + s), true) / 65535) ** 2);
  };
  const show = () => {
    const readings = model.get("readings");
    [...axes.children].forEach((axis, number) => {
      const reading = readings[number];
      if (!axis.ready || !reading) return;
      const wanted = over?.[0] === number ? over[1] : (locked[number] ?? Infinity);
      const position = Math.min(wanted, reading.symbols.length - 1);
      const row = rowOf(number, position);
      axis.mark(row, locked[number] ?? null);
      axis.tell(...aboutCharacter(ui, reading, number, position, row));
    });
  };
  ui.on(["locked"], () => {
    if (unheard || untold.some(Boolean)) return; // news of a lock that is not the newest
    locked = [...model.get("locked")];
    show();
  });
  ui.on(["readings"], () => {
    const readings = model.get("readings");
    const symbols = JSON.stringify(readings.map((reading) => reading.symbols));
    if (symbols !== before) { // what was locked is not there any more
      untold.forEach(clearTimeout);
      untold = [];
      locked = [...model.get("locked")];
    }
    before = symbols;
    over = null;
    while (axes.children.length > readings.length) axes.lastChild.remove();
    while (axes.children.length < readings.length) {
      const number = axes.children.length;
      axes.append(buildAxis(ui, number, {
        shown: () => locked[number],
        preview(position) {
          over = position === null ? null : [number, position];
          show();
        },
        lock(position) {
          locked[number] = position;
          over = null;
          show();
          tellLocked(number);
        },
      }));
    }
    readings.forEach((reading, i) => axes.children[i].fill(reading));
    settled();
    show();
  });

  // ---- heads and switches
  const same = (pair) => ([b, h]) => b === pair[0] && h === pair[1];
  const change = (kind, value, equal) => {
    const off = structuredClone(model.get("off"));
    const rest = off[kind].filter((one) => !equal(one));
    off[kind] = rest.length < off[kind].length ? rest : [...rest, value];
    ui.send("off", { off });
  };
  const grids = element("div", { class: "mof-beside" });
  const near = element("div", { class: "mof-near" }); // the head that is looked at, larger
  const wholes = element("div");
  const large = element("details", {}, ui.label(element("summary"), "whole"), wholes);
  const tick = (label, act) => {
    const box = element("input", { type: "checkbox", onchange: act });
    return { box, node: element("label", {}, box, " ", label) };
  };
  const thisHead = tick(ui.label(element("span"), "this_head"), () =>
    change("heads", model.get("head"), same(model.get("head"))));
  thisHead.box.dataset.name = "head";
  const named = (kind, key, values, value) => {
    const label = element("span");
    ui.relabelled(() => (label.textContent = ui.t(key, values)));
    label.textContent = ui.t(key, values);
    const made = tick(label, () => change(kind, value, (one) => one === value));
    made.box.dataset.name = `${kind} ${value}`;
    return { ...made, on: () => !model.get("off")[kind].includes(value) };
  };
  const ticks = [
    ...[...Array(parts.blocks).keys()].map((b) => named("thoughts", "thought", { block: b }, b)),
    ...parts.experts.map((name) => named("experts", "expert", { name }, name)),
  ];
  const allOn = button("all_on", () =>
    ui.send("off", { off: { heads: [], thoughts: [], experts: [] } }));
  const switches = element("div", { class: "mof-switches", role: "group" },
    ui.label(element("strong"), "switches"), ...(parts.blocks ? [thisHead.node] : []),
    ...ticks.map(({ node }) => node), allOn);
  ui.label(switches, "switches", "aria-label");

  const image = (png) => element("img", { src: `data:image/png;base64,${png}`, alt: "" });
  const caption = ({ block, head, back }, number) =>
    ui.t("head", { block, head, back: back[number] });
  const showNear = () => {
    const one = model.get("heads").find(({ block, head }) =>
      same(pointed ?? model.get("head"))([block, head]));
    near.replaceChildren(...(one?.png ?? []).map((png, number) => element("figure", {}, image(png),
      element("figcaption", {}, `${number + 1} · ${caption(one, number)}`))));
    show();
  };
  const point = (pair) => {
    pointed = pair;
    showNear();
  };
  /** The heads of one reading. */
  const buildGrid = (number, heads) => {
    const at = model.get("head"), off = model.get("off").heads;
    const buttons = heads.map((one) => {
      const { block, head } = one, pair = [block, head];
      return element("button", { type: "button", title: caption(one, number),
        "aria-label": caption(one, number), "aria-pressed": String(same(at)(pair)),
        class: off.some(same(pair)) ? "mof-off" : "", onmouseenter: () => point(pair),
        onfocus: () => point(pair), onblur: () => point(null),
        onclick: () => ui.send("head", { block, head }) }, image(one.png[number]));
    });
    const grid = element("div", { class: "mof-heads", role: "group",
      "aria-label": `${ui.t("heads")} ${number + 1}`, onmouseleave: () => point(null) }, ...buttons);
    grid.style.gridTemplateColumns = `repeat(${Math.max(1, parts.heads)}, auto)`;
    return element("div", {}, element("small", {}, ui.t("heads_of", { number: number + 1 })), grid);
  };
  const showHeads = () => {
    const at = model.get("head"), off = model.get("off").heads, heads = model.get("heads");
    const all = () => [...grids.querySelectorAll("button")];
    const focused = all().indexOf(document.activeElement);
    grids.replaceChildren(...(heads[0]?.png ?? []).map((_, i) => buildGrid(i, heads)), near);
    if (focused >= 0) all()[focused]?.focus();
    large.hidden = grids.hidden = !heads.length;
    const views = model.get("whole_heads");
    while (wholes.children.length > views.length) wholes.lastChild.remove();
    while (wholes.children.length < views.length)
      wholes.append(buildPicture(ui, `whole ${wholes.children.length}`));
    views.forEach((view, i) => wholes.children[i].show(view));
    thisHead.box.checked = !off.some(same(at));
    for (const { box, on } of ticks) box.checked = on();
    showNear();
  };
  ui.on(["head", "heads", "attention", "whole_heads", "off"], showHeads);

  // ---- context test
  const topic = element("select", { "data-name": "topic" },
    ...parts.topics.map((key) => ui.label(element("option", { value: key }), key)));
  ui.label(topic, "topic", "aria-label");
  const test = button("context", () => ui.send("test", { topic: topic.value }));
  const halt = button("stop", () => ui.send("stop"));
  const curve = buildPicture(ui, "context");
  ui.on(["context"], () => curve.show(model.get("context")));

  ui.on(["state"], () => {
    const running = ui.running();
    for (const one of [main, test, allOn, thisHead.box, ...ticks.map(({ box }) => box)])
      block(one, running);
    if (!running && document.activeElement === halt) test.focus(); // else the focus is lost
    halt.hidden = !running;
    if (!running) {
      settled();
      showHeads();
    }
  });
  ui.message("heard", ({ of }) => {
    if (of === "lock") unheard = Math.max(0, unheard - 1);
    if (of === "read" && !ui.running()) settled(); // it was refused
    showHeads(); // what was refused is shown as it is
  });
  ui.relabelled(showHeads);
  ui.body.append(prompts, axes, switches,
    grids, large,
    element("div", { class: "mof-actions" }, topic, test, halt), curve);
  return () => untold.forEach(clearTimeout);
}

export default { render: ({ model, el }) => panel(model, el, buildExplorer) };
