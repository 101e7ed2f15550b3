// One unit, opened: its images, curves, concepts and what each class loses without it.
"use strict";

mm.openUnit = function (exhibit, row) {
  const dialog = document.getElementById("unit");
  mm.drawUnit(dialog, exhibit, row);
  if (!dialog.open) {
    dialog.showModal();
    dialog.querySelector("h2").focus();
  }
};

mm.drawUnit = function (dialog, exhibit, row) {
  const unit = exhibit.units[row];
  const order = mm.rowsInView(exhibit);
  const place = order.indexOf(row);
  const step = (by) => () => {
    mm.drawUnit(dialog, exhibit, order[(place + by + order.length) % order.length]);
    dialog.querySelector("h2").focus();
  };
  const own = Math.max(0, exhibit.concepts.indexOf(unit.concept));
  const curves = mm.h("div", { class: "curves" });
  const concepts = mm.h("ul", { class: "concepts" });
  const show = (concept) => {
    curves.replaceChildren(...mm.curvesOf(exhibit, row, concept));
    for (const button of concepts.querySelectorAll("button")) button.setAttribute("aria-pressed", button.dataset.concept === String(concept));
  };
  concepts.append(...exhibit.concepts.map((name, concept) => mm.conceptRow(exhibit, row, name, concept, show)));
  dialog.replaceChildren(mm.h("div", { class: "sheet" },
    mm.h("header", {}, mm.h("h2", { id: "unit-title", tabindex: -1 }, `Unit ${unit.unit}`, mm.h("span", { class: "soft" }, ` ${exhibit.name}, ${exhibit.layer}`)),
      mm.h("div", { class: "buttons" }, place >= 0 && order.length > 1 ? [mm.h("button", { type: "button", onclick: step(-1) }, "← Previous"), mm.h("button", { type: "button", onclick: step(1) }, "Next →")] : null,
        mm.h("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close"))),
    mm.h("dl", { class: "facts" }, mm.factsOf(unit).map(([name, value]) => mm.h("div", {}, mm.h("dt", {}, name), mm.h("dd", {}, value)))),
    mm.h("h3", {}, "Highest responses"), mm.strip(exhibit, row, 12),
    mm.h("p", { class: "note" }, exhibit.fields ? "Outlined: what the place where the unit fired sees of the image (its receptive field). " : "", "Point at an image for what it shows and the response."),
    mm.h("h3", {}, "Lowest responses"), mm.strip(exhibit, row, 12, "bottom"), mm.lowest(exhibit, row),
    mm.h("div", { class: "columns" },
      mm.h("div", {}, mm.h("h3", {}, "Alignment with every concept"), mm.h("p", { class: "note" }, "Average precision; mark: chance. Choose a concept for its curves."), concepts),
      mm.h("div", {}, mm.h("h3", {}, "Precision"), curves),
      exhibit.drops === null ? null : mm.h("div", {}, mm.h("h3", {}, "Drop of each class"), mm.dropsOf(exhibit, row)))));
  show(own);
};

mm.factsOf = function (unit) {
  const said = [
    ["Concept", mm.conceptOf(unit)], ["Alignment", mm.share(unit.alignment, 3)], ["Chance", mm.share(unit.chance, 3)],
    ["95 % of its null", unit.null_95, 3], ["p in its layer", unit.p_layer, 3], ["Corrected for chance", unit.corrected, 3],
    ["Drop, to zero", unit.drop, 3], ["Drop, to its mean", unit.drop_mean, 3], ["Drop, resampled", unit.drop_resample, 3],
    ["Largest drop of a class", unit.max_class_drop, 3], ["Selectivity", unit.selectivity, 3], ["Precision@100", unit.precision_at_100, 3],
  ];
  return said.filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value, digits]) => [name, digits ? mm.share(value, digits) + (name.startsWith("Largest") && unit.max_class ? ` (class ${unit.max_class})` : "") : value]);
};

mm.lowest = function (exhibit, row) {
  const responses = exhibit.bottom_response[row];
  const same = responses.every((one) => one === responses[0]);
  return same ? mm.h("p", { class: "note" }, `All of these respond with ${responses[0]}: of images that tie the first ones are shown.`) : null;
};

mm.conceptRow = function (exhibit, row, name, concept, show) {
  const value = exhibit.alignment[row * exhibit.concepts.length + concept];
  const chance = exhibit.prevalence[concept];
  return mm.h("li", {}, mm.h("button", { type: "button", "data-concept": concept, "aria-label": `Concept ${name}, alignment ${mm.share(value)}, chance ${mm.share(chance)}`,
    onclick: () => show(concept) }, mm.h("b", {}, name), mm.bar(Number.isNaN(value) ? null : value, { chance }), mm.h("span", {}, mm.share(value))));
};

mm.curvesOf = function (exhibit, row, concept) {
  const chance = exhibit.prevalence[concept];
  const name = exhibit.concepts[concept];
  const most = 10 ** Math.floor(Math.log10(exhibit.images));
  const ks = [1, 10, 100, 1000, 10000, 100000].filter((k) => k < most / 2).concat(exhibit.images);
  return [
    mm.plot({ points: mm.curve(exhibit, "precision_at_recall", row, concept), xs: [0, 0.5, 1], chance, xLabel: `recall of ${name}`, yLabel: "precision",
      title: `Precision against recall for concept ${name}; chance ${mm.share(chance)}` }),
    mm.plot({ points: mm.curve(exhibit, "precision_at_k", row, concept), xs: ks, log: true, chance, xLabel: "k highest responses", yLabel: `share with ${name}`,
      title: `Precision at k for concept ${name}; chance ${mm.share(chance)}` }),
    mm.h("p", { class: "note" }, `Concept ${name}. Dashed: chance, ${mm.share(chance)}.`),
  ];
};

mm.dropsOf = function (exhibit, row) {
  const n = exhibit.classes.length;
  const drops = Array.from(exhibit.drops.subarray(row * n, (row + 1) * n));
  const of = exhibit.pairs === null ? "" : " of two concepts";
  return mm.classTable(exhibit, drops, {
    caption: `Accuracy lost without the unit, in points, by class${of}, on ${exhibit.dropped_on.toLocaleString("en")} images. Blue: gained.`,
    text: (value) => (Number.isNaN(value) ? "" : String(Math.round(100 * value)).replace("-", "−")), weight: (value) => (Number.isNaN(value) ? 0 : value),
  });
};
