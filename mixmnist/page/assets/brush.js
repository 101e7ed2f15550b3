// The brush itself: two panels with the same strokes by two rankings, for a mouse, a finger and the keyboard.
"use strict";
{
  const { high, units, rankings, start } = mm.subject;
  mm.view = {
    kind: "generated", place: 0, digit: start.digit, tool: "paint", size: Math.min(high, start.cells), n: Math.min(units, start.units), off: new Set(),
    rankings: [0, Math.min(1, rankings.length - 1)], listed: 0, silence: false, outlines: true, cells: true, point: null, cursor: [high / 2, mm.subject.wide / 2],
  };
}
mm.most = 128; // units that are listed
mm.panels = [0, 1].map((place) => ({ place, picture: mm.picture("paintable"), maps: null, image: null, said: null }));

// goes to a canvas and draws all anew
mm.goTo = function (kind, place) {
  const other = kind !== mm.view.kind;
  Object.assign(mm.view, { kind, place });
  mm.at = mm.start(kind, place);
  if (other) document.getElementById("strip").replaceChildren(mm.strip());
  mm.pick("canvas", place);
  mm.drawBefore();
  mm.later();
};

mm.drawBefore = function () {
  const { at } = mm, box = document.querySelector("#before .content"), shown = mm.picture(""), titled = (title, picture, ...rest) => mm.h("div", {}, mm.h("h3", {}, title), picture.box, ...rest);
  mm.show(shown, at);
  const parts = [titled(at.kind === "generated" ? `Canvas ${at.place + 1}, before` : "Its inversion, before", shown, mm.verdict(at.said))];
  if (at.real) {
    const real = mm.picture("");
    mm.show(real, at.real);
    parts.unshift(titled(`Real canvas ${at.place + 1}`, real, mm.verdict(at.real.said)));
  }
  box.replaceChildren(...parts);
};

// draws soon, once for all that happens until then: one panel after the other, so that the brush stays quick
mm.later = function () {
  document.body.dataset.busy = "yes";
  if (mm.waiting) return;
  mm.waiting = true;
  requestAnimationFrame(() => {
    mm.waiting = false;
    mm.drawPanel(mm.panels[0]);
    if (mm.view.listed === 0 || !mm.panels[1].maps) mm.unitCards();
    setTimeout(() => {
      if (mm.waiting) return; // there is more to come
      mm.drawPanel(mm.panels[1]);
      if (mm.view.listed === 1) mm.unitCards();
      mm.tell();
      delete document.body.dataset.busy;
    });
  });
};

mm.drawPanel = function (panel) {
  const { view, at } = mm, { done, undone } = mm.strokesOf(at.key), began = performance.now();
  panel.maps = mm.edit(at.maps, done, { ranking: view.rankings[panel.place], n: view.n, silenced: view.silence ? view.digit : null, off: view.off });
  panel.image = mm.finish(panel.maps);
  panel.said = mm.read(panel.image);
  mm.ms = performance.now() - began;
  mm.show(panel.picture, panel, done, view.point);
  const { all, outside } = mm.changed(panel.image, at.image, done);
  panel.told.replaceChildren(...mm.verdict(panel.said, at.said), mm.bars(panel.said, at.said), mm.h("p", { class: "note" }, all ? `${all} pixels changed by .1 or more, ${outside} of them outside of the marked cells.` : "No pixel changed by .1 or more."));
  document.getElementById("undo").disabled = !done.length;
  document.getElementById("redo").disabled = !undone.length;
};

// for whoever listens
mm.tell = function () {
  const [one, two] = mm.panels.map(({ said, place }) => `${mm.subject.rankings[mm.view.rankings[place]].title}: reads ${mm.readAs(said)}`);
  const said = `${one}. ${two}.`, told = document.getElementById("told");
  if (told.textContent !== said) told.textContent = said;
  document.getElementById("ms").textContent = `${mm.ms.toFixed(0)} ms`;
};

mm.makePanel = function (panel) {
  const { rankings } = mm.subject, { place, picture } = panel, name = ["First", "Second"][place];
  panel.told = mm.h("div", { class: "told" });
  const select = mm.h("select", { name: `ranking-${place}`, onchange: (event) => { mm.view.rankings[place] = Number(event.target.value); mm.later(); } }, rankings.map(({ title }, one) => mm.h("option", { value: one, selected: one === mm.view.rankings[place] }, title)));
  mm.set(picture.box, { tabindex: 0, role: "application", "aria-label": `${name} canvas, to paint on`, "aria-describedby": "keys" });
  mm.watch(picture.box);
  return mm.h("div", { class: "panel", id: `panel-${place}` }, mm.h("label", {}, mm.h("span", {}, `${name} ranking`), select), picture.box, panel.told);
};

