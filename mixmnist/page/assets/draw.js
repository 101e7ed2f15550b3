// Drawings: images from the sheets, bars, curves, and the triangle of pairs of concepts.
"use strict";

// how it is shown on the top images where a unit fired
mm.LOOKS = { map: ["its map"], field: ["the field"], plain: ["the image alone"] };
mm.LOOK = "map";

// image `place` of the sheet `end` (top or bottom) of a unit, with its map over it or an outline where the unit fired
mm.image = function (exhibit, row, place, end = "top", look = mm.view.look) {
  const [rows, cols] = exhibit.size;
  const across = exhibit[`${end}_shows`][row].length;
  const shown = look === "map" && !exhibit.maps ? "field" : look;
  const field = end === "top" && shown === "field" && exhibit.fields ? exhibit.fields[row][place] : null;
  const text = mm.imageText(exhibit, row, place, end);
  return mm.h("span", { class: "image", role: "img", "aria-label": text, title: text, style: mm.sheet(`${exhibit.key}-${end}.png`, across, exhibit.units.length, place, row) },
    end === "top" && shown === "map" && mm.h("span", { class: "map", style: mm.sheet(`${exhibit.key}-maps.png`, across, exhibit.units.length, place, row) }),
    field && mm.h("span", { class: "field", style: {
      top: `${(100 * field[0]) / rows}%`, left: `${(100 * field[1]) / cols}%`,
      height: `${(100 * (field[2] - field[0])) / rows}%`, width: `${(100 * (field[3] - field[1])) / cols}%`,
    } }));
};

mm.imageText = function (exhibit, row, place, end) {
  const shows = exhibit[`${end}_shows`][row][place].map((c) => exhibit.concepts[c]);
  const field = end === "top" && exhibit.fields ? exhibit.fields[row][place] : null;
  return `Image ${place + 1}${end === "top" ? "" : " from below"} shows ${shows.join(" and ") || "nothing"}; response ${exhibit[`${end}_response`][row][place]}`
    + (field ? `; its field: rows ${field[0] + 1} to ${field[2]}, columns ${field[1] + 1} to ${field[3]}` : "");
};

mm.sheet = function (file, across, down, x, y) {
  const place = (i, n) => (n > 1 ? `${(100 * i) / (n - 1)}%` : "0%");
  return {
    "background-image": `url("${file}")`, "background-size": `${100 * across}% ${100 * down}%`,
    "background-position": `${place(x, across)} ${place(y, down)}`,
  };
};

mm.strip = function (exhibit, row, n, end = "top") {
  const most = Math.min(n, exhibit[`${end}_shows`][row].length);
  return mm.h("span", { class: "strip" }, Array.from({ length: most }, (_, place) => mm.image(exhibit, row, place, end)));
};

// the same as buttons, with a line that says of an image what it shows: for a mouse, a finger and a keyboard
mm.lookedAt = function (exhibit, row, end = "top") {
  const caption = mm.h("p", { class: "note caption" }, "Point at an image, tap it or go there with Tab for what it shows and the response.");
  const buttons = exhibit[`${end}_shows`][row].map((_, place) => {
    const image = mm.image(exhibit, row, place, end), text = mm.imageText(exhibit, row, place, end);
    for (const name of ["role", "title", "aria-label"]) image.removeAttribute(name);
    const tell = () => { caption.textContent = `${text}.`; };
    return mm.h("button", { type: "button", class: "thumb", "aria-label": text, onclick: tell, onfocus: tell, onpointerenter: tell }, image);
  });
  return [mm.h("div", { class: "strip" }, buttons), caption];
};

