// One unit, opened: its images, curves, concepts and what each class loses without it.
"use strict";

mm.openUnit = function (exhibit, row, at = mm.part_at) {
  const dialog = document.getElementById("unit");
  mm.drawUnit(dialog, exhibit, row);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("h2").focus();
  mm.opened = { exhibit, row };
  mm.remember({ at });
};

// arrow keys and a finger go on to the next unit; closing is a step of the address
mm.watchUnit = function () {
  const dialog = document.getElementById("unit");
  let start = null;
  dialog.addEventListener("close", () => {
    if (!mm.opened || dialog.open) return;
    mm.opened = null;
    mm.remember();
  });
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest("input, select, textarea, .wide, .scrolled")) return;
    event.preventDefault();
    mm.stepUnit(by);
  });
  dialog.addEventListener("touchstart", (event) => { start = event.touches.length === 1 && !event.target.closest(".wide, .scrolled") ? event.touches[0] : null; }, { passive: true });
  dialog.addEventListener("touchend", (event) => {
    const end = event.changedTouches[0], [across, down] = start ? [end.clientX - start.clientX, end.clientY - start.clientY] : [0, 0];
    if (Math.abs(across) > 60 && Math.abs(across) > 3 * Math.abs(down)) mm.stepUnit(across < 0 ? 1 : -1);
  });
};

mm.stepUnit = function (by) {
  const { exhibit, row } = mm.opened, order = mm.rowsInView(exhibit), place = order.indexOf(row);
  if (place < 0 || order.length < 2) return;
  const dialog = document.getElementById("unit");
  mm.opened.row = order[(place + by + order.length) % order.length];
  mm.drawUnit(dialog, exhibit, mm.opened.row);
  dialog.querySelector("h2").focus();
  mm.remember({ push: false });
};

// with its own concept as it stands on the card, so that both round alike; the others are kept as float32
mm.alignmentOf = function (exhibit, row, concept) {
  const unit = exhibit.units[row];
  return unit.concept === exhibit.concepts[concept] && unit.alignment != null ? unit.alignment : exhibit.alignment[row * exhibit.concepts.length + concept];
};

// the concepts of a unit, the best first
mm.best = function (exhibit, row) {
  if (exhibit.units[row].dead) return [];
  const n = exhibit.concepts.length, own = exhibit.concepts.indexOf(exhibit.units[row].concept);
  return exhibit.concepts.map((name, c) => ({ name, c, value: mm.alignmentOf(exhibit, row, c), chance: exhibit.prevalence[c] }))
    .filter(({ value }) => !Number.isNaN(value)).sort((a, b) => (b.c === own) - (a.c === own) || b.value - a.value);
};

// what a unit detects, what it detects second best, and what its highest images show, which may be something else
mm.saidOf = function (exhibit, row) {
  const [first, next] = mm.best(exhibit, row);
  if (!first) return `A dead ${mm.word(exhibit)}: it answers all images alike.`;
  const shows = exhibit.top_shows[row], many = (c) => shows.filter((one) => one.includes(c)).length;
  const most = exhibit.concepts.map((name, c) => ({ name, c })).sort((a, b) => many(b.c) - many(a.c))[0];
  const other = many(most.c) > many(first.c) ? `show ${most.name} more often: ${many(most.c)} of them show ${most.name}, ${many(first.c)} show ${first.name}.` : `show ${first.name} ${many(first.c)} times.`;
  return [mm.h("b", {}, `${first.name} ${mm.share(first.value)}`), next ? [", then ", mm.h("b", {}, `${next.name} ${mm.share(next.value)}`), ` (chance ${mm.share(first.chance)} and ${mm.share(next.chance)}). `] : ". ",
    `Its ${shows.length} highest images ${other}`].flat();
};

