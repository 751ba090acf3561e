// The vocabulary in the browser: a slider on the frequency curve, a text to type. What the slider
// says is known here at once; the pictures follow when Python has drawn them.

const DRAWN_EVERY = 120; // ms; a slider moves more often than a picture can follow
const STILL_AFTER = 600; // ms without a change until what is kept beside the widget is renewed

function buildVocabulary(ui) {
  const { model } = ui;
  const choices = model.get("choices");
  ui.label(ui.title, "title");
  const slider = element("input", { type: "range", min: 0, max: choices.length - 1, step: 1,
    "data-name": "size" });
  const covers = element("output", { class: "mof-covers", "aria-live": "off" });
  const curve = buildPicture(ui, "curve");
  const known = buildPicture(ui, "known");
  const text = element("textarea",
    { rows: 2, maxlength: MOST_TYPED, "data-name": "text", lang: "zh-CN" });

  let last = 0, later = null, still = null;
  /** Sends what there is now, at most so often, and the last of all for certain. */
  const soon = () => {
    clearTimeout(later);
    later = setTimeout(() => {
      later = null;
      last = performance.now();
      ui.send("show", { choice: Number(slider.value), text: text.value });
    }, Math.max(0, DRAWN_EVERY - (performance.now() - last)));
    clearTimeout(still);
    still = setTimeout(() => ui.send("keep"), STILL_AFTER);
  };
  const say = () => {
    const [size, share] = choices[slider.value];
    const number = (n) => n.toLocaleString("en");
    covers.textContent = ui.t("covers", { size: number(size), all: number(choices.at(-1)[0]),
      share: `${(100 * share).toFixed(2)} %` });
    slider.setAttribute("aria-valuetext", covers.textContent);
  };
  slider.addEventListener("input", () => {
    say();
    soon();
  });
  text.addEventListener("input", (event) => {
    if (!event.isComposing) soon(); // half a pinyin word is no text
  });
  text.addEventListener("compositionend", soon);

  ui.on(["choice"], () => {
    if (!later && document.activeElement !== slider) slider.value = model.get("choice");
    say();
  });
  ui.on(["text"], () => {
    if (!later && document.activeElement !== text) text.value = model.get("text");
  });
  ui.on(["curve"], () => curve.show(model.get("curve")));
  ui.on(["known"], () => known.show(model.get("known")));
  ui.relabelled(say);
  ui.body.append(
    element("label", { class: "mof-choose" }, ui.label(element("span"), "size"), slider),
    covers, curve,
    element("label", { class: "mof-read" }, ui.label(element("span"), "text"), text), known);
  return () => {
    clearTimeout(later);
    clearTimeout(still);
  };
}

export default { render: ({ model, el }) => panel(model, el, buildVocabulary) };
