// The grid of units: a card each, to sort, filter and search.
"use strict";
mm.sortBy = (title, key, rising = false) => Object.assign([title, key], { rising }); // rising: what one wants first is the lowest
mm.SORTS = {
  alignment: mm.sortBy("alignment", (unit) => unit.alignment),
  drop: mm.sortBy("accuracy drop (to zero)", (unit) => unit.drop),
  group_drop: mm.sortBy("group drop", (unit) => unit.group_drop),
  iou_box_matched: mm.sortBy("IoU", (unit) => unit.iou_box_information),
  drop_mean: mm.sortBy("accuracy drop (to its mean)", (unit) => unit.drop_mean),
  max_class_drop: mm.sortBy("largest drop of a class", (unit) => unit.max_class_drop),
  selectivity: mm.sortBy("selectivity", (unit) => unit.selectivity),
  unit: mm.sortBy("unit's number", (unit) => unit.unit, true),
  concept: mm.sortBy("concept", (unit) => (unit.dead ? null : unit.concept), true),
};
mm.KINDS = {
  all: ["all units", () => true],
  detectors: ["detectors", mm.isDetector],
  others: ["no detectors", (unit) => !mm.isDetector(unit)],
  below: ["not above the null", (unit) => unit.null_95 != null && unit.alignment !== null && unit.alignment <= unit.null_95],
  dead: ["dead", (unit) => unit.dead],
};
mm.VIEW = { sort: "alignment", falling: true, kind: "all", search: "", look: mm.LOOK };
mm.view = { ...mm.VIEW };
mm.mostDrop = Math.max(1e-9, ...mm.exhibits.flatMap((exhibit) => exhibit.units.map((unit) => Math.abs(unit.drop ?? 0)))); // one scale for all networks

mm.part(function (exhibit) {
  const { view } = mm;
  const count = mm.h("p", { class: "count", role: "status" });
  const grid = mm.h("ul", { class: "grid" });
  const refresh = (push) => {
    if (push !== undefined) mm.remember({ at: "units", push });
    name();
    const rows = mm.rowsInView(exhibit);
    count.textContent = `${rows.length} of ${mm.words(exhibit, exhibit.n_units)}`;
    grid.replaceChildren(...rows.map((row) => mm.card(exhibit, row)));
  };
  const choice = (label, table, name, then = () => {}) => mm.h("label", {}, label,
    mm.h("select", { name, onchange: (event) => { view[name] = event.target.value; then(event.target.value); refresh(true); } },
      Object.entries(table).map(([value, [title]]) => mm.h("option", { value, selected: view[name] === value }, title.replace("unit", mm.word(exhibit))))));
  const turn = mm.h("button", { type: "button", class: "turn", onclick: () => { view.falling = !view.falling; refresh(true); } });
  const name = () => { turn.textContent = view.falling ? "↓ high to low" : "↑ low to high"; };
  const search = mm.h("input", { type: "search", name: "search", value: view.search, placeholder: `e.g. ${exhibit.concepts[exhibit.concepts.length - 1]}, or ${mm.word(exhibit)} 3`,
    oninput: (event) => { view.search = event.target.value; refresh(false); } });
  const sorts = Object.fromEntries(Object.entries(mm.SORTS).filter(([name, [, key]]) => name === view.sort || exhibit.units.some((unit) => key(unit) != null)));
  const known = exhibit.units.some((unit) => unit.null_95 != null);
  mm.content("units").replaceChildren(
    mm.h("p", { class: "lead" }, `${exhibit.name}. ${exhibit.said} Scored on ${exhibit.images.toLocaleString("en")} images.`,
      exhibit.units.length < exhibit.n_units ? ` Shown are the ${mm.words(exhibit, exhibit.units.length)} with the highest alignment of ${exhibit.n_units}.` : ""),
    mm.h("form", { class: "tools", role: "search", onsubmit: (event) => event.preventDefault() },
      mm.h("label", {}, "Search a concept", search), choice("Show", mm.KINDS, "kind"), choice("Sort by", sorts, "sort", (value) => { view.falling = !mm.SORTS[value].rising; }), turn,
      exhibit.maps || exhibit.fields ? choice("Where it fired", exhibit.maps ? mm.LOOKS : { field: mm.LOOKS.field, plain: mm.LOOKS.plain }, "look") : null),
    mm.h("p", { class: "legend" }, mm.h("span", {}, mm.bar(0.7, { chance: 0.2, nullMark: known ? 0.3 : null }),
      mm.h("span", {}, "alignment with its concept, 0 to 1; dotted: chance", known ? "; line: 95 % of its null" : "")),
      exhibit.units.some((unit) => unit.drop != null) && mm.h("span", {}, mm.bar(0.7, { kind: "orange" }), `accuracy lost without it, in points, up to ${mm.points(mm.mostDrop)}, the most on this page; blue: gained`),
      mm.h("span", {}, mm.s("svg", { class: "sparkline", viewBox: "0 0 100 28", "aria-hidden": "true" }, mm.s("path", { class: "line", d: "M0 2C60 2 70 4 100 22" })),
        `precision@k, k from 1 to ${exhibit.images.toLocaleString("en")}, logarithmic; dashed: chance`)),
    count, grid);
  refresh();
});

