// What all parts of the page share: elements, numbers, and exhibits with their arrays decoded.
"use strict";
const mm = { data: window.mixmnist, chosen: 0, parts: [] };

mm.h = function (name, attributes = {}, ...children) {
  const element = document.createElement(name);
  mm.set(element, attributes);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

mm.s = function (name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  mm.set(element, attributes);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
};

mm.set = function (element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
};

// 0.8 as ".80", as scores are written elsewhere; numbers that are none as a dash
mm.share = function (value, digits = 2) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value.toFixed(digits).replace(/^(-?)0\./, "$1.").replace("-", "−");
};

// hundredths with one decimal, or those that it takes to tell them from 0, as in the tables; a drop of .143 as "14.3" points
mm.points = function (value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const scaled = 100 * value, small = Math.abs(scaled) > 1e-9 && Math.abs(scaled) < 0.05;
  const text = scaled.toFixed(small ? Math.ceil(-Math.log10(Math.abs(scaled))) : 1);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
};
mm.percent = (value) => (value === 0 || value === 1 ? `${100 * value} %` : `${mm.points(value)} %`);

mm.bytes = function (text) {
  const letters = atob(text), found = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) found[i] = letters.charCodeAt(i);
  return found;
};
mm.floats = (text) => new Float64Array(new Float32Array(mm.bytes(text).buffer)); // little-endian, as is everything that runs a browser
mm.shares = (text) => Float64Array.from(new Uint16Array(mm.bytes(text).buffer), (steps) => (steps === 65535 ? NaN : steps / 65534));

mm.lazily = function (object, name, make) {
  Object.defineProperty(object, name, { configurable: true, get() {
    const value = make();
    Object.defineProperty(object, name, { value });
    return value;
  } });
};

mm.exhibits = mm.data.exhibits.map((packed) => {
  const exhibit = { ...packed, rows: new Map(packed.units.map((unit, row) => [unit.unit, row])) };
  for (const [name, decode] of [["alignment", mm.floats], ["precision_at_k", mm.shares], ["precision_at_recall", mm.shares]]) {
    mm.lazily(exhibit, name, () => decode(packed[name]));
  }
  mm.lazily(exhibit, "shown_shares", () => mm.shares(packed.histogram.shares));
  mm.lazily(exhibit, "drops", () => (packed.drops === null ? null : mm.floats(packed.drops)));
  if (packed.bench) {
    exhibit.bench = { ...packed.bench, classes: packed.classes.length, units: packed.n_units };
    for (const name of ["means", "weight", "bias", "rest", "left"]) if (packed.bench[name]) mm.lazily(exhibit.bench, name, () => mm.floats(packed.bench[name]));
  }
  return exhibit;
});

// what one of an exhibit's units is called: unit or atom; mm.Word at the beginning of a sentence
mm.word = (exhibit) => exhibit.word ?? "unit";
mm.Word = (exhibit) => mm.word(exhibit)[0].toUpperCase() + mm.word(exhibit).slice(1);
mm.words = (exhibit, n) => (n === 1 ? `1 ${mm.word(exhibit)}` : `${n} ${mm.word(exhibit)}s`);

// a part of the page is drawn anew whenever another network is chosen
mm.part = (draw) => mm.parts.push(draw);
mm.choose = function (place) {
  mm.chosen = place;
  for (const draw of mm.parts) draw(mm.exhibits[place]);
};
mm.content = (id) => document.querySelector(`#${id} .content`);
mm.conceptOf = (unit) => (unit.dead || !unit.concept ? "dead" : unit.concept);
mm.worded = (concept) => concept.length > 2; // too long for the large letters of a digit
mm.concept = (name, kind = "") => mm.h("b", { class: `concept ${kind} ${mm.worded(name) ? "worded" : ""}`.trim() }, name);
mm.short = (name, most = 16) => (name.length > most ? `${name.slice(0, most - 1)}…` : name); // in drawings, where nothing wraps
mm.isDetector = (unit) => unit.alignment !== null && unit.alignment >= mm.data.threshold;

// a word or letter whose sentence shows where it is pointed at, focused or tapped: notes.js
mm.said = function (label, sentence, kind) {
  const id = `said-${(mm.saidSoFar = (mm.saidSoFar ?? 0) + 1)}`;
  const button = mm.h("button", { type: "button", class: kind, "data-said": sentence, "aria-describedby": id }, label);
  return mm.h("span", { class: "said-of" }, button, mm.h("span", { hidden: true, id }, sentence));
};
mm.term = (name, label = name) => (mm.data.glossary[name] ? mm.said(label, mm.data.glossary[name], "term") : label);

// what the report card says of a column of the table of units, as a small badge; nothing where it says nothing
mm.grade = function (column) {
  const found = mm.data.grades[column];
  if (!found) return null;
  const badge = mm.said(found.grade, `Grade ${found.grade} of a single unit: ${found.say}. ${found.why}`, `grade ${found.say.replace(" ", "-")}`);
  badge.firstChild.setAttribute("aria-label", `grade ${found.grade} of a single unit, ${found.say}`);
  return badge;
};
