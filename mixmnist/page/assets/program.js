// Runs a network that was written down as plain operations (exporting.py): values are arrays of numbers in their natural order.
"use strict";

// two bytes a number, as half precision has them
mm.halves = (bytes) => Float32Array.from(new Uint16Array(bytes.buffer), (bits) => {
  const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, rest = bits & 1023;
  return sign * (power ? 2 ** (power - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
});
mm.decoded = ({ size, numbers }) => {
  const bytes = mm.bytes(numbers);
  return size === 1 ? Float32Array.from(bytes) : size === 2 ? mm.halves(bytes) : new Float32Array(bytes.buffer);
};
mm.product = (sizes) => sizes.reduce((all, one) => all * one, 1);

// a program with its constants decoded and room for everything that it works out
mm.program = function (packed) {
  const values = packed.shapes.map(() => null);
  for (const constant of packed.constants) values[constant.value] = mm.decoded(constant);
  for (const { kind, makes } of packed.ops) if (kind !== "same") values[makes] = new Float32Array(mm.product(packed.shapes[makes]));
  return { ...packed, values };
};

mm.run = function (program, ops = program.ops) {
  for (const op of ops) {
    if (op.kind === "same") program.values[op.makes] = program.values[op.takes[0]];
    else mm.KINDS[op.kind](op, program.values[op.makes], op.takes.map((one) => program.values[one]), op.takes.map((one) => program.shapes[one]), program.shapes[op.makes]);
  }
};

// the operations that a value reaches, and all others: what must be worked out anew where it changes, and what stays
mm.split = function (program, value) {
  const reached = new Set([value]), after = [], before = [];
  for (const op of program.ops) {
    const here = op.makes !== value && op.takes.some((one) => reached.has(one));
    if (here) reached.add(op.makes);
    (here ? after : before).push(op);
  }
  return { before, after };
};

mm.outputs = (program) => program.outputs.map((one) => program.values[one]);

// calls `row` for each row of a shape, with where it begins in arrays of other strides
mm.rows = function (shape, strides, starts, row) {
  const wide = shape.length ? shape[shape.length - 1] : 1, n = mm.product(shape) / (wide || 1), at = new Array(shape.length).fill(0), places = [...starts];
  for (let i = 0; i < n; i++) {
    row(i * wide, wide, places);
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      at[axis]++;
      for (let k = 0; k < places.length; k++) places[k] += strides[k][axis];
      if (at[axis] < shape[axis]) break;
      for (let k = 0; k < places.length; k++) places[k] -= strides[k][axis] * shape[axis];
      at[axis] = 0;
    }
  }
};
mm.step = (strides) => strides[strides.length - 1] ?? 0;

mm.erf = function (x) { // to 1e-15: its series, or the continued fraction of what is left
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a, sum = a;
    for (let n = 1; n < 60; n++) { term *= (-a * a) / n; sum += term / (2 * n + 1); }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let rest = 0;
  for (let n = 60; n > 0; n--) rest = (n / 2) / (a + rest);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + rest)));
};
mm.sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

mm.UNARY = {
  relu: () => (x) => (x > 0 ? x : 0), leaky_relu: (slope) => (x) => (x > 0 ? x : slope * x), sigmoid: () => mm.sigmoid, tanh: () => Math.tanh,
  softplus: (beta, most) => (x) => (beta * x > most ? x : Math.log1p(Math.exp(beta * x)) / beta), exp: () => Math.exp, log1p: () => Math.log1p, expm1: () => Math.expm1, log: () => Math.log,
  neg: () => (x) => -x, abs: () => Math.abs, sqrt: () => Math.sqrt, rsqrt: () => (x) => 1 / Math.sqrt(x), reciprocal: () => (x) => 1 / x, square: () => (x) => x * x,
  elu: (alpha, scale, inner) => (x) => scale * (x > 0 ? x : alpha * Math.expm1(inner * x)), silu: () => (x) => x * mm.sigmoid(x), sin: () => Math.sin, cos: () => Math.cos,
  gelu: () => (x) => 0.5 * x * (1 + mm.erf(x / Math.SQRT2)), clamp: (low, high) => (x) => Math.min(high, Math.max(low, x)), hardtanh: (low, high) => (x) => Math.min(high, Math.max(low, x)),
  clamp_min: (low) => (x) => Math.max(low, x), clamp_max: (high) => (x) => Math.min(high, x),
};
mm.BINARY = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b, max: Math.max, min: Math.min, pow: (a, b) => a ** b,
  gt: (a, b) => Number(a > b), ge: (a, b) => Number(a >= b), lt: (a, b) => Number(a < b), le: (a, b) => Number(a <= b), eq: (a, b) => Number(a === b), ne: (a, b) => Number(a !== b),
};
mm.REDUCE = {
  sum: (row) => row.reduce((all, one) => all + one, 0), mean: (row) => row.reduce((all, one) => all + one, 0) / row.length,
  max: (row) => row.reduce((all, one) => Math.max(all, one), -Infinity), min: (row) => row.reduce((all, one) => Math.min(all, one), Infinity),
};

