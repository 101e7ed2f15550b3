// Strokes: what a brush did to which cells, for which digit. Each is done by the first units of a ranking, so the same strokes can be
// done by another ranking, or by more units. What was done to each canvas is kept, to be undone.
"use strict";
mm.kept = new Map(); // of each canvas: strokes that are done, and those that were undone
mm.strokesOf = function (key) {
  if (!mm.kept.has(key)) mm.kept.set(key, { done: [], undone: [] });
  return mm.kept.get(key);
};
mm.chosenUnits = (ranking, digit, n) => mm.subject.rankings[ranking].order[digit].slice(0, n);

// The layer's maps after all strokes. Painted cells get k, the units' usual value where the digit is; or, with a stamp, what lies around
// the digit on a donor; erased ones get 0. Units that are off give 0 everywhere, whatever was painted.
mm.edit = function (maps, strokes, { ranking, n, silenced = null, off = new Set() }) {
  const { high, wide, values } = mm.subject, cells = high * wide, found = Float32Array.from(maps);
  for (const stroke of strokes) {
    for (const unit of mm.chosenUnits(ranking, stroke.digit, n)) {
      if (stroke.tool === "stamp") for (const at of stroke.stamps) mm.laid(found, unit, stroke.digit, at);
      else for (const cell of stroke.cells) found[unit * cells + cell] = stroke.tool === "erase" ? 0 : values[unit][stroke.digit];
    }
  }
  const gone = silenced === null ? [...off] : [...off, ...mm.chosenUnits(ranking, silenced, n)];
  for (const unit of gone) found.fill(0, unit * cells, (unit + 1) * cells);
  return found;
};

// lays a donor's patch of one unit with its top left cell at [row, column]
mm.laid = function (maps, unit, digit, [top, left]) {
  const { high, wide, units, patches: { shape: [tall, broad], all } } = mm.subject, from = (digit * units + unit) * tall * broad;
  for (let i = Math.max(0, -top); i < Math.min(tall, high - top); i++) for (let j = Math.max(0, -left); j < Math.min(broad, wide - left); j++) {
    maps[(unit * high + top + i) * wide + left + j] = all[from + i * broad + j];
  }
};

// where a brush of some cells lies around a point, in cells: its first row and column
mm.corner = ([y, x], [tall, broad]) => [Math.round(y - tall / 2), Math.round(x - broad / 2)];
mm.under = function (point, [tall, broad]) {
  const { high, wide } = mm.subject, [top, left] = mm.corner(point, [tall, broad]), found = [];
  for (let i = Math.max(0, top); i < Math.min(high, top + tall); i++) for (let j = Math.max(0, left); j < Math.min(wide, left + broad); j++) found.push(i * wide + j);
  return found;
};

// adds what lies under the brush to a stroke; says whether that is new
mm.extend = function (stroke, point) {
  const size = mm.reach(), before = stroke.cells.size + stroke.stamps.length;
  if (stroke.tool === "stamp") { // one for a click: dragged, it moves
    stroke.stamps = [mm.corner(point, size)];
    stroke.cells = new Set(mm.under(point, size));
    return true;
  }
  for (const cell of mm.under(point, size)) stroke.cells.add(cell);
  return stroke.cells.size > before;
};
mm.reach = () => (mm.view.tool === "stamp" ? mm.subject.patches.shape : [mm.view.size, mm.view.size]);

// which cells strokes reach, and what was done there last
mm.touched = function (strokes) {
  const found = new Map();
  for (const { tool, cells } of strokes) for (const cell of cells) found.set(cell, tool);
  return found;
};
