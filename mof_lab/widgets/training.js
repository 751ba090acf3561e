// The training panel in the browser, and the replay of a recording: without a kernel it plays too.

const SPEEDS = [1, 4, 16, 64];
const [STEP, SECONDS, LOSS, HELD_OUT, RATE, LEARNING, MEMORY, LEFT] = [0, 1, 2, 3, 4, 5, 6, 7];

const clock = (seconds) => {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/** The picture of a curve, of which what lies behind a step can be dimmed. */
function buildCurve(ui, name) {
  const node = buildPicture(ui, name);
  /** Dims what lies behind a step; nothing at the end. */
  node.pointAt = (step, atEnd) => {
    const svg = node.place.firstChild;
    svg?.querySelector(".mof-veil")?.remove();
    const [left, top, width, height, low, high] = (svg?.dataset.box ?? "").split(" ").map(Number);
    if (atEnd || !height) return;
    const x = left + (width * (step - low)) / (high - low);
    const veil = document.createElementNS(svg.namespaceURI, "path");
    veil.setAttribute("class", "mof-veil");
    veil.setAttribute("d", `M${x} ${top - 4}H${left + width + 8}V${top + height - 1}H${x}z`);
    svg.append(veil);
  };
  return node;
}

function buildTraining(ui) {
  const { model } = ui;
  const live = model.get("live");
  ui.label(ui.title, live ? "title" : "title_replay");
  ui.root.classList.add("mof-training");

  // ---- buttons
  const points = () => model.get("points");
  const last = () => points().at(-1)?.[STEP] ?? 0;
  const sample = ui.label(element("button", { type: "button", "data-action": "sample",
    onclick: () => ui.send("sample") }), "sample");
  const buttons = buildJob(ui, () => last() >= model.get("steps"), [sample]);
  buttons.hidden = !live;

  // ---- numbers
  const numbers = {};
  const number = (key) => {
    numbers[key] = element("output", { "data-number": key, "aria-live": "off" });
    return element("div", {}, ui.label(element("span"), key), numbers[key]);
  };
  const board = element("div", { class: "mof-board" },
    ...["loss", "held_out", "rate", "left", "memory", "learning_rate"].map(number));

  // ---- timeline
  const slider = element("input", { type: "range", min: 0, step: 1, "data-name": "timeline" });
  ui.label(slider, "timeline", "aria-label");
  const where = element("output", { class: "mof-where", "aria-live": "off" });
  const play = element("button", { type: "button", "data-action": "play" });
  const speed = element("select", { "data-name": "speed" },
    ...SPEEDS.map((times) => element("option", { value: times }, `${times} ×`)));
  ui.label(speed, "speed", "aria-label");
  speed.value = 16;
  // plotly's chart of the curves is the output below; the style sheet shows the button if it is.
  const chart = () => ui.root.closest(".jp-OutputArea-child")?.nextElementSibling;
  const showChart = (shown) => {
    ui.root.classList.toggle("mof-zoomed", shown);
    zoom.setAttribute("aria-expanded", String(shown));
  };
  const zoom = element("button", { type: "button", class: "mof-zoom", "data-action": "zoom",
    onclick: () => {
      showChart(!ui.root.classList.contains("mof-zoomed"));
      if (!ui.root.classList.contains("mof-zoomed")) return;
      chart().scrollIntoView({ block: "nearest" });
      const drawn = chart().querySelector(".js-plotly-plot").data?.[0].x.at(-1);
      if (drawn !== last()) ui.status.textContent = ui.t("zoom_old", { step: drawn });
    } });
  ui.label(zoom, "zoom");
  showChart(false);
  const timeline = element("div", { class: "mof-timeline" }, play, speed, slider, where, zoom);

  // ---- pictures
  const course = buildCurve(ui, "course");
  const moment = buildPicture(ui, "moment");
  const forming = buildCurve(ui, "forming");
  const more = element("details", { class: "mof-settings" },
    ui.label(element("summary"), "forming"), forming);
  const empty = ui.label(element("div", { class: "mof-hint" }), "nothing_yet");

  // ---- earlier runs
  const others = element("div", { class: "mof-earlier" });
  const compare = element("details", { class: "mof-settings" },
    ui.label(element("summary"), "compare"), others);
  const none = ui.label(element("span"), "none_earlier");
  const boxes = () => [...others.querySelectorAll("input")];
  const choose = () =>
    ui.send("compare", { names: boxes().filter((b) => b.checked).map((b) => b.dataset.run) });
  const showChosen = () => {
    for (const box of boxes()) box.checked = model.get("chosen").includes(box.dataset.run);
  };
  const showEarlier = () => {
    const made = model.get("earlier").map((name) => element("label", {},
      element("input", { type: "checkbox", "data-run": name, onchange: choose }), " ", name));
    others.replaceChildren(...(made.length ? made : [none]));
    compare.hidden = !live && !made.length;
    showChosen();
  };

  // ---- what is shown: the step of the slider, or the newest as long as nobody moved it
  let at = null, playing = null;
  const before = (list, step, of) => list.findLast((one) => of(one) <= step);
  /** Numbers as they are shown; the first point's step compiled, so its speed is none to tell. */
  const format = (point, settled = point !== points()[0]) => ({
    loss: point[LOSS].toFixed(3),
    held_out: before(points().filter((p) => p[HELD_OUT] !== null), point[STEP], (p) => p[STEP])
      ?.[HELD_OUT].toFixed(3) ?? "–",
    rate: settled ? Math.round(point[RATE]).toLocaleString() : "–",
    left: settled ? clock(point[LEFT]) : "–",
    memory: `${(point[MEMORY] / 1e9).toFixed(2)} GB`,
    learning_rate: point[LEARNING]?.toPrecision(2) ?? "–",
  });
  function show() {
    const end = last(), step = at ?? end;
    const point = before(points(), step, (p) => p[STEP]) ?? points()[0];
    const values = point ? format(point) : {};
    for (const [key, node] of Object.entries(numbers)) node.textContent = values[key] ?? "–";
    slider.max = Math.max(1, end);
    slider.value = step;
    where.textContent = ui.t("at", { step: Math.round(step), steps: model.get("steps") });
    slider.setAttribute("aria-valuetext", where.textContent);
    const moments = model.get("moments"); // one may be newer than the newest point
    const there = before(moments, at === null ? Infinity : step, (m) => m[0]);
    moment.show((there ?? moments[0] ?? []).slice(1));
    moment.style.visibility = there ? "" : "hidden"; // its room is kept: nothing below it jumps
    course.pointAt(step, at === null);
    forming.pointAt(step, at === null);
    play.textContent = ui.t(playing === null ? "play" : "halt");
  }
  function halt() {
    cancelAnimationFrame(playing);
    playing = null;
  }
  slider.addEventListener("input", () => {
    halt();
    at = Number(slider.value) >= last() ? null : Number(slider.value);
    show();
  });

  /** The step at a time of the training, between two points in proportion. */
  function stepAt(seconds) {
    const all = points(), i = all.findIndex((p) => p[SECONDS] > seconds);
    if (i < 0) return last();
    const [to, from] = [all[i], all[i - 1] ?? [0, 0]];
    const share = (seconds - from[SECONDS]) / (to[SECONDS] - from[SECONDS]);
    return from[STEP] + share * (to[STEP] - from[STEP]);
  }
  function start() {
    let seconds = at === null ? 0 : before(points(), at, (p) => p[STEP])?.[SECONDS] ?? 0;
    let then = null;
    const frame = (now) => {
      seconds += ((now - (then ?? now)) / 1000) * Number(speed.value);
      then = now;
      at = stepAt(seconds);
      if (at >= last()) {
        at = null;
        halt();
      } else playing = requestAnimationFrame(frame);
      show();
    };
    playing = requestAnimationFrame(frame);
  }
  play.addEventListener("click", () => {
    if (playing === null) start();
    else halt();
    show();
  });

  const showZoom = () => { // the chart is drawn when a training rests
    zoom.hidden = ui.running() && model.get("state") !== "paused";
    if (zoom.hidden) showChart(false);
  };
  const showViews = () => {
    course.show(model.get("course"));
    forming.show(model.get("forming"));
    more.hidden = !model.get("forming").length;
    empty.hidden = model.get("course").length > 0 || model.get("moments").length > 0;
    timeline.hidden = !points().length;
    show();
    buttons.show();
  };
  ui.on(["state"], showZoom);
  ui.on(["course", "forming", "moments", "points", "steps"], showViews);
  ui.on(["earlier"], showEarlier);
  ui.on(["chosen"], showChosen);
  ui.relabelled(show);
  ui.body.append(buttons, board, empty, course, timeline, moment, more, compare);
  return halt;
}

export default { render: ({ model, el }) => panel(model, el, buildTraining) };
