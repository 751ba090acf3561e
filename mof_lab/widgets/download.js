// A button; the zip comes as the bytes of a message.

function buildDownload(ui) {
  ui.label(ui.title, "title");
  const button = ui.label(element("button", { type: "button", class: "mof-main",
    "data-action": "download", onclick: () => ui.send("download") }), "download");
  ui.message("zip", ({ name }, [data]) =>
    download(name, new Blob([data], { type: "application/zip" })));
  ui.on(["state"], () => block(button, ui.running()));
  ui.body.append(element("div", { class: "mof-actions" }, button));
}

export default { render: ({ model, el }) => panel(model, el, buildDownload, { picture: false }) };