// a bar from 0 to 1 with marks at chance and at the null's 95 %
mm.bar = function (value, { chance = null, nullMark = null, kind = "blue", most = 1 } = {}) {
  const at = (x) => Math.max(0, Math.min(100, (100 * x) / most));
  const mark = (x, name) => x !== null && x !== undefined && mm.h("i", { class: `mark ${name}`, style: { left: `${at(x)}%` } });
  const negative = value !== null && value < 0;
  return mm.h("span", { class: `bar ${kind}`, "aria-hidden": "true" },
    mm.h("i", { class: negative ? "fill negative" : "fill", style: { width: `${at(Math.abs(value ?? 0))}%` } }),
    mark(chance, "chance"), mark(nullMark, "null"));
};

mm.path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// precision@k of a unit for its own concept, k on a logarithmic axis, chance dashed
mm.sparkline = function (exhibit, row) {
  const unit = exhibit.units[row];
  const concept = exhibit.concepts.indexOf(unit.concept);
  const svg = mm.s("svg", { class: "sparkline", viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (unit.dead || concept < 0) return svg;
  const points = mm.curve(exhibit, "precision_at_k", row, concept).map(([k, p]) => [(100 * Math.log(k)) / Math.log(exhibit.images), 27 - 26 * p]);
  const chance = 27 - 26 * exhibit.prevalence[concept];
  svg.append(mm.s("path", { class: "area", d: `${mm.path(points)}L100 27L0 27Z` }),
    mm.s("line", { class: "chance", x1: 0, x2: 100, y1: chance, y2: chance }), mm.s("path", { class: "line", d: mm.path(points) }));
  return svg;
};

mm.curve = function (exhibit, name, row, concept) {
  const xs = name === "precision_at_k" ? exhibit.ks : exhibit.recalls;
  const start = (row * exhibit.concepts.length + concept) * xs.length;
  return xs.map((x, i) => [x, exhibit[name][start + i]]).filter(([, y]) => !Number.isNaN(y));
};

// a plot with axes; `log` takes the x axis as logarithmic
mm.plot = function ({ points, title, xLabel, yLabel = "", xs, log = false, chance = null, at = null, ys = [0, 0.5, 1] }) {
  const [left, right, top, bottom] = [34, 250, 8, 130];
  const [low, high] = [xs[0], xs[xs.length - 1]];
  const scale = (x) => (log ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low || 1));
  const px = (x) => left + (right - left) * scale(x);
  const py = (y) => bottom - (bottom - top) * y;
  const number = (x) => (x >= 1000 ? `${x / 1000}k` : String(Math.round(100 * x) / 100).replace(/^0\./, "."));
  return mm.s("svg", { class: "plot", viewBox: "0 0 262 162", role: "img", "aria-label": title },
    ys.map((y) => [mm.s("line", { class: "grid", x1: left, x2: right, y1: py(y), y2: py(y) }),
      mm.s("text", { x: left - 5, y: py(y) + 3.5, "text-anchor": "end" }, number(y))]).flat(),
    xs.map((x, i) => mm.s("text", { x: px(x), y: bottom + 14, "text-anchor": i === 0 ? "start" : i === xs.length - 1 ? "end" : "middle" }, number(x))),
    mm.s("text", { class: "label", x: (left + right) / 2, y: bottom + 29, "text-anchor": "middle" }, xLabel),
    yLabel && mm.s("text", { class: "label", x: -(top + bottom) / 2, y: 9, transform: "rotate(-90)", "text-anchor": "middle" }, yLabel),
    chance !== null ? mm.s("line", { class: "chance", x1: left, x2: right, y1: py(chance), y2: py(chance) }) : null,
    mm.s("path", { class: "line", d: mm.path(points.map(([x, y]) => [px(x), py(y)])) }),
    at ? mm.s("circle", { class: "dot", cx: px(at[0]), cy: py(at[1]), r: 4 }) : null);
};

// how many images a unit answers how highly; those that show a concept are coloured
mm.histogram = function (exhibit, row, concept) {
  const { counts, ends } = exhibit.histogram, own = counts[row], steps = own.length, most = Math.max(...own), name = exhibit.concepts[concept];
  const shares = exhibit.shown_shares.subarray((row * exhibit.concepts.length + concept) * steps, (row * exhibit.concepts.length + concept + 1) * steps);
  const [left, right, top, bottom] = [34, 250, 8, 130], wide = (right - left) / steps, tall = (n) => ((bottom - top) * n) / most;
  const bar = (i, from, n, kind) => mm.s("rect", { class: kind, x: left + i * wide + 0.5, width: wide - 1, y: bottom - tall(from + n), height: tall(n) });
  const number = (x) => String(Number(x.toPrecision(2))), of = own.map((n, i) => (n ? n * shares[i] : 0));
  return mm.s("svg", { class: "plot histogram", viewBox: "0 0 262 162", role: "img", "aria-label": `How many of ${exhibit.images.toLocaleString("en")} images the ${mm.word(exhibit)} answers how highly, from ${ends[row][0]} to ${ends[row][1]}; coloured: those that show ${name}` },
    [0, most].map((n) => [mm.s("line", { class: "grid", x1: left, x2: right, y1: bottom - tall(n), y2: bottom - tall(n) }), mm.s("text", { x: left - 5, y: bottom - tall(n) + 3.5, "text-anchor": "end" }, n >= 10000 ? `${Math.round(n / 1000)}k` : String(n))]).flat(),
    own.map((n, i) => [bar(i, 0, of[i], "own"), bar(i, of[i], n - of[i], "others")]).flat(),
    [0, 1].map((i) => mm.s("text", { x: i ? right : left, y: bottom + 14, "text-anchor": i ? "end" : "start" }, number(ends[row][i]))),
    mm.s("text", { class: "label", x: (left + right) / 2, y: bottom + 29, "text-anchor": "middle" }, "response"),
    mm.s("text", { class: "label", x: -(top + bottom) / 2, y: 9, transform: "rotate(-90)", "text-anchor": "middle" }, "images"));
};

// values of classes that are pairs of concepts as a triangle; of other classes as a list, the largest first
mm.classTable = function (exhibit, values, { caption, text, weight, kind = "drop" }) {
  const cell = (c) => mm.h("td", { style: { "--weight": `${Math.round(60 * Math.min(1, Math.abs(weight(values[c]))))}%` },
    class: kind === "accuracy" || values[c] < 0 ? "cell blue" : "cell", title: `class ${exhibit.classes[c]}: ${text(values[c])}` }, text(values[c]));
  if (exhibit.pairs === null) {
    const order = exhibit.classes.map((_, c) => c).sort((a, b) => weight(values[b]) - weight(values[a])).slice(0, 20);
    return mm.scrolled(caption, mm.h("table", { class: "classes" }, mm.h("caption", {}, caption + (exhibit.classes.length > 20 ? " The 20 largest." : "")),
      mm.h("tbody", {}, order.map((c) => mm.h("tr", {}, mm.h("th", { scope: "row" }, exhibit.classes[c]), cell(c))))));
  }
  const used = [...new Set(exhibit.pairs.flat())].sort((a, b) => a - b);
  const place = new Map(exhibit.pairs.map(([i, j], c) => [`${i} ${j}`, c]));
  const rows = used.slice(0, -1), cols = used.slice(1);
  const worded = used.some((i) => mm.worded(exhibit.concepts[i]));
  return mm.scrolled(caption, mm.h("table", { class: worded ? "triangle worded" : "triangle" }, mm.h("caption", {}, caption),
    mm.h("thead", {}, mm.h("tr", {}, mm.h("td", {}), cols.map((j) => mm.h("th", { scope: "col" }, exhibit.concepts[j])))),
    mm.h("tbody", {}, rows.map((i) => mm.h("tr", {}, mm.h("th", { scope: "row" }, exhibit.concepts[i]),
      cols.map((j) => (place.has(`${i} ${j}`) ? cell(place.get(`${i} ${j}`)) : mm.h("td", {}))))))));
};

// a table that scrolls by itself where it is wider than its place
mm.scrolled = (name, table) => mm.h("div", { class: "scrolled", tabindex: 0, role: "region", "aria-label": name }, table);