mm.drawUnit = function (dialog, exhibit, row) {
  const unit = exhibit.units[row], order = mm.rowsInView(exhibit);
  const own = Math.max(0, exhibit.concepts.indexOf(unit.concept));
  const curves = mm.h("div", { class: "curves" }), concepts = mm.h("ul", { class: "concepts", style: { "--label": `${Math.min(14, Math.max(...exhibit.concepts.map((name) => name.length)) + 0.5)}ch` } }), answers = mm.h("div", { class: "curves" });
  const show = (concept) => {
    curves.replaceChildren(...mm.curvesOf(exhibit, row, concept));
    if (exhibit.histogram) answers.replaceChildren(mm.histogram(exhibit, row, concept), mm.h("p", { class: "note" }, mm.h("i", { class: "swatch" }), ` Images that show ${exhibit.concepts[concept]}; grey: the others. All ${exhibit.images.toLocaleString("en")} images.`));
    for (const button of concepts.querySelectorAll("button")) button.setAttribute("aria-pressed", button.dataset.concept === String(concept));
  };
  concepts.append(...exhibit.concepts.map((name, concept) => mm.conceptRow(exhibit, row, name, concept, show)));
  const step = (by) => () => mm.stepUnit(by);
  dialog.replaceChildren(mm.h("div", { class: "sheet" },
    mm.h("header", {}, mm.h("h2", { id: "unit-title", tabindex: -1 }, `${mm.Word(exhibit)} ${unit.unit}`, mm.h("span", { class: "soft" }, ` ${exhibit.name}, ${exhibit.layer}`)),
      mm.h("div", { class: "buttons" }, order.includes(row) && order.length > 1 ? [mm.h("button", { type: "button", "aria-keyshortcuts": "ArrowLeft", onclick: step(-1) }, "← Previous"), mm.h("button", { type: "button", "aria-keyshortcuts": "ArrowRight", onclick: step(1) }, "Next →")] : null,
        mm.copyLink(), mm.h("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close"))),
    mm.h("p", { class: "lead best" }, mm.saidOf(exhibit, row)),
    mm.factsOf(exhibit, row),
    mm.h("h3", {}, "Highest responses"), mm.looksOf(exhibit, row), mm.lookedAt(exhibit, row),
    mm.h("h3", {}, "Lowest responses"), mm.lookedAt(exhibit, row, "bottom"), mm.lowest(exhibit, row),
    mm.wantsOf(exhibit, row),
    mm.h("div", { class: "columns" },
      mm.h("div", {}, mm.h("h3", {}, "Alignment with every concept"), mm.h("p", { class: "note" }, "Average precision; mark: chance. Choose a concept for its curves."), concepts),
      mm.h("div", {}, mm.h("h3", {}, "Precision"), curves),
      exhibit.histogram ? mm.h("div", {}, mm.h("h3", {}, "Responses"), answers) : null,
      exhibit.drops === null ? null : mm.h("div", {}, mm.h("h3", {}, "Drop of each class"), mm.dropsOf(exhibit, row)))));
  show(own);
};

// buttons for how it is shown where the unit fired
mm.looksOf = function (exhibit, row) {
  const looks = Object.entries(mm.LOOKS).filter(([name]) => name === "plain" || (name === "map" ? exhibit.maps : exhibit.fields));
  if (looks.length < 2) return null;
  const now = mm.view.look === "map" && !exhibit.maps ? "field" : mm.view.look;
  const said = { map: `The warmer, the higher the ${mm.word(exhibit)}'s map there.`, field: "Outlined: what the place of the highest value sees of the image (its receptive field).", plain: "" };
  return mm.h("div", { class: "looks" }, mm.h("span", { class: "soft" }, "Where it fired:"), looks.map(([name, [title]]) => mm.h("button", { type: "button", "data-look": name, "aria-pressed": String(name === now), onclick: () => {
    mm.view.look = name;
    mm.choose(mm.chosen);
    mm.drawUnit(document.getElementById("unit"), exhibit, row);
    document.querySelector(`#unit [data-look=${name}]`).focus();
    mm.remember({ push: false });
  } }, title)), mm.h("span", { class: "note" }, said[now]));
};