// a stroke, from where it begins to where it ends; both panels do it
mm.begin = function (point) {
  const { tool, digit } = mm.view, kept = mm.strokesOf(mm.at.key), stroke = { tool, digit, cells: new Set(), stamps: [] };
  mm.extend(stroke, point);
  kept.done.push(stroke);
  kept.undone = [];
  mm.later();
  return stroke;
};

mm.watch = function (box) {
  let stroke = null, last = null;
  const { high, wide } = mm.subject, at = (event) => {
    const { left, top, width, height } = box.getBoundingClientRect();
    return [((event.clientY - top) / height) * high, ((event.clientX - left) / width) * wide];
  };
  const end = () => { stroke = null; };
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    box.setPointerCapture(event.pointerId);
    last = at(event);
    mm.view.point = last;
    stroke = mm.begin(last);
  });
  box.addEventListener("pointermove", (event) => {
    const now = at(event), was = mm.view.point && mm.corner(mm.view.point, mm.reach()).join();
    mm.view.point = now;
    if (stroke) {
      const steps = Math.ceil(2 * Math.max(Math.abs(now[0] - last[0]), Math.abs(now[1] - last[1]))) || 1;
      let more = false;
      for (let i = 1; i <= steps; i++) more = mm.extend(stroke, [0, 1].map((axis) => last[axis] + ((now[axis] - last[axis]) * i) / steps)) || more;
      last = now;
      if (more) mm.later();
    }
    if (was !== mm.corner(now, mm.reach()).join()) mm.frames();
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) box.addEventListener(name, end);
  box.addEventListener("pointerleave", () => { mm.view.point = null; mm.frames(); });
  box.addEventListener("focus", () => { if (box.matches(":focus-visible")) { mm.view.point = [...mm.view.cursor]; mm.frames(); } });
  box.addEventListener("blur", () => { mm.view.point = null; mm.frames(); });
  box.addEventListener("keydown", mm.key);
};

// only what lies above the images: where the brush is
mm.frames = function () {
  const { done } = mm.strokesOf(mm.at.key);
  for (const panel of mm.panels) if (panel.image) mm.show(panel.picture, panel, done, mm.view.point);
};

mm.key = function (event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { view } = mm, { high, wide } = mm.subject, step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const tool = { p: "paint", e: "erase", s: mm.subject.patches ? "stamp" : undefined }[event.key.toLowerCase()];
  if (step) {
    view.cursor = [Math.max(0.5, Math.min(high - 0.5, view.cursor[0] + step[0])), Math.max(0.5, Math.min(wide - 0.5, view.cursor[1] + step[1]))];
    view.point = [...view.cursor];
    mm.frames();
  } else if (event.key === " " || event.key === "Enter") {
    view.point = [...view.cursor];
    mm.begin(view.point);
  } else if (/^\d$/.test(event.key)) {
    view.digit = Number(event.key);
    mm.pick("digit", view.digit);
    mm.later();
  } else if (tool) {
    view.tool = tool;
    mm.pick("tool", tool);
    mm.later();
  } else return;
  event.preventDefault();
};

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.matches?.("input:not([type=radio], [type=range], [type=checkbox]), textarea")) return;
  const key = event.key.toLowerCase(), act = key === "y" || (key === "z" && event.shiftKey) ? mm.redo : key === "z" ? mm.undo : null;
  if (!act) return;
  event.preventDefault();
  act();
});

// the largest difference to what torch gave for an edited canvas
mm.deviation = function () {
  const { check, judge } = mm.subject, { maps } = mm.start("generated", 0);
  const right = mm.decoded(check.image), counts = mm.decoded(check.counts), far = (one, two) => one.reduce((most, value, i) => Math.max(most, Math.abs(value - two[i])), 0);
  const found = mm.finish(mm.edit(maps, [], { ranking: 0, n: check.units, silenced: check.digit }));
  mm.read(found);
  const probabilities = mm.outputs(judge)[0].map(Math.exp);
  if (mm.at) mm.start(mm.at.kind, mm.at.place); // back to where one was
  return Math.max(far(found, right), far(probabilities, counts));
};

document.getElementById("try").addEventListener("click", () => mm.tryAll());
for (const panel of mm.panels) document.getElementById("panels").append(mm.makePanel(panel));
mm.at = mm.start("generated", 0);
mm.tools();
mm.goTo("generated", 0);
mm.tiny = (value) => (value ? value.toExponential(0).replace(/e-(\d+)$/, (_, digits) => ` × 10⁻${[...digits].map((one) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[one]).join("")}`) : "0");
document.getElementById("deviation").textContent = mm.tiny(mm.deviation());
