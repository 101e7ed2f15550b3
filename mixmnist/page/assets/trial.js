// A trial: the same units switched off on every canvas that shows a digit once, so that one canvas is not taken for all.
"use strict";

// gone: the digit is no longer read; clean: besides, all others are read as before and there is no junk
mm.after = function (before, said, digit) {
  const gone = said.counts[digit] === 0;
  return { gone, clean: gone && !said.junk && mm.DIGITS.every((other) => other === digit || said.counts[other] === before.counts[other]) };
};

mm.tryAll = async function () {
  const { view } = mm, { kind, digit, n, rankings } = view, told = document.getElementById("tried"), names = mm.sets[kind].names, run = (mm.trial = {});
  const found = rankings.map((ranking) => ({ ranking, gone: 0, clean: 0 }));
  let shown = 0;
  document.getElementById("try").disabled = true;
  for (let place = 0; place < names.length && mm.trial === run; place++) {
    const at = mm.start(kind, place);
    if (at.said.counts[digit] === 1) {
      shown++;
      for (const one of found) {
        const { gone, clean } = mm.after(at.said, mm.read(mm.finish(mm.edit(at.maps, [], { ranking: one.ranking, n, silenced: digit, off: view.off }))), digit);
        one.gone += gone;
        one.clean += clean;
      }
    }
    mm.start(mm.at.kind, mm.at.place); // back to where one is, before the brush is used again
    told.replaceChildren(mm.h("p", { class: "note" }, `Canvas ${place + 1} of ${names.length} …`));
    await new Promise((go) => { setTimeout(go); });
  }
  document.getElementById("try").disabled = false;
  if (mm.trial === run) told.replaceChildren(mm.tried(found, shown, { digit, n, kind }));
};

mm.tried = function (found, shown, { digit, n, kind }) {
  if (!shown) return mm.h("p", { class: "note" }, `No ${kind} canvas shows ${digit} once.`);
  const units = n === 1 ? "the first unit" : `the first ${n} units`, row = ({ ranking, gone, clean }) => mm.h("tr", {}, mm.h("th", { scope: "row" }, mm.subject.rankings[ranking].title), [gone, clean].map((k) => mm.h("td", { class: "number" }, `${k} of ${shown} (${mm.share(k / shown)})`)));
  return mm.h("table", { class: "pairs trial" }, mm.h("caption", {}, `Without ${units} for ${digit}, on the ${shown} ${kind} canvases that show it once`),
    mm.h("thead", {}, mm.h("tr", {}, mm.h("th", { scope: "col" }, "ranking"), mm.h("th", { scope: "col" }, `${digit} gone`), mm.h("th", { scope: "col" }, "cleanly, all else as before"))), mm.h("tbody", {}, found.map(row)));
};
