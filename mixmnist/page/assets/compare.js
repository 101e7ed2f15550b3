// Two networks side by side, matched units next to each other.
"use strict";

mm.drawCompare = function () {
  const home = mm.content("compare");
  if (mm.exhibits.length < 2) {
    home.replaceChildren(mm.h("p", { class: "note" }, "There is one network on this page. `mixmnist page DIR DIR --out DIR` sets several side by side."));
    return;
  }
  const { pair } = mm;
  const result = mm.h("div", { class: "compared" });
  const refresh = () => result.replaceChildren(...mm.compared(pair.first, pair.second, pair.by));
  const choice = (label, name, options, take) => mm.h("label", {}, label, mm.h("select", { name, onchange: (event) => { pair[name] = take(event.target.value); refresh(); mm.remember({ at: "compare" }); } },
    options.map(([value, title]) => mm.h("option", { value, selected: value === pair[name] }, title))));
  const networks = mm.exhibits.map((exhibit, place) => [place, mm.nameOf(exhibit)]);
  home.replaceChildren(mm.h("div", { class: "tools" }, choice("One", "first", networks, Number), choice("The other", "second", networks, Number), choice("Sort by", "by", Object.entries(mm.BY), String)), result);
  refresh();
};

mm.nameOf = (exhibit) => (new Set(mm.exhibits.map((one) => one.layer)).size > 1 ? `${exhibit.name}, ${exhibit.layer}` : exhibit.name);

// the pairs of two exhibits in the order asked for, whichever of them comes first
mm.pairsOf = function (a, b) {
  const found = mm.data.matchings.find((one) => (one.first === a && one.second === b) || (one.first === b && one.second === a));
  if (!found || found.why_not) return { why: found ? found.why_not : "These are one and the same.", pairs: [] };
  const turned = found.first !== a;
  return { why: "", pairs: found.correlation.map((alike, i) => ({ alike, ours: (turned ? found.theirs : found.ours)[i], theirs: (turned ? found.ours : found.theirs)[i] })) };
};

// where units cannot be matched by their responses: the best unit of each concept that both have
mm.byConcept = function (a, b) {
  const best = (exhibit, name) => exhibit.every.filter((unit) => unit.concept === name).sort((x, y) => y.alignment - x.alignment)[0];
  return a.concepts.filter((name) => b.concepts.includes(name)).map((name) => ({ alike: null, ours: best(a, name)?.unit, theirs: best(b, name)?.unit }))
    .filter(({ ours, theirs }) => ours !== undefined && theirs !== undefined);
};

mm.compared = function (a, b, sort) {
  const [first, second] = [mm.exhibits[a], mm.exhibits[b]];
  const { why, pairs } = mm.pairsOf(a, b);
  const rows = why ? mm.byConcept(first, second) : pairs;
  const concept = ({ ours }) => first.every[ours].concept ?? "";
  const orders = { alike: (x, y) => (y.alike ?? 0) - (x.alike ?? 0), unit: (x, y) => x.ours - y.ours, concept: (x, y) => concept(x).localeCompare(concept(y), "en", { numeric: true }) };
  const mean = pairs.reduce((sum, one) => sum + one.alike, 0) / pairs.length;
  const same = pairs.filter(({ ours, theirs }) => first.every[ours].concept === second.every[theirs].concept).length;
  const [ours, theirs] = [mm.word(first), mm.word(second)], left = [first, second].filter((one) => one.n_units > pairs.length);
  const matched = ours === theirs ? `${pairs.length} ${ours}s are matched` : `${pairs.length} ${ours}s are matched to as many ${theirs}s`;
  const leftOver = left.map((one) => ` Left over, without a partner: ${mm.words(one, one.n_units - pairs.length)} of ${mm.nameOf(one)}.`).join("");
  const said = why ? `${why} So they are not matched by their responses; next to each other stand the best of each concept.`
    : `${matched} one to one by their responses on the same images: mean correlation ${mm.share(mean)}; ${same} of the pairs have the same concept.${leftOver}`;
  const side = (exhibit, unit) => mm.side(exhibit, unit);
  return [mm.h("p", { class: "lead", role: "status" }, said),
    mm.h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": ours === theirs ? `Matched ${ours}s` : `Matched ${ours}s and ${theirs}s` }, mm.h("table", { class: "pairs" },
      mm.h("thead", {}, mm.h("tr", {}, mm.h("th", { scope: "col" }, mm.nameOf(first)), mm.h("th", { scope: "col" }, why ? "" : "correlation"), mm.h("th", { scope: "col" }, mm.nameOf(second)))),
      mm.h("tbody", {}, rows.slice().sort(orders[sort]).map((pair) => mm.h("tr", {}, side(first, pair.ours),
        mm.h("td", { class: "alike" }, pair.alike === null ? "" : [mm.h("b", {}, mm.share(pair.alike)), mm.bar(pair.alike)]), side(second, pair.theirs))))))];
};

mm.side = function (exhibit, number) {
  const row = exhibit.rows.get(number), unit = exhibit.every[number];
  const kind = mm.worded(mm.conceptOf(unit)) ? "side worded" : "side", named = [mm.concept(mm.conceptOf(unit)), mm.h("span", { class: "number" }, `${mm.word(exhibit)} ${number}`)];
  const value = mm.h("span", { class: "value" }, mm.share(unit.alignment));
  if (row === undefined) return mm.h("td", {}, mm.h("div", { class: kind }, named, mm.h("span", { class: "soft" }, `not among the ${mm.word(exhibit)}s shown`), value));
  return mm.h("td", {}, mm.h("button", { type: "button", class: kind, "aria-haspopup": "dialog", "aria-label": `${mm.Word(exhibit)} ${number}, concept ${mm.conceptOf(unit)}, alignment ${mm.share(unit.alignment)}`,
    onclick: () => mm.openUnit(exhibit, row, "compare") },
    named, mm.strip(exhibit, row, 4), value));
};
