// After labelling: what a person's words mean, what the units really detect, and labels read in again.
"use strict";
mm.labelsRead = ""; // what came of the last file
mm.FEWEST = 20; // units below which no share of right answers is told: its interval would hold nearly everything
mm.NUMERALS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
mm.FILLERS = new Set("a an the all always mostly only just it is digit digits number numbers numeral numerals figure figures s".split(" "));

// the concept that somebody's words mean, by its place; null where they mean none, or more. As in annotations.py
mm.understood = function (said, concepts) {
  const names = concepts.map((name) => name.toLowerCase()), whole = names.indexOf(said.trim().toLowerCase());
  if (whole >= 0) return whole;
  const words = (said.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !mm.FILLERS.has(word));
  if (words.length !== 1) return null;
  const forms = [words[0], ...["s", "es"].filter((ending) => words[0].endsWith(ending)).map((ending) => words[0].slice(0, -ending.length))];
  forms.push(...forms.map((form) => mm.NUMERALS.indexOf(form)).filter((digit) => digit >= 0).map(String));
  const meant = new Set(forms.map((form) => names.indexOf(form)).filter((place) => place >= 0));
  return meant.size === 1 ? [...meant][0] : null;
};

// the exact binomial interval of k of n at 95 % (Clopper and Pearson 1934), by halving
mm.shareInterval = function (k, n) {
  const atMost = (most, p) => { // how likely `most` of n or fewer are
    if (p <= 0) return 1;
    if (p >= 1) return most >= n ? 1 : 0;
    let log = n * Math.log(1 - p), sum = Math.exp(log);
    for (let i = 1; i <= most; i++) { log += Math.log((n - i + 1) / i) + Math.log(p / (1 - p)); sum += Math.exp(log); }
    return sum;
  };
  const where = (most, share) => { // the p at which it is that likely
    let [low, high] = [0, 1];
    for (let i = 0; i < 60; i++) { const middle = (low + high) / 2; if (atMost(most, middle) > share) low = middle; else high = middle; }
    return low;
  };
  return [k === 0 ? 0 : where(k - 1, 0.975), k === n ? 1 : where(k, 0.025)];
};

// of one labelled unit: what was meant, whether it is the unit's own concept, and on how many images the person's yes or no is true
mm.truthOf = function (exhibit, row) {
  const unit = exhibit.units[row], said = mm.labels.get(mm.labelKey(exhibit, unit.unit));
  const meant = mm.understood(said.concept, exhibit.concepts), shows = exhibit.top_shows[row].slice(0, said.shown);
  const right = meant === null ? null : shows.filter((one, image) => one.includes(meant) !== said.misfits.includes(image)).length;
  return { unit, said, meant, right, n: shows.length, same: meant !== null && exhibit.concepts[meant] === unit.concept };
};

mm.truthSaid = function (rows, word = "unit") {
  const n = rows.length, same = rows.filter((one) => one.same).length;
  if (n < mm.FEWEST) return `${same} of ${n} were named as the ${word}'s own concept. How often people are right is told from ${mm.FEWEST} labelled ${word}s on, with an interval: of fewer it would hold nearly everything.`;
  const [lower, upper] = mm.shareInterval(same, n);
  return `${same} of ${n} were named as the ${word}'s own concept: ${mm.share(same / n)}, 95 % between ${mm.share(lower)} and ${mm.share(upper)} over ${word}s.`;
};

mm.drawTruth = function (dialog, exhibit) {
  const places = mm.labelled(exhibit), rows = places.map((row) => mm.truthOf(exhibit, row));
  dialog.onclose = () => mm.choose(mm.chosen);
  dialog.oncancel = null;
  dialog.replaceChildren(mm.h("div", { class: "sheet truth" },
    mm.h("header", {}, mm.h("h2", { id: "labelling-title", tabindex: -1 }, "What they really detect"), mm.h("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close")),
    mm.h("p", { class: "lead" }, mm.truthSaid(rows, mm.word(exhibit))),
    mm.h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Your labels beside the truth" }, mm.h("table", { class: "pairs" },
      mm.h("thead", {}, mm.h("tr", {}, [mm.Word(exhibit), "Top images", "You said", "Best at", "Fits judged right"].map((name) => mm.h("th", { scope: "col" }, name)))),
      mm.h("tbody", {}, rows.map((one, i) => mm.h("tr", {}, mm.h("th", { scope: "row" }, one.unit.unit), mm.h("td", { class: "few" }, mm.strip(exhibit, places[i], 4)),
        mm.h("td", {}, one.said.concept || "nothing", one.meant !== null && exhibit.concepts[one.meant] !== one.said.concept ? mm.h("span", { class: "soft" }, ` (${exhibit.concepts[one.meant]})`) : ""),
        mm.h("td", {}, one.same ? "✓ " : "× ", mm.h("b", {}, mm.conceptOf(one.unit)), ` ${mm.share(one.unit.alignment)}`),
        mm.h("td", {}, one.right === null ? "– (names no concept)" : `${one.right} of ${one.n}`)))))),
    mm.h("p", { class: "note" }, `Best at: the concept with the highest alignment, and that alignment; ${mm.share(mm.data.threshold)} makes a detector. Fits judged right: on how many images your "fits" or "does not fit" is true of the concept that you named. "Seven", "a 7" and "7s" all mean 7.`)));
  dialog.querySelector("h2").focus();
};

mm.showTruth = function (exhibit) {
  const dialog = document.getElementById("labelling");
  mm.drawTruth(dialog, exhibit);
  dialog.showModal();
  dialog.querySelector("h2").focus();
};

// takes labels from the text of an export; gives a sentence on what came of it
mm.importLabels = function (text) {
  const bad = "That file is no export of such a page; nothing was read. Choose the annotations.json that Export as JSON gave.";
  const whole = (n) => Number.isInteger(n), texts = (one) => ["exhibit", "layer", "fingerprint", "concept", "category"].every((name) => typeof one[name] === "string");
  let units;
  try {
    const content = JSON.parse(text);
    units = content.kind === "mixmnist annotations" ? content.units : null;
    const sound = (one) => texts(one) && whole(one.unit) && whole(one.shown) && one.shown >= 1 && one.misfits.every((i) => whole(i) && i >= 0 && i < one.shown);
    if (!Array.isArray(units) || !units.every(sound)) return bad;
  } catch { return bad; }
  const shown = new Map(mm.exhibits.flatMap((exhibit) => exhibit.units.map((unit, row) => [mm.labelKey(exhibit, unit.unit), exhibit.top_shows[row].length])));
  const ours = units.filter((one) => one.shown <= (shown.get(`${one.fingerprint} ${one.unit}`) ?? 0)), left = units.length - ours.length;
  for (const { exhibit, layer, fingerprint, unit, concept, category, misfits, shown: n } of ours) {
    mm.labels.set(`${fingerprint} ${unit}`, { exhibit, layer, fingerprint, unit, concept: concept.slice(0, 80), category, misfits, shown: n });
  }
  mm.keepLabels();
  const labels = (n) => (n === 1 ? "1 label" : `${n} labels`);
  return `Read in: ${labels(ours.length)}.${left ? ` Left out, as of units that are not on this page or were scored anew: ${labels(left)}.` : ""}`;
};
