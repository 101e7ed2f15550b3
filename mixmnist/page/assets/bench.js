// The ablation bench: units off, and what the network then says, computed here.
"use strict";
mm.ORDERS = { best: "best detectors first", important: "most important first", unimportant: "least important first", weights: "largest weights first", random: "random order" };

// what is off: the first units of an order, but those that a hand switched, which stay as they were put
mm.off = { order: "best", step: 0, hand: new Map(), toMean: false };
mm.allOn = () => { mm.off.step = 0; mm.off.hand.clear(); };
mm.goneIn = function (bench) {
  const gone = new Uint8Array(bench.units);
  for (const u of mm.inOrder(bench)) gone[u] = 1;
  for (const [u, off] of mm.off.hand) if (u < bench.units) gone[u] = off;
  return gone;
};

mm.inOrder = (bench) => bench.orders[mm.ORDERS[mm.off.order]].slice(0, mm.off.step);
mm.putByHand = function (bench, u, gone) {
  if (mm.inOrder(bench).includes(u) === Boolean(gone)) mm.off.hand.delete(u); // as the order has it
  else mm.off.hand.set(u, gone);
};

mm.part(function (exhibit) {
  const home = mm.content("bench");
  if (!exhibit.bench) {
    home.replaceChildren(mm.h("p", { class: "note" }, `This layer does not feed a linear head through its mean, so what the network says without its ${mm.word(exhibit)}s cannot be computed in the page.` + (exhibit.units.some((unit) => unit.drop != null) ? ` Each ${mm.word(exhibit)}'s drop is above.` : "")));
    return;
  }
  const { bench } = exhibit, { off } = mm, word = mm.word(exhibit);
  off.step = Math.min(off.step, bench.units);
  const numbers = mm.h("div", { class: "numbers", role: "status" }), rest = mm.h("div", { class: "result" }, numbers);
  const slider = mm.h("input", { type: "range", id: "off", min: 0, max: bench.units, oninput: () => { off.step = Number(slider.value); changed(false); } });
  const boxes = Array.from({ length: bench.units }, (_, u) => mm.h("input", { type: "checkbox", value: u, onchange: (event) => { mm.putByHand(bench, u, event.target.checked ? 0 : 1); changed(true); } }));
  const order = mm.h("select", { name: "order", onchange: () => { off.order = order.value; changed(true); } },
    Object.entries(mm.ORDERS).map(([value, name]) => mm.h("option", { value, selected: value === off.order }, name)));
  const mode = mm.h("select", { name: "silenced", onchange: () => { off.toMean = mode.value === "mean"; changed(true); } },
    mm.h("option", { value: "zero" }, "to zero"), mm.h("option", { value: "mean", selected: off.toMean }, "to its mean"));
  const refresh = () => {
    const gone = mm.goneIn(bench);
    slider.value = off.step;
    boxes.forEach((box, u) => { box.checked = !gone[u]; });
    const now = mm.decisions(bench, mm.logits(bench, gone, off.toMean));
    rest.replaceChildren(...mm.benchResult(exhibit, gone, now, numbers));
  };
  const changed = (push) => { refresh(); mm.remember({ at: "bench", push }); };
  home.replaceChildren(
    mm.h("p", { class: "lead" }, `${mm.nameOf(exhibit)}. Switch ${word}s off and see what the network then says.${bench.left ? " What the dictionary does not explain of an image stays in its answer, whichever atoms are off." : ""}`),
    mm.h("div", { class: "tools" }, mm.h("label", { class: "slider" }, `${mm.Word(exhibit)}s off, along the order`, slider), mm.h("label", {}, "Order", order), mm.h("label", {}, "Silenced", mode),
      mm.h("button", { type: "button", onclick: () => { mm.allOn(); changed(true); } }, "All on")),
    mm.h("p", { class: "note" }, `The orders were found on other images, the rank images, with ${word}s silenced to zero, whatever they are silenced to here. ${word === "atom" ? "An atom" : "A unit"} that you switch by hand stays as you put it, also when the order changes.`),
    mm.h("fieldset", { class: "ticks" }, mm.h("legend", {}, `${mm.Word(exhibit)}s that are on, of ${bench.units}`), boxes.map((box, u) => mm.h("label", {}, box, mm.tickLabel(exhibit, u)))),
    rest, mm.whichAccuracy(exhibit));
  refresh();
});

mm.tickLabel = function (exhibit, u) {
  const unit = exhibit.every[u];
  const said = unit.dead || !unit.concept ? "dead" : mm.isDetector(unit) ? `detects ${unit.concept}` : `best at ${unit.concept}, ${mm.share(unit.alignment)}`;
  return [mm.h("span", {}, `${mm.word(exhibit)} ${u}`), " ", mm.h("b", { class: mm.isDetector(unit) ? "detector" : "" }, said)];
};

