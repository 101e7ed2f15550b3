// The head's exact algebra: logits = head (means) + bias, with units silenced to zero or to their mean. Of atoms the rest is
// another one for each image: what the dictionary does not explain, with the bias.
"use strict";

// logits [images, classes] with the units marked in `gone` silenced
mm.logits = function (bench, gone, toMean) {
  const { n, units, classes, means, weight, bias, rest, left } = bench;
  const logits = new Float64Array(n * classes);
  const active = new Float64Array(units);
  for (let image = 0; image < n; image++) {
    for (let u = 0; u < units; u++) active[u] = gone[u] ? (toMean ? rest[u] : 0) : means[image * units + u];
    for (let c = 0; c < classes; c++) {
      let sum = left ? left[image * classes + c] : bias[c];
      for (let u = 0; u < units; u++) sum += weight[c * units + u] * active[u];
      logits[image * classes + c] = sum;
    }
  }
  return logits;
};

// how right each decision is, and the class that it is about; the mean over decisions is the accuracy
mm.decisions = function (bench, logits) {
  return Array.isArray(bench.labels[0]) ? mm.yesOrNo(bench, logits) : mm.oneOfMany(bench, logits);
};

// 1 where the right class has the largest logit, 1/t where it ties with t - 1 others
mm.oneOfMany = function ({ n, classes, labels }, logits) {
  const right = new Float64Array(n), predicted = new Int32Array(n);
  for (let image = 0; image < n; image++) {
    let best = 0, tied = 1;
    for (let c = 1; c < classes; c++) {
      const value = logits[image * classes + c], highest = logits[image * classes + best];
      if (value > highest) { best = c; tied = 1; } else if (value === highest) tied++;
    }
    predicted[image] = best;
    if (logits[image * classes + labels[image]] === logits[image * classes + best]) right[image] = 1 / tied;
  }
  return { right, about: labels, predicted: (image) => [predicted[image]] };
};

// a yes (logit above 0) or no for each class, weighted so that the mean of a class is its balanced accuracy
mm.yesOrNo = function ({ n, classes, labels }, logits) {
  const right = new Float64Array(n * classes), about = new Int32Array(n * classes);
  for (let c = 0; c < classes; c++) {
    let yes = 0;
    for (let image = 0; image < n; image++) yes += labels[image][c];
    for (let image = 0; image < n; image++) {
      const place = image * classes + c, share = (labels[image][c] ? yes : n - yes) / n;
      about[place] = c;
      right[place] = (logits[place] > 0) === (labels[image][c] > 0) ? (share < 1 ? 0.5 / share : 1) : 0;
    }
  }
  const predicted = (image) => Array.from({ length: classes }, (_, c) => c).filter((c) => logits[image * classes + c] > 0);
  return { right, about, predicted };
};

mm.accuracy = ({ right }) => right.reduce((sum, one) => sum + one, 0) / right.length;

// accuracy of each class; NaN for a class without images
mm.byClass = function ({ right, about }, classes) {
  const sum = new Float64Array(classes), count = new Float64Array(classes);
  for (let i = 0; i < right.length; i++) { sum[about[i]] += right[i]; count[about[i]]++; }
  return sum.map((value, c) => value / count[c]);
};

// accuracy after the first 0, 1, ... units of an order are silenced: all are gone at first and come back one by one
mm.alongOrder = function (bench, order, toMean) {
  const { n, units, classes, means, weight, rest } = bench;
  const logits = mm.logits(bench, new Uint8Array(units).fill(1), toMean);
  const found = [mm.accuracy(mm.decisions(bench, logits))];
  for (const u of [...order].reverse()) {
    const value = toMean ? rest[u] : 0;
    for (let image = 0; image < n; image++) {
      const share = means[image * units + u] - value;
      for (let c = 0; c < classes; c++) logits[image * classes + c] += weight[c * units + u] * share;
    }
    found.push(mm.accuracy(mm.decisions(bench, logits)));
  }
  return found.reverse();
};
