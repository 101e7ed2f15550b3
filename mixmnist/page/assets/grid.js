// The grid of units: a card each, to sort, filter and search.
"use strict";
mm.SORTS = {
  alignment: ["alignment", (unit) => unit.alignment ?? -1],
  drop: ["accuracy drop (to zero)", (unit) => unit.drop ?? -1],
  drop_mean: ["accuracy drop (to its mean)", (unit) => unit.drop_mean ?? -1],
  max_class_drop: ["largest drop of a class", (unit) => unit.max_class_drop ?? -1],
  selectivity: ["selectivity", (unit) => unit.selectivity ?? -1],
  unit: ["unit's number", (unit) => -unit.unit],
  concept: ["concept", (unit) => unit.concept],
};
mm.KINDS = {
  all: ["all units", () => true],
  detectors: ["detectors", mm.isDetector],
  others: ["no detectors", (unit) => !mm.isDetector(unit)],
  below: ["not above the null", (unit) => unit.null_95 != null && unit.alignment !== null && unit.alignment <= unit.null_95],
  dead: ["dead", (unit) => unit.dead],
};
mm.view = { sort: "alignment", falling: true, kind: "all", search: "" };

mm.part(function (exhibit) {
  const { view } = mm;
  const count = mm.h("p", { class: "count", role: "status" });
  const grid = mm.h("ul", { class: "grid" });
  const refresh = () => {
    const rows = mm.rowsInView(exhibit);
    count.textContent = `${rows.length} of ${exhibit.n_units} units`;
    grid.replaceChildren(...rows.map((row) => mm.card(exhibit, row)));
  };
  const choice = (label, table, name) => mm.h("label", {}, label,
    mm.h("select", { name, onchange: (event) => { view[name] = event.target.value; refresh(); } },
      Object.entries(table).map(([value, [title]]) => mm.h("option", { value, selected: view[name] === value }, title))));
  const turn = mm.h("button", { type: "button", class: "turn", onclick: () => { view.falling = !view.falling; name(); refresh(); } });
  const name = () => { turn.textContent = view.falling ? "↓ high to low" : "↑ low to high"; };
  name();
  const search = mm.h("input", { type: "search", name: "search", value: view.search, placeholder: `e.g. ${exhibit.concepts[exhibit.concepts.length - 1]}, or unit 3`,
    oninput: (event) => { view.search = event.target.value; refresh(); } });
  const known = exhibit.units.some((unit) => unit.null_95 != null);
  mm.content("units").replaceChildren(
    mm.h("p", { class: "lead" }, `${exhibit.name}. ${exhibit.said} Scored on ${exhibit.images.toLocaleString("en")} images.`,
      exhibit.units.length < exhibit.n_units ? ` Shown are the ${exhibit.units.length} units with the highest alignment of ${exhibit.n_units}.` : ""),
    mm.h("form", { class: "tools", role: "search", onsubmit: (event) => event.preventDefault() },
      mm.h("label", {}, "Search a concept", search), choice("Show", mm.KINDS, "kind"), choice("Sort by", mm.SORTS, "sort"), turn),
    mm.h("p", { class: "legend" }, mm.h("span", {}, mm.bar(0.7, { chance: 0.2, nullMark: known ? 0.3 : null }),
      mm.h("span", {}, "alignment with its concept, 0 to 1; dotted: chance", known ? "; line: 95 % of its null" : "")),
      mm.h("span", {}, mm.bar(0.7, { kind: "orange" }), "accuracy lost without it; blue: gained"),
      mm.h("span", {}, mm.s("svg", { class: "sparkline", viewBox: "0 0 100 28", "aria-hidden": "true" }, mm.s("path", { class: "line", d: "M0 2C60 2 70 4 100 22" })),
        `precision@k, k from 1 to ${exhibit.images.toLocaleString("en")}, logarithmic; dashed: chance`)),
    count, grid);
  refresh();
});

mm.rowsInView = function (exhibit) {
  const { sort, falling, kind, search } = mm.view;
  const wanted = search.trim().toLowerCase();
  const number = wanted.match(/^(?:unit|#)\s*(\d+)$/);
  const fits = (unit) => mm.KINDS[kind][1](unit) && (!wanted || (number ? unit.unit === Number(number[1]) : mm.conceptOf(unit).toLowerCase().includes(wanted)));
  const key = mm.SORTS[sort][1];
  const rows = exhibit.units.map((_, row) => row).filter((row) => fits(exhibit.units[row]));
  const compare = (a, b) => (typeof a === "string" ? b.localeCompare(a, "en", { numeric: true }) : a - b);
  return rows.sort((a, b) => (falling ? -1 : 1) * compare(key(exhibit.units[a]), key(exhibit.units[b])) || a - b);
};

mm.card = function (exhibit, row) {
  const unit = exhibit.units[row];
  const concept = mm.conceptOf(unit);
  const most = Math.max(...exhibit.units.map((one) => Math.abs(one.drop ?? 0)), 1e-9);
  const said = unit.dead ? `Unit ${unit.unit}, dead` : `Unit ${unit.unit}, concept ${concept}, alignment ${mm.share(unit.alignment)}, chance ${mm.share(unit.chance)}`
    + (unit.drop == null ? "" : `, drop ${mm.share(unit.drop, 3)}`);
  const row_ = (label, bar, value) => mm.h("span", { class: "score" }, mm.h("span", {}, label), bar, mm.h("b", {}, value));
  return mm.h("li", {}, mm.h("button", { type: "button", class: mm.isDetector(unit) ? "card detector" : "card", "data-unit": unit.unit,
    "aria-haspopup": "dialog", "aria-label": said, onclick: () => mm.openUnit(exhibit, row) },
    mm.h("span", { class: "head" }, mm.h("b", { class: unit.dead ? "concept dead" : "concept" }, concept),
      mm.h("span", { class: "number" }, `unit ${unit.unit}`, exhibit.useless.includes(unit.concept) ? mm.h("em", {}, " useless concept") : ""), mm.sparkline(exhibit, row)),
    mm.strip(exhibit, row, 6),
    row_("align", mm.bar(unit.alignment, { chance: unit.chance, nullMark: unit.null_95 }), mm.share(unit.alignment)),
    unit.drop == null ? null : row_("drop", mm.bar(unit.drop, { kind: "orange", most }), mm.share(unit.drop, 3))));
};