// why the accuracy here is not the one in a table above
mm.whichAccuracy = function (exhibit) {
  const { bench } = exhibit, count = (n) => n.toLocaleString("en");
  const here = mm.percent(mm.accuracy(mm.intact(bench))), some = bench.n < exhibit.images;
  const own = exhibit.accuracy === null || !some ? "" : ` On all ${count(exhibit.images)} this network has ${mm.percent(exhibit.accuracy)}.`;
  return mm.h("p", { class: "note", id: "which-accuracy" }, `Computed here by the head's exact algebra for this one network on ${some ? `the first ${count(bench.n)} of ${count(exhibit.images)} images, so that the page stays small` : `all ${count(exhibit.images)} images`}: ${here} with all ${mm.word(exhibit)}s on.${own}`,
    exhibit.beside ? ` ${exhibit.beside} So the two differ by the ${some ? "images and the " : ""}seed.` : "", ` Drops in the part Units are over ${exhibit.dropped_on === exhibit.images ? "all images" : `${count(exhibit.dropped_on)} images`}.`);
};

// what it says with all units on, computed once
mm.intact = (bench) => (bench.whole ??= mm.decisions(bench, mm.logits(bench, new Uint8Array(bench.units), false)));

// the curve along an order, computed once and after the rest is drawn: it takes the longest
mm.curveLater = function (bench, order, toMean, draw) {
  const key = `${order} ${toMean}`, curves = (bench.curves ??= new Map());
  if (curves.has(key)) return draw(curves.get(key));
  setTimeout(() => {
    if (!curves.has(key)) curves.set(key, mm.alongOrder(bench, bench.orders[order], toMean));
    draw(curves.get(key));
  });
};

mm.benchResult = function (exhibit, gone, now, numbers) {
  const { bench } = exhibit, { off } = mm, intact = mm.intact(bench), order = mm.ORDERS[off.order];
  const accuracy = mm.accuracy(now), before = mm.accuracy(intact);
  const n = gone.reduce((sum, one) => sum + one, 0), by = mm.byClass(now, bench.classes);
  const byHand = [...off.hand.keys()].filter((u) => u < bench.units).length;
  const chance = Array.isArray(bench.labels[0]) ? 0.5 : 1 / bench.classes;
  const plot = mm.h("div", { class: "room" });
  const [how, how_] = [off.toMean ? "to its mean" : "to zero", byHand ? `, ${byHand} put by hand` : ""];
  mm.curveLater(bench, order, off.toMean, (curve) => plot.replaceChildren(mm.plot({ points: curve.map((one, i) => [i, one]), xs: [0, Math.round(bench.units / 2), bench.units], at: [n, accuracy], chance,
    xLabel: `${mm.word(exhibit)}s off, ${order}`, yLabel: "accuracy", title: `Accuracy along the order: ${order}; dashed: chance${byHand ? "; the dot is the choice made by hand" : ""}` })));
  numbers.replaceChildren(
    mm.h("p", { class: "big", "data-accuracy": accuracy, "data-off": n }, mm.h("b", {}, mm.percent(accuracy)), " accuracy"),
    mm.h("p", {}, n ? `${n} of ${mm.words(exhibit, bench.units)} off${how_}, silenced ${how}. ${accuracy <= before ? "Lost" : "Gained"}: ${mm.points(Math.abs(accuracy - before))} points of ${mm.percent(before)}.` : `All ${mm.word(exhibit)}s are on${how_}.`),
    mm.h("p", { class: "note" }, `All on: ${mm.percent(before)}; chance: ${mm.percent(chance)}.`));
  return [mm.h("div", {}, numbers, plot),
    mm.h("div", {}, mm.classTable(exhibit, by, {
      caption: "Accuracy of each class, in percent.",
      text: (value) => (Number.isNaN(value) ? "" : String(Math.round(100 * value))), weight: (value) => (Number.isNaN(value) ? 0 : value), kind: "accuracy",
    })),
    mm.h("div", {}, mm.h("h3", {}, "What it says of the first images"), mm.h("ul", { class: "samples" }, Array.from({ length: bench.samples }, (_, image) => mm.sample(exhibit, image, intact, now)))),
  ];
};

mm.sample = function (exhibit, image, intact, now) {
  const { bench } = exhibit;
  const named = (found) => found.map((c) => exhibit.classes[c]).join(" ") || "none";
  const label = bench.labels[image];
  const truth = named(Array.isArray(label) ? label.map((yes, c) => (yes ? c : -1)).filter((c) => c >= 0) : [label]);
  const said = named(now.predicted(image)), before = named(intact.predicted(image)), right = said === truth;
  return mm.h("li", { class: right ? "right" : "wrong" }, mm.h("span", { class: "image", role: "img", "aria-label": `Image of class ${truth}`, style: mm.sheet(`${exhibit.key}-samples.png`, bench.samples_kept, 1, image, 0) }),
    mm.h("span", { class: "said" }, right ? ["✓ ", mm.h("b", {}, said)] : ["said ", mm.h("b", {}, said), `, is ${truth}`], said === before ? "" : mm.h("s", { "aria-label": `before: ${before}` }, before)));
};
