// Panels: an image with outlines of what the judge sees, the cells that were painted, and what is read, in words.
"use strict";

// puts values in [0, 1] on a canvas of as many pixels
mm.painted = function (canvas, values, colour = (value) => [255 * value, 255 * value, 255 * value]) {
  const context = canvas.getContext("2d"), pixels = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, i) => { pixels.data.set(colour(Math.max(0, Math.min(1, value))), 4 * i); pixels.data[4 * i + 3] = 255; });
  context.putImageData(pixels, 0, 0);
};

// the border of all pixels of a class, as a path, and where they begin
mm.border = function (classes, kind) {
  const { rows, cols } = mm.subject, is = (r, c) => r >= 0 && r < rows && c >= 0 && c < cols && classes[r * cols + c] === kind;
  let path = "", top = rows, left = cols, n = 0;
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) if (is(r, c)) {
    n++;
    [top, left] = [Math.min(top, r), Math.min(left, c)];
    if (!is(r - 1, c)) path += `M${c} ${r}h1`;
    if (!is(r + 1, c)) path += `M${c} ${r + 1}h1`;
    if (!is(r, c - 1)) path += `M${c} ${r}v1`;
    if (!is(r, c + 1)) path += `M${c + 1} ${r}v1`;
  }
  return { path, top, left, n };
};

mm.outlines = function ({ classes }) {
  return [...mm.DIGITS, mm.JUNK].flatMap((kind) => {
    const { path, top, left, n } = mm.border(classes, kind), name = kind === mm.JUNK ? "junk" : `${kind}`;
    if (!n) return [];
    return [mm.s("path", { d: path, class: kind === mm.JUNK ? "seen junk" : "seen" }),
      n > 2 ? mm.s("text", { x: Math.min(left, mm.subject.cols - 1.9 * name.length), y: top > 4 ? top - 0.6 : top + 3.6, class: kind === mm.JUNK ? "name junk" : "name" }, name) : null].filter(Boolean);
  });
};

// cells that were painted or erased, and the frame of the brush
mm.marks = function (strokes, point) {
  const { high, wide, rows, cols } = mm.subject, [h, w] = [rows / high, cols / wide];
  const touched = mm.view.cells ? [...mm.touched(strokes)] : [], square = (place) => `M${(place % wide) * w} ${Math.floor(place / wide) * h}h${w}v${h}h${-w}z`;
  const found = [...new Set(touched.map(([, tool]) => tool))].map((kind) => mm.s("path", { class: `cell ${kind}`, d: touched.filter(([, tool]) => tool === kind).map(([place]) => square(place)).join("") }));
  if (point) {
    const size = mm.reach(), [top, left] = mm.corner(point, size);
    found.push(mm.s("rect", { class: "frame", x: left * w, y: top * h, width: size[1] * w, height: size[0] * h }));
  }
  return found;
};

// a picture with room for drawings above it
mm.picture = function (kind) {
  const { rows, cols } = mm.subject, canvas = mm.h("canvas", { width: cols, height: rows }), above = mm.s("svg", { viewBox: `0 0 ${cols} ${rows}`, "aria-hidden": "true" });
  return { canvas, above, box: mm.h("div", { class: `pane ${kind}`, style: { "aspect-ratio": `${cols} / ${rows}` } }, canvas, above) };
};

mm.show = function (picture, { image, said }, strokes = [], point = null) {
  mm.painted(picture.canvas, image);
  picture.above.replaceChildren(...mm.marks(strokes, point), ...(mm.view.outlines ? mm.outlines(said) : []));
};

// what is read now, beside what was read before
mm.verdict = function (said, before) {
  const now = mm.readAs(said), sure = `${said.junk ? "" : "No junk; "}confidence ${mm.share(said.sure)}`.replace(/^c/, "C");
  const parts = [mm.h("p", { class: "reads" }, "Reads ", mm.h("b", {}, now)), mm.h("p", { class: "note" }, `${sure}.`)];
  if (before) parts.push(mm.h("p", { class: "note became" }, mm.became(said, before)));
  return parts;
};

mm.became = function ({ counts, junk }, before) {
  const which = (rule) => mm.DIGITS.filter((digit) => rule(before.counts[digit], counts[digit])).map(String);
  const parts = [["gone", which((was, is) => was && !is)], ["new", which((was, is) => !was && is)], ["another count", which((was, is) => was && is && was !== is)]];
  const words = parts.filter(([, digits]) => digits.length).map(([name, digits]) => `${mm.listed(digits)} ${name}`);
  if (junk !== before.junk) words.push(junk ? "junk new" : "junk gone");
  return words.length ? `Against before: ${words.join("; ")}.` : "As before.";
};

// how likely each digit is there, with a mark for before
mm.bars = function (said, before) {
  const bar = (digit) => mm.h("li", {}, mm.h("span", { class: "column" }, mm.h("i", { style: { height: `${100 * said.likely[digit]}%` } }), before && Math.abs(before.likely[digit] - said.likely[digit]) > 0.02 && mm.h("u", { style: { bottom: `${100 * before.likely[digit]}%` } })), mm.h("span", {}, digit));
  return mm.h("ul", { class: "likely", "aria-hidden": "true", title: "How likely each digit is there; line: before" }, mm.DIGITS.map(bar));
};

// how many pixels changed, and how many of these are not of the cells under the strokes
mm.changed = function (image, before, strokes) {
  const { high, wide, rows, cols } = mm.subject, touched = mm.touched(strokes), found = { all: 0, outside: 0 };
  image.forEach((value, i) => {
    if (Math.abs(value - before[i]) < 0.1) return;
    const cell = Math.floor((Math.floor(i / cols) * high) / rows) * wide + Math.floor(((i % cols) * wide) / cols);
    found.all++;
    if (!touched.has(cell)) found.outside++;
  });
  return found;
};
