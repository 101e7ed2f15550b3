// Controls: which canvas, which digit, which tool, how many units of which rankings; and the list of units with their maps.
"use strict";

// one of several, as radio buttons, so that the arrow keys choose
mm.choice = function (name, legend, options, now, act) {
  const one = ([value, label, said]) => mm.h("label", { title: said ?? null }, mm.h("input", { type: "radio", name, value, checked: String(value) === String(now), onchange: () => act(value) }), mm.h("span", {}, label));
  return mm.h("fieldset", { class: "chips", id: `choice-${name}` }, mm.h("legend", {}, legend), options.map(one));
};
mm.pick = function (name, value) {
  const input = document.querySelector(`#choice-${name} input[value="${value}"]`);
  if (input) input.checked = true;
};
mm.tick = (name, label, act) => mm.h("label", { class: "tick" }, mm.h("input", { type: "checkbox", name, checked: mm.view[name], onchange: (event) => { mm.view[name] = event.target.checked; act(); } }), ` ${label}`);
mm.slider = function (name, label, most, act) {
  const told = mm.h("output", { for: name }, String(mm.view[name]));
  return mm.h("label", { class: "slider" }, mm.h("span", {}, `${label}: `, told), mm.h("input", { type: "range", id: name, min: 1, max: most, value: mm.view[name], oninput: (event) => {
    mm.view[name] = Number(event.target.value);
    told.textContent = event.target.value;
    act();
  } }));
};

// small pictures of all canvases of a set; an inverted one by the real canvas that it is to be like
mm.strip = function () {
  const { kind } = mm.view, set = mm.sets[kind], { rows, cols } = mm.subject;
  const label = (place) => `${kind === "generated" ? "Canvas" : "Real canvas"} ${place + 1}, ${set.names[place]}`;
  const picture = (place) => {
    if (set.sheet) return mm.h("span", { class: "image", style: mm.sheetOf(set.sheet, set.names.length, place) });
    const canvas = mm.h("canvas", { class: "image", width: cols, height: rows });
    mm.painted(canvas, Array.from(mm.nth(set.all_real, place, rows * cols), (value) => value / 255));
    return canvas;
  };
  const one = (_, place) => mm.h("label", { title: label(place) }, mm.h("input", { type: "radio", name: "canvas", value: place, checked: place === mm.view.place, "aria-label": label(place), onchange: () => mm.goTo(kind, place) }), picture(place));
  return mm.h("fieldset", { class: "thumbs", id: "choice-canvas" }, mm.h("legend", { class: "unseen" }, kind === "generated" ? "Generated canvases" : "Real canvases, whose inversions are edited"), mm.h("div", { class: "row" }, set.names.map(one)));
};
mm.sheetOf = (sheet, n, place) => ({ "background-image": `url("${sheet}")`, "background-size": `${100 * n}% 100%`, "background-position": `${n > 1 ? (100 * place) / (n - 1) : 0}% 0` });

mm.tools = function () {
  const { view, subject } = mm, sets = [["generated", "Generated"], ["inverted", "Inverted"]].filter(([kind]) => mm.sets[kind]);
  const tools = [["paint", "Paint", "Painted cells get each unit's usual value where the digit is"], ["erase", "Erase", "Erased cells get 0"]];
  if (subject.patches) tools.splice(1, 0, ["stamp", "Stamp", "What these units say around the digit on another canvas is copied"]);
  document.getElementById("listed").replaceChildren(mm.choice("listed", "In the order of the", [[0, "first ranking"], [1, "second ranking"]], view.listed, (place) => { view.listed = Number(place); mm.unitCards(); }));
  const most = Math.max(1, Math.min(subject.high, subject.wide));
  document.getElementById("canvases").replaceChildren(sets.length > 1 ? mm.choice("kind", "Canvases", sets, view.kind, (kind) => mm.goTo(kind, 0)) : "", mm.h("div", { id: "strip" }, mm.strip()));
  document.getElementById("tools").replaceChildren(
    mm.choice("digit", "Digit", mm.DIGITS.map((digit) => [digit, digit]), view.digit, (digit) => { view.digit = digit; mm.later(); }),
    mm.choice("tool", "Tool", tools, view.tool, (tool) => { view.tool = tool; mm.later(); }),
    mm.slider("size", "Brush, cells across", most, () => mm.later()), mm.slider("n", "Units, first of each ranking", subject.units, () => mm.later()),
    mm.h("div", { class: "buttons" },
      mm.h("button", { type: "button", id: "undo", "aria-keyshortcuts": "Control+Z", onclick: () => mm.undo() }, "Undo"), mm.h("button", { type: "button", id: "redo", "aria-keyshortcuts": "Control+Y", onclick: () => mm.redo() }, "Redo"),
      mm.h("button", { type: "button", id: "reset", onclick: () => mm.reset() }, "Reset")),
    mm.h("div", { class: "ticked" }, mm.tick("silence", "these units off everywhere", () => mm.later()), mm.tick("outlines", "outline what is read", () => mm.later()), mm.tick("cells", "mark painted cells", () => mm.later())));
};