mm.rowsInView = function (exhibit) {
  const { sort, falling, kind, search } = mm.view;
  const wanted = search.trim().toLowerCase();
  const number = wanted.match(/^(?:unit|atom|#)\s*(\d+)$/);
  const named = (unit) => mm.conceptOf(unit).toLowerCase(), whole = exhibit.units.some((unit) => named(unit) === wanted); // "1" is not "10"
  const fits = (unit) => mm.KINDS[kind][1](unit) && (!wanted || (number ? unit.unit === Number(number[1]) : whole ? named(unit) === wanted : named(unit).includes(wanted)));
  const key = mm.SORTS[sort][1];
  const rows = exhibit.units.map((_, row) => row).filter((row) => fits(exhibit.units[row]));
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  const of = (row) => key(exhibit.units[row]) ?? null;
  return rows.sort((a, b) => (of(a) === null) - (of(b) === null) || (of(a) === null ? 0 : (falling ? -1 : 1) * compare(of(a), of(b))) || a - b); // those without come last, either way
};

mm.card = function (exhibit, row) {
  const unit = exhibit.units[row];
  const concept = mm.conceptOf(unit);
  const next = mm.best(exhibit, row)[1];
  const said = unit.dead ? `${mm.Word(exhibit)} ${unit.unit}, dead` : `${mm.Word(exhibit)} ${unit.unit}, concept ${concept}, alignment ${mm.share(unit.alignment)}, chance ${mm.share(unit.chance)}`
    + (next ? `; then ${next.name}, ${mm.share(next.value)}` : "") + (unit.drop == null ? "" : `, drop ${mm.points(unit.drop)} points`);
  const row_ = (label, bar, value) => mm.h("span", { class: "score" }, mm.h("span", {}, label), bar, mm.h("b", {}, value));
  return mm.h("li", {}, mm.h("button", { type: "button", class: mm.isDetector(unit) ? "card detector" : "card", "data-unit": unit.unit,
    "aria-haspopup": "dialog", "aria-label": said, onclick: () => mm.openUnit(exhibit, row, "units") },
    mm.h("span", { class: mm.worded(concept) ? "head worded" : "head" }, mm.concept(concept, unit.dead ? "dead" : ""),
      mm.h("span", { class: "number" }, `${mm.word(exhibit)} ${unit.unit}`, next ? mm.h("em", { class: "next" }, `then ${next.name} ${mm.share(next.value)}`) : "", exhibit.useless.includes(unit.concept) ? mm.h("em", {}, " useless concept") : ""), mm.sparkline(exhibit, row)),
    mm.strip(exhibit, row, 6),
    row_("align", mm.bar(unit.alignment, { chance: unit.chance, nullMark: unit.null_95 }), mm.share(unit.alignment)),
    unit.drop == null ? null : row_("drop", mm.bar(unit.drop, { kind: "orange", most: mm.mostDrop }), mm.points(unit.drop))));
};
