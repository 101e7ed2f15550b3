// The generator with its layer, and the judge: one canvas at a time, edited at the layer before the generator goes on.
"use strict";
mm.subject = (() => {
  const { brush } = mm.data, generator = mm.program(brush.generator), judge = mm.program(brush.judge), [layer, image] = generator.outputs;
  const [, units, high, wide] = generator.shapes[layer], [, , rows, cols] = generator.shapes[image];
  const patches = brush.patches && { ...brush.patches, all: mm.decoded(brush.patches) };
  return { ...brush, patches, generator, judge, layer, image, units, high, wide, rows, cols, ...mm.split(generator, layer), started: new Map(), now: null };
})();
mm.DIGITS = Array.from({ length: 10 }, (_, digit) => digit);
mm.JUNK = 11;
mm.sets = { generated: mm.data.brush.generated, inverted: mm.data.brush.inverted };
for (const set of Object.values(mm.sets)) {
  if (set) for (const [name, decode] of [["codes", mm.decoded], ["maps", mm.decoded], ["real", mm.decoded]]) if (set[name]) mm.lazily(set, `all_${name}`, () => decode(set[name]));
}
mm.nth = (all, place, size) => all.subarray(place * size, (place + 1) * size);

// goes to a canvas: the layer's maps, the image and what is read, before any edit
mm.start = function (kind, place) {
  const subject = mm.subject, { generator, layer, units, high, wide } = subject, set = mm.sets[kind], key = `${kind} ${place}`;
  if (generator.input !== layer) { // else the program begins with the layer's maps
    generator.values[generator.input] = mm.nth(set.all_codes, place, generator.shapes[generator.input][1]);
    mm.run(generator, subject.before);
  }
  subject.now = key;
  if (!subject.started.has(key)) {
    const maps = Float32Array.from(set.maps ? mm.nth(set.all_maps, place, units * high * wide) : generator.values[layer]), image = mm.finish(maps);
    subject.started.set(key, { key, kind, place, maps, image, said: mm.read(image), real: set.real ? mm.real(set, place) : null });
  }
  return subject.started.get(key);
};

// the image of edited maps, on the canvas that was gone to
mm.finish = function (maps) {
  const { generator, layer, image, after } = mm.subject;
  generator.values[layer] = maps;
  mm.run(generator, after);
  return Float32Array.from(generator.values[image]);
};

// a real canvas that an inverted one is to be like
mm.real = function (set, place) {
  const { rows, cols } = mm.subject, image = Float32Array.from(mm.nth(set.all_real, place, rows * cols), (value) => value / 255);
  return { image, said: mm.read(image) };
};

mm.largest = (values) => values.reduce((best, one, place) => (one > values[best] ? place : best), 0);

// what the judge says of an image: how often each digit is there (2: twice or more), whether there is junk, how sure it is of all
// of it together, the class of each pixel, and how likely each digit is there at all
mm.read = function (image) {
  const { judge } = mm.subject, n = image.length;
  judge.values[judge.input] = image;
  mm.run(judge);
  const [counts, junk, pixels] = mm.outputs(judge), each = mm.DIGITS.map((digit) => Array.from(counts.subarray(3 * digit, 3 * digit + 3)));
  const sum = each.reduce((all, one) => all + Math.max(...one), 0) + Math.max(...junk), classes = new Uint8Array(n);
  for (let i = 0; i < n; i++) for (let c = 1, best = pixels[i]; c < 12; c++) if (pixels[c * n + i] > best) { best = pixels[c * n + i]; classes[i] = c; }
  return { counts: each.map(mm.largest), junk: junk[1] > junk[0], sure: Math.exp(sum), likely: each.map(([none]) => 1 - Math.exp(none)), classes };
};
mm.valid = ({ counts, junk, sure }) => counts.filter((n) => n === 1).length === 2 && counts.every((n) => n < 2) && !junk && sure >= mm.subject.bar;

mm.listed = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`);
mm.readAs = ({ counts, junk }) => {
  const found = mm.DIGITS.filter((digit) => counts[digit]).map((digit) => (counts[digit] > 1 ? `${digit} twice or more` : `${digit}`));
  return mm.listed(found.concat(junk ? ["junk"] : [])) || "nothing";
};
