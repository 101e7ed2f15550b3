// Label it yourself: a person names what a unit's top images share, without seeing any score.
"use strict";
mm.CATEGORIES = ["a concept", "a part of a concept", "several concepts", "a place on the image", "something else", "nothing in common"];
mm.labels = new Map(); // by exhibit and unit

mm.labelKey = (exhibit, unit) => `${exhibit.fingerprint} ${unit}`;

mm.labelled = (exhibit) => exhibit.units.map((_, row) => row).filter((row) => mm.labels.has(mm.labelKey(exhibit, exhibit.units[row].unit)));

mm.part(function (exhibit) {
  const done = mm.labelled(exhibit).length, word = mm.word(exhibit);
  const told = mm.h("p", { class: "note", role: "status", id: "labels-read" }, mm.labelsRead);
  const read = mm.h("input", { type: "file", accept: ".json,application/json", onchange: async () => {
    mm.labelsRead = read.files.length ? mm.importLabels(await read.files[0].text()) : "";
    mm.choose(mm.chosen);
  } });
  mm.content("label").replaceChildren(
    mm.h("p", { class: "lead" }, `Do people see what the scores say? Look at the top images of ${word === "atom" ? "an atom" : "a unit"} without its scores, name what they share, and click the images that do not fit. `,
      mm.exhibits.some((one) => mm.word(one) === "atom") ? "The export is a file." : ["The export is a file; ", mm.h("code", {}, "mixmnist report DIR --annotations FILE"), " then sets your labels beside the truth and every metric."]),
    mm.h("p", { class: "count", role: "status" }, `${done} of ${mm.words(exhibit, exhibit.units.length)} of ${mm.nameOf(exhibit)} labelled, ${mm.labels.size} in all.`),
    mm.h("div", { class: "tools" },
      mm.h("button", { type: "button", class: "primary", onclick: () => mm.startLabelling(exhibit) }, done ? "Go on labelling" : "Start labelling"),
      mm.h("button", { type: "button", disabled: done === 0, onclick: () => mm.showTruth(exhibit) }, "End and show the truth"),
      mm.h("button", { type: "button", onclick: mm.exportLabels, disabled: mm.labels.size === 0 }, "Export as JSON"),
      mm.h("label", {}, "Read an export in again", read)),
    told);
});

// units in an order that says nothing of them, the same for everyone
mm.shuffled = function (n) {
  let state = 12345;
  const keys = Array.from({ length: n }, (_, i) => { state = (state * 1103515245 + 12345) % 2147483648; return [state, i]; });
  return keys.sort((a, b) => a[0] - b[0]).map(([, i]) => i);
};

mm.startLabelling = function (exhibit) {
  const order = mm.shuffled(exhibit.units.length).filter((row) => !exhibit.units[row].dead);
  const next = order.findIndex((row) => !mm.labels.has(mm.labelKey(exhibit, exhibit.units[row].unit)));
  const dialog = document.getElementById("labelling");
  mm.drawTask(dialog, exhibit, order, Math.max(0, next));
  dialog.showModal();
  dialog.querySelector("input[type=text]").focus();
};

mm.drawTask = function (dialog, exhibit, order, place) {
  const row = order[place], unit = exhibit.units[row].unit, key = mm.labelKey(exhibit, unit);
  const known = mm.labels.get(key) ?? { concept: "", category: mm.CATEGORIES[0], misfits: [] };
  const misfits = new Set(known.misfits);
  const name = mm.h("input", { type: "text", name: "concept", value: known.concept, autocomplete: "off", maxlength: 80 });
  const category = mm.h("select", { name: "category" }, mm.CATEGORIES.map((one) => mm.h("option", { selected: one === known.category }, one)));
  const fits = mm.h("p", { class: "count", role: "status" });
  const count = () => { fits.textContent = `${pictures.length - misfits.size} of ${pictures.length} images fit.`; };
  const pictures = exhibit.top_shows[row].map((_, image) => mm.picture(exhibit, row, image, misfits, count));
  const keep = () => {
    const said = name.value.trim();
    if (said || misfits.size || category.value !== mm.CATEGORIES[0]) {
      mm.labels.set(key, { exhibit: exhibit.name, layer: exhibit.layer, fingerprint: exhibit.fingerprint, unit, concept: said, category: category.value,
        misfits: [...misfits].sort((a, b) => a - b), shown: pictures.length });
    } else mm.labels.delete(key);
    mm.keepLabels();
  };
  const close = () => { keep(); dialog.close(); };
  const end = () => { if (mm.labelled(exhibit).length) mm.drawTruth(dialog, exhibit); else dialog.close(); };
  const go = (to) => () => { keep(); if (to < order.length) { mm.drawTask(dialog, exhibit, order, to); dialog.querySelector("input[type=text]").focus(); } else end(); };
  dialog.onclose = () => mm.choose(mm.chosen);
  dialog.oncancel = keep;
  dialog.replaceChildren(mm.h("form", { class: "sheet task", onsubmit: (event) => { event.preventDefault(); go(place + 1)(); } },
    mm.h("header", {}, mm.h("h2", { id: "labelling-title" }, `What do these images share? `, mm.h("span", { class: "soft" }, `${place + 1} of ${order.length}`)),
      mm.h("button", { type: "button", class: "close", onclick: close }, "Close")),
    mm.h("p", { class: "note" }, `The images to which one ${mm.word(exhibit)} responds most`, exhibit.fields ? "; outlined is the place it looks at" : "", ". Click those that do not fit your description."),
    mm.h("div", { class: "pictures" }, pictures), fits,
    mm.h("div", { class: "tools" }, mm.h("label", {}, `What they share, e.g. ${exhibit.concepts[exhibit.concepts.length - 1]}`, name), mm.h("label", {}, "It is", category)),
    mm.h("div", { class: "buttons" }, place > 0 ? mm.h("button", { type: "button", onclick: go(place - 1) }, "← Back") : null,
      mm.h("button", { type: "submit", class: "primary" }, place + 1 < order.length ? "Next →" : "Done: show the truth"))));
  count();
};

mm.picture = function (exhibit, row, image, misfits, count) {
  const inner = mm.image(exhibit, row, image, "top", "field"); // a map would point at the answer
  inner.removeAttribute("title"); // neither what it shows nor the response may be told
  inner.removeAttribute("aria-label");
  inner.setAttribute("aria-hidden", "true");
  const button = mm.h("button", { type: "button", class: "picture", "aria-pressed": misfits.has(image), "aria-label": `Image ${image + 1} does not fit`, onclick: () => {
    if (!misfits.delete(image)) misfits.add(image);
    button.setAttribute("aria-pressed", misfits.has(image));
    count();
  } }, inner);
  return button;
};

mm.exportLabels = function () {
  const content = { kind: "mixmnist annotations", title: mm.data.title, units: [...mm.labels.values()] };
  const link = mm.h("a", { href: URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" })), download: "annotations.json" });
  document.body.append(link);
  link.click();
  link.remove();
};

// labels outlive a reload where the browser lets a page from disk keep anything
mm.keepLabels = function () {
  try { localStorage.setItem("mixmnist-labels", JSON.stringify([...mm.labels])); } catch { /* it does not */ }
};
mm.recallLabels = function () {
  try {
    const ours = new Set(mm.exhibits.flatMap((exhibit) => exhibit.units.map((unit) => mm.labelKey(exhibit, unit.unit))));
    for (const [key, value] of JSON.parse(localStorage.getItem("mixmnist-labels") ?? "[]")) if (ours.has(key)) mm.labels.set(key, value);
  } catch { /* nothing was kept */ }
};
