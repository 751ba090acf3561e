// A text of the learner's: a file goes to Python in pieces, each one when Python asks for it.

function buildUpload(ui) {
  const { model } = ui;
  ui.label(ui.title, "title");
  const formats = model.get("formats");
  const said = { formats: formats.join(" "), most: Math.round(model.get("most") / 1e6) };

  const file = element("input", { type: "file", accept: formats.join(","), "data-name": "file" });
  const choose = element("span");
  const path = element("input", { type: "text", "data-name": "path", spellcheck: "false" });
  const act = (key, does) =>
    ui.label(element("button", { type: "button", "data-action": key, onclick: does }), key);
  const read = act("read", () => ui.send("read", { path: path.value }));
  const example = act("example", () => ui.send("example"));
  path.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) read.click();
  });

  // ---- sending
  let sending = null;
  let number = Math.floor(Math.random() * 2 ** 31); // two pages may show this panel
  file.addEventListener("change", () => {
    sending = file.files[0] ?? null;
    number += 1;
    if (sending) ui.send("begin", { name: sending.name, size: sending.size, number });
    file.value = ""; // the same file can be chosen again
  });
  ui.message("next", async ({ at, number: of }) => {
    if (of !== number || !sending) return;
    let piece = new ArrayBuffer(0);
    try {
      piece = await sending.slice(at, at + model.get("piece")).arrayBuffer();
    } catch {
      // it was moved or deleted: an empty piece says so
    }
    if (of === number) ui.send("piece", { number: of }, [piece]);
  });

  // ---- what is in it
  const name = element("strong", { class: "mof-own-name" });
  const told = element("p", { class: "mof-told", "aria-live": "polite" });
  const warnings = element("ul", { class: "mof-warnings" });
  const facts = element("table", { class: "mof-facts" });
  const bits = buildPicture(ui, "bits");
  const there = element("div", {}, name, warnings,
    element("details", { class: "mof-settings" },
      ui.label(element("summary"), "appraisal"), facts), bits);
  const show = () => {
    there.hidden = !model.get("name");
    told.textContent = model.get("told").join("\n");
    told.hidden = !told.textContent;
    name.textContent = model.get("name");
    warnings.replaceChildren(...model.get("warnings").map(([key, values]) =>
      element("li", { "data-warning": key }, ui.t(key, values))));
    facts.replaceChildren(...model.get("facts").map(([key, value]) =>
      element("tr", { "data-fact": key }, element("th", { scope: "row" }, ui.t(key)),
        element("td", {}, value))));
    choose.textContent = ui.t("file", said);
    bits.show(model.get("bits"));
  };
  ui.on(["name", "told", "facts", "warnings", "bits"], show);
  ui.on(["state"], () => {
    for (const control of [file, read, example]) block(control, ui.running());
  });
  ui.relabelled(show);
  ui.body.append(
    element("label", { class: "mof-take" }, choose, file),
    element("label", { class: "mof-take" }, ui.label(element("span"), "path"), path),
    element("div", { class: "mof-actions" }, read, example), told, there);
}

export default { render: ({ model, el }) => panel(model, el, buildUpload) };