mm.FACTS = { // column: name, and the term of the glossary that explains it
  alignment: ["Alignment", "alignment"], iou_box_matched: ["IoU with the digit's box", "IoU"], drop: ["Drop, to zero", "drop"], group_drop: ["Group drop", "group drop"], drop_mean: ["Drop, to its mean", "drop"],
  null_95: ["95 % of its null", "null"], p_layer: ["p in its layer", "null"], corrected: ["Corrected for chance", "chance"],
  alignment_mean: ["Alignment, by mean", "alignment"], drop_resample: ["Drop, resampled", "drop"], max_class_drop: ["Largest drop of a class", "largest drop of a class"], concept_drop: ["Drop on its concept", "drop"],
  selectivity: ["Selectivity", "selectivity"], precision_at_100: ["Precision@100", "precision@k"], precision_at_recall_50: ["Precision at recall .50", "recall"],
};

mm.DROPS = new Set(["drop", "drop_mean", "drop_resample", "group_drop", "max_class_drop", "concept_drop"]); // of accuracy

// the scores that can be quoted, each with its grade; those that say little alone are behind "more scores"
mm.factsOf = function (exhibit, row) {
  const unit = exhibit.units[row];
  const value = (name) => {
    if (name === "group_drop" && unit.group_drop == null) return unit.group_size === undefined || unit.dead ? null : "– (no detector)";
    if (unit[name] == null) return null;
    const after = { alignment: ` (chance ${mm.share(unit.chance, 3)})`, max_class_drop: unit.max_class ? ` (class ${unit.max_class})` : "", group_drop: unit.group_size > 1 ? ` (of ${unit.group_size} detectors)` : "" }[name] ?? "";
    return (mm.DROPS.has(name) ? `${mm.points(unit[name])} points` : mm.share(unit[name], 3)) + after;
  };
  const fact = ([name, [title, term]]) => mm.h("div", {}, mm.h("dt", {}, mm.term(term, title), " ", mm.grade(name)), mm.h("dd", {}, value(name)));
  const known = Object.entries(mm.FACTS).filter(([name]) => value(name) !== null);
  const alone = ([name]) => mm.data.grades[name]?.say !== "not alone";
  const more = known.filter((one) => !alone(one));
  return [mm.h("dl", { class: "facts" }, known.filter(alone).map(fact)),
    more.length ? mm.h("details", { class: "fold" }, mm.h("summary", {}, "More scores"), mm.h("p", { class: "note" }, "Their card says: do not quote them alone."), mm.h("dl", { class: "facts" }, more.map(fact))) : null].filter(Boolean);
};

mm.lowest = function (exhibit, row) {
  const responses = exhibit.bottom_response[row];
  const same = responses.every((one) => one === responses[0]);
  return same ? mm.h("p", { class: "note" }, `All of these respond with ${responses[0]}: of images that tie the first ones are shown.`) : null;
};

mm.conceptRow = function (exhibit, row, name, concept, show) {
  const value = mm.alignmentOf(exhibit, row, concept);
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
    mm.plot({ points: mm.curve(exhibit, "precision_at_recall", row, concept), xs: [0, 0.5, 1], chance, xLabel: `recall of ${mm.short(name)}`, yLabel: "precision",
      title: `Precision against recall for concept ${name}; chance ${mm.share(chance)}` }),
    mm.plot({ points: mm.curve(exhibit, "precision_at_k", row, concept), xs: ks, log: true, chance, xLabel: "k highest responses", yLabel: `share with ${mm.short(name)}`,
      title: `Precision at k for concept ${name}; chance ${mm.share(chance)}` }),
    mm.h("p", { class: "note" }, `Concept ${name}. Dashed: chance, ${mm.share(chance)}.`),
  ];
};

mm.dropsOf = function (exhibit, row) {
  const n = exhibit.classes.length;
  const drops = Array.from(exhibit.drops.subarray(row * n, (row + 1) * n));
  const of = exhibit.pairs === null ? "" : " of two concepts";
  return mm.classTable(exhibit, drops, {
    caption: `Accuracy lost without the ${mm.word(exhibit)}, in points, by class${of}, on ${exhibit.dropped_on.toLocaleString("en")} images. Blue: gained.`,
    text: (value) => (Number.isNaN(value) ? "" : String(Math.round(100 * value)).replace("-", "−")), weight: (value) => (Number.isNaN(value) ? 0 : value),
  });
};