mm.undo = function () {
  const { done, undone } = mm.strokesOf(mm.at.key);
  if (done.length) undone.push(done.pop());
  mm.later();
};
mm.redo = function () {
  const { done, undone } = mm.strokesOf(mm.at.key);
  if (undone.length) done.push(undone.pop());
  mm.later();
};
mm.reset = function () {
  mm.kept.set(mm.at.key, { done: [], undone: [] });
  mm.view.off.clear();
  mm.view.silence = false;
  document.querySelector("#tools input[name=silence]").checked = false;
  mm.later();
};

// units in the order of one panel's ranking, each with its map as it is after the edit, and a switch
mm.unitCards = function () {
  const { high, wide, units, rankings, values } = mm.subject, { view } = mm, of = view.rankings[view.listed], { order, scores, title } = rankings[of];
  const shown = order[view.digit].slice(0, mm.most), key = `${of} ${view.digit} ${shown.length}`, list = document.querySelector("#units .cards");
  document.querySelector("#units .lead").textContent = `In the order of ${title} for ${view.digit}; framed are the brush's. A unit that is switched off gives 0 everywhere, by both rankings. k is what painting writes.`;
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...shown.map((unit, rank) => mm.h("li", { "data-unit": unit }, mm.h("label", {},
      mm.h("canvas", { width: wide, height: high, style: { "aspect-ratio": `${wide} / ${high}` } }),
      mm.h("span", { class: "named" }, mm.h("input", { type: "checkbox", "aria-label": `Unit ${unit}, ${rank + 1} of ${units} by ${title} for ${view.digit}`, onchange: (event) => {
        view.off[event.target.checked ? "delete" : "add"](unit);
        mm.later();
      } }), ` unit ${unit}`), mm.h("span", { class: "facts-of" }, mm.h("span", {}, `score ${mm.signed(scores[view.digit][rank])}`), mm.h("span", {}, `k ${mm.signed(values[unit][view.digit])}`))))));
  }
  const gone = new Set(view.silence ? shown.slice(0, view.n) : []), maps = mm.panels[view.listed].maps, size = high * wide;
  for (const [rank, card] of [...list.children].entries()) {
    const unit = shown[rank], map = mm.nth(maps, unit, size), most = Math.max(1e-6, values[unit][view.digit], ...mm.nth(mm.at.maps, unit, size));
    card.className = `${rank < view.n ? "own" : ""} ${view.off.has(unit) || gone.has(unit) ? "off" : ""}`.trim();
    card.querySelector("input").checked = !view.off.has(unit);
    mm.painted(card.querySelector("canvas"), Array.from(map, (value) => value / most), (value) => [255 * value, 150 * value, 30 * value]);
  }
  document.querySelector("#units .count").textContent = `${view.off.size} of ${units} units switched off by hand.${shown.length < units ? ` The first ${shown.length} are shown.` : ""}`;
};
mm.signed = (value) => (value === null ? "–" : Math.abs(value) < 0.005 ? "0" : Math.abs(value) < 10 ? mm.share(value) : value.toFixed(0).replace("-", "−"));
