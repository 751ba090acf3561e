// A long action in the browser: its buttons, a bar, and how long it will take.

function buildTask(ui) {
  const { model } = ui;
  const buttons = buildJob(ui, () => model.get("done"));
  const bar = element("progress", { max: 1 });
  ui.label(bar, "bar", "aria-label");
  const left = element("output", { "aria-live": "off", "data-number": "left" });
  const doing = element("div", { class: "mof-doing" });
  const show = () => {
    const share = `${Math.floor(100 * model.get("share"))}\u00a0%`;
    ui.title.textContent = model.get("name");
    bar.value = model.get("share");
    doing.textContent = model.get("doing");
    left.textContent = model.get("left")
      ? ui.t("left", { share, left: model.get("left") }) : share;
  };
  ui.on(["name", "share", "doing", "left"], show);
  ui.changed(["done"], buttons.show);
  ui.relabelled(show);
  ui.body.append(buttons, element("div", { class: "mof-progress" }, bar, left), doing);
}

export default { render: ({ model, el }) => panel(model, el, buildTask) };