mm.KINDS = {
  unary({ name, settings }, y, [x]) {
    const f = mm.UNARY[name](...settings);
    for (let i = 0; i < y.length; i++) y[i] = f(x[i]);
  },
  binary({ name, axes, strides }, y, [a, b]) {
    const f = mm.BINARY[name], [p, q] = strides.map(mm.step);
    mm.rows(axes, strides, [0, 0], (start, n, [i, j]) => { for (let k = 0; k < n; k++) y[start + k] = f(a[i + p * k], b[j + q * k]); });
  },
  choose({ axes, strides }, y, [which, a, b]) {
    const [o, p, q] = strides.map(mm.step);
    mm.rows(axes, strides, [0, 0, 0], (start, n, [h, i, j]) => { for (let k = 0; k < n; k++) y[start + k] = which[h + o * k] ? a[i + p * k] : b[j + q * k]; });
  },
  take({ axes, strides, offset }, y, [x]) {
    const p = mm.step(strides[0]);
    mm.rows(axes, strides, [offset], (start, n, [i]) => { for (let k = 0; k < n; k++) y[start + k] = x[i + p * k]; });
  },
  put({ axes, strides, offset, fill }, y, [x]) {
    y.fill(fill);
    const p = mm.step(strides[0]);
    mm.rows(axes, strides, [offset], (start, n, [i]) => { for (let k = 0; k < n; k++) y[i + p * k] = x[start + k]; });
  },
  join({ inner }, y, parts) {
    const all = inner.reduce((sum, one) => sum + one, 0);
    let from = 0;
    parts.forEach((part, place) => {
      const n = inner[place];
      for (let i = 0; i * n < part.length; i++) y.set(part.subarray(i * n, (i + 1) * n), i * all + from);
      from += n;
    });
  },
  reduce({ name, over }, y, [x]) {
    for (let i = 0; i < y.length; i++) y[i] = mm.REDUCE[name](x.subarray(i * over, (i + 1) * over));
  },
  softmax({ over, log }, y, [x]) {
    for (let start = 0; start < x.length; start += over) {
      let most = -Infinity, sum = 0;
      for (let i = start; i < start + over; i++) most = Math.max(most, x[i]);
      for (let i = start; i < start + over; i++) sum += Math.exp(x[i] - most);
      for (let i = start; i < start + over; i++) y[i] = log ? x[i] - most - Math.log(sum) : Math.exp(x[i] - most) / sum;
    }
  },
  maxpool({ size: [down, across], stride: [dy, dx], padding: [top, left] }, y, [x], [[, , high, wide]], [, units, rows, cols]) {
    for (let u = 0, at = 0; u < units; u++) for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++, at++) {
      let most = -Infinity;
      const [y0, x0] = [i * dy - top, j * dx - left];
      for (let r = Math.max(0, y0); r < Math.min(high, y0 + down); r++) for (let c = Math.max(0, x0); c < Math.min(wide, x0 + across); c++) most = Math.max(most, x[(u * high + r) * wide + c]);
      y[at] = most;
    }
  },
  spread(_, y, [x, rows, cols], [shape], made) { // rows x cols^T, for each map
    const [high, wide] = shape.slice(-2), [tall, broad] = made.slice(-2), n = x.length / (high * wide), half = new Float64Array(tall * wide);
    for (let u = 0; u < n; u++) {
      half.fill(0);
      for (let i = 0; i < tall; i++) for (let r = 0; r < high; r++) {
        const weight = rows[i * high + r];
        if (weight) for (let c = 0; c < wide; c++) half[i * wide + c] += weight * x[(u * high + r) * wide + c];
      }
      for (let i = 0; i < tall; i++) for (let j = 0; j < broad; j++) {
        let sum = 0;
        for (let c = 0; c < wide; c++) sum += half[i * wide + c] * cols[j * wide + c];
        y[(u * tall + i) * broad + j] = sum;
      }
    }
  },
};
