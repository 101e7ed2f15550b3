// What a unit wants to see: pictures by several ways, what is read in them, and natural images before all others.
"use strict";

mm.wantsOf = function (exhibit, row) {
  const wants = exhibit.wants;
  if (!wants || !wants.units) return null;
  const at = wants.units.indexOf(exhibit.units[row].unit);
  if (at < 0) return null;
  const across = wants.ways.length * wants.each;
  const picture = (place) => {
    const reads = wants.reads[at][place], own = wants.own[at][place], relative = wants.relative[at][place];
    if (relative === null) return mm.h("span", { class: "wanted none" }, mm.h("span", { class: "said" }, "no picture"));
    const read = reads === null ? "" : reads === "" ? "reads nothing" : `reads ${reads}`;
    const said = `${read || "Not read"}${own === null ? "" : own ? ", its own digit among them" : ", not its own digit"}; response ${relative} of that to the best natural image`;
    return mm.h("span", { class: own ? "wanted own" : "wanted" },
      mm.h("span", { class: "image", role: "img", "aria-label": said, title: said, style: mm.sheet(`${exhibit.key}-wants.png`, across, wants.units.length, place, at) }),
      mm.h("span", { class: "said" }, read, mm.h("br", {}), `${relative.toFixed(2)} of best`));
  };
  const way = (one, number) => mm.h("div", { class: "way" },
    mm.h("h4", {}, one.title, one.caution ? mm.h("b", { class: "warned" }, " (!)") : null),
    mm.h("div", { class: "strip" }, Array.from({ length: wants.each }, (_, place) => picture(number * wants.each + place))),
    one.caution ? mm.h("p", { class: "note" }, one.caution) : null);
  return [mm.h("h3", {}, "What it wants"),
    mm.h("p", { class: "note" }, "Natural images first; the others were climbed. Below each: what a reader, a net of its own, reads, and the response against that to the best natural image. Framed: it reads the digit that the unit detects. A high response alone says nothing."),
    mm.h("div", { class: "wants" }, wants.ways.map(way)),
    ...wants.said.map((line) => mm.h("p", { class: "note" }, line))];
};
