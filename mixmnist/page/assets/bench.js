// The ablation bench: units off, and what the network then says, computed here.
"use strict";

mm.part(function (exhibit) {
  const home = mm.content("bench");
  if (!exhibit.bench) {
    home.replaceChildren(mm.h("p", { class: "note" }, "This layer does not feed a linear head through its mean, so what the network says without its units cannot be computed in the page. Each unit's drop is above."));
    return;
  }
  const bench = exhibit.bench;
  const state = { gone: new Uint8Array(bench.units), toMean: false, order: Object.keys(bench.orders)[0], curves: new Map() };
  const intact = mm.decisions(bench, mm.logits(bench, state.gone, false));
  const result = mm.h("div", { class: "result" });
  const ticks = mm.h("fieldset", { class: "ticks" }, mm.h("legend", {}, "Units that are on"), exhibit.n_units > 60 ? mm.h("p", { class: "note" }, `${exhibit.n_units} units.`) : null);
  const slider = mm.h("input", { type: "range", id: "off", min: 0, max: bench.units, value: 0, oninput: () => along(Number(slider.value)) });
  const boxes = Array.from({ length: bench.units }, (_, u) => mm.h("input", { type: "checkbox", checked: true, value: u, onchange: (event) => {
    state.gone[u] = event.target.checked ? 0 : 1;
    refresh(null);
  } }));
  ticks.append(...boxes.map((box, u) => mm.h("label", {}, box, mm.tickLabel(exhibit, u))));
  const refresh = (step) => {
    const now = mm.decisions(bench, mm.logits(bench, state.gone, state.toMean));
    result.replaceChildren(...mm.benchResult(exhibit, state, intact, now, step));
    if (step === null) slider.value = state.gone.reduce((sum, one) => sum + one, 0);
  };
  const along = (step) => {
    state.gone.fill(0);
    for (const u of bench.orders[state.order].slice(0, step)) state.gone[u] = 1;
    boxes.forEach((box, u) => { box.checked = !state.gone[u]; });
    refresh(step);
  };
  const order = mm.h("select", { name: "order", onchange: () => { state.order = order.value; along(Number(slider.value)); } },
    Object.keys(bench.orders).map((name) => mm.h("option", {}, name)));
  const mode = mm.h("select", { name: "silenced", onchange: () => { state.toMean = mode.value === "mean"; refresh(null); } },
    mm.h("option", { value: "zero" }, "to zero"), mm.h("option", { value: "mean" }, "to its mean"));
  home.replaceChildren(
    mm.h("p", { class: "lead" }, `${mm.nameOf(exhibit)}. Switch units off and see what the network then says. Computed here by the head's exact algebra, on the first ${bench.n.toLocaleString("en")} of ${exhibit.images.toLocaleString("en")} images; drops above are over all of them.`),
    mm.h("div", { class: "tools" }, mm.h("label", { class: "slider" }, "Units off, along the order", slider), mm.h("label", {}, "Order", order), mm.h("label", {}, "Silenced", mode),
      mm.h("button", { type: "button", onclick: () => { slider.value = 0; along(0); } }, "All on")),
    ticks, result);
  refresh(0);
});

mm.tickLabel = function (exhibit, u) {
  const unit = exhibit.every[u];
  return [mm.h("span", {}, `${u}`), mm.h("b", { class: mm.isDetector(unit) ? "detector" : "" }, mm.conceptOf(unit))];
};

mm.benchResult = function (exhibit, state, intact, now, step) {
  const { bench } = exhibit;
  const accuracy = mm.accuracy(now), before = mm.accuracy(intact);
  const off = state.gone.reduce((sum, one) => sum + one, 0);
  const by = mm.byClass(now, bench.classes);
  const key = `${state.order} ${state.toMean}`;
  if (!state.curves.has(key)) state.curves.set(key, mm.alongOrder(bench, bench.orders[state.order], state.toMean));
  const curve = state.curves.get(key);
  const changed = Math.abs(accuracy - before);
  return [
    mm.h("div", { class: "numbers", role: "status" },
      mm.h("p", { class: "big", "data-accuracy": accuracy, "data-off": off }, mm.h("b", {}, mm.share(accuracy, 3)), " accuracy"),
      mm.h("p", {}, off ? `${off} of ${bench.units} units off. ${accuracy <= before ? "Lost" : "Gained"}: ${mm.share(changed, 3)} of ${mm.share(before, 3)}.` : "All units are on."),
      mm.plot({ points: curve.map((one, n) => [n, one]), xs: [0, Math.round(bench.units / 2), bench.units], at: [off, accuracy], xLabel: `units off, ${state.order}`, yLabel: "accuracy",
        title: `Accuracy along the order: ${state.order}${step === null ? "; the dot is the choice made by hand" : ""}` })),
    mm.h("div", {}, mm.classTable(exhibit, by, {
      caption: "Accuracy of each class, in points.",
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
  const said = named(now.predicted(image)), before = named(intact.predicted(image));
  const right = said === truth;
  return mm.h("li", { class: right ? "right" : "wrong" }, mm.h("span", { class: "image", role: "img", "aria-label": `Image of class ${truth}`, style: mm.sheet(`${exhibit.key}-samples.png`, bench.samples_kept, 1, image, 0) }),
    mm.h("span", { class: "said" }, mm.h("span", { "aria-hidden": "true" }, right ? "✓ " : "× "), mm.h("b", {}, said), said === before ? "" : mm.h("s", {}, before)));
};
