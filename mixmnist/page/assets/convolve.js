// Convolutions take nearly all the time. Each is a product of matrices: four rows of weights and two columns of windows at once, both
// laid side by side, so that sums stay in registers and numbers are read in their order. Sums are of double precision.
"use strict";

// rows [m, k] as blocks of four, one number of each after the other; rows that there are not are zero
mm.packed = function (m, k, at) {
  const found = new Float64Array(4 * Math.ceil(m / 4) * k);
  for (let i = 0; i < m; i++) for (let t = 0; t < k; t++) found[(i - (i % 4)) * k + 4 * t + (i % 4)] = at(i, t);
  return found;
};

// y [m, n] = packed rows times columns, each of which `fill(column, panel, side)` writes into every second place
mm.multiply = function (m, k, n, packed, fill, y) {
  const panel = new Float64Array(2 * k), sums = new Float64Array(8);
  for (let j = 0; j < n; j += 2) {
    const two = j + 1 < n;
    fill(j, panel, 0);
    if (two) fill(j + 1, panel, 1);
    for (let i = 0; i < m; i += 4) {
      mm.tile(k, packed, i * k, panel, sums);
      for (let r = 0; r < 4 && i + r < m; r++) {
        y[(i + r) * n + j] = sums[2 * r];
        if (two) y[(i + r) * n + j + 1] = sums[2 * r + 1];
      }
    }
  }
};

mm.tile = function (k, a, from, b, sums) {
  let s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0;
  for (let t = 0, p = from, q = 0; t < k; t++, p += 4, q += 2) {
    const b0 = b[q], b1 = b[q + 1], a0 = a[p], a1 = a[p + 1], a2 = a[p + 2], a3 = a[p + 3];
    s00 += a0 * b0; s01 += a0 * b1; s10 += a1 * b0; s11 += a1 * b1; s20 += a2 * b0; s21 += a2 * b1; s30 += a3 * b0; s31 += a3 * b1;
  }
  sums[0] = s00; sums[1] = s01; sums[2] = s10; sums[3] = s11; sums[4] = s20; sums[5] = s21; sums[6] = s30; sums[7] = s31;
};

mm.biased = function (y, bias, size) {
  if (bias) for (let o = 0; o < bias.length; o++) for (let i = o * size; i < (o + 1) * size; i++) y[i] += bias[o];
};

mm.KINDS.matmul = function ({ sizes: [batch, m, k, n] }, y, [a, b]) {
  for (let i = 0; i < batch; i++) {
    const [p, q, o] = [i * m * k, i * k * n, i * m * n];
    if (m >= 4) mm.multiply(m, k, n, mm.packed(m, k, (r, t) => a[p + r * k + t]), (j, panel, side) => { for (let t = 0; t < k; t++) panel[2 * t + side] = b[q + t * n + j]; }, y.subarray(o, o + m * n));
    else for (let r = 0; r < m; r++) {
      const row = new Float64Array(n);
      for (let t = 0; t < k; t++) for (let j = 0, weight = a[p + r * k + t], at = q + t * n; j < n; j++) row[j] += weight * b[at + j];
      y.set(row, o + r * n);
    }
  }
};

// what a convolution needs each time: its weights packed, zeros around the maps, and where in them a window's numbers lie
mm.prepared = function (op, weight, [, , high, wide], [, units, kh, kw], [, out, rows, cols]) {
  const { stride: [dy, dx], padding: [top, left], dilation: [ey, ex], groups } = op, k = units * kh * kw, each = out / groups;
  const tall = Math.max(high + 2 * top, (rows - 1) * dy + (kh - 1) * ey + 1), broad = Math.max(wide + 2 * left, (cols - 1) * dx + (kw - 1) * ex + 1);
  const offsets = new Int32Array(k);
  for (let u = 0, t = 0; u < units; u++) for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++) offsets[t++] = (u * tall + i * ey) * broad + j * ex;
  const packed = Array.from({ length: groups }, (_, g) => mm.packed(each, k, (i, t) => weight[(g * each + i) * k + t]));
  return { k, each, tall, broad, offsets, packed, framed: new Float64Array(units * groups * tall * broad) };
};

mm.KINDS.conv = function (op, y, [x, weight, bias], [from, shape], made) {
  const ready = (op.ready ??= mm.prepared(op, weight, from, shape, made)), { k, each, tall, broad, offsets, framed } = ready;
  const [, all, high, wide] = from, [, units] = shape, [, , rows, cols] = made, n = rows * cols, { stride: [dy, dx], padding: [top, left], groups } = op;
  for (let u = 0; u < all; u++) for (let r = 0; r < high; r++) framed.set(x.subarray((u * high + r) * wide, (u * high + r + 1) * wide), (u * tall + r + top) * broad + left);
  for (let g = 0; g < groups; g++) {
    const start = g * units * tall * broad;
    const fill = (column, panel, side) => {
      const base = start + Math.floor(column / cols) * dy * broad + (column % cols) * dx;
      for (let t = 0, q = side; t < k; t++, q += 2) panel[q] = framed[base + offsets[t]];
    };
    mm.multiply(each, k, n, ready.packed[g], fill, y.subarray(g * each * n, (g + 1) * each * n));
  }
  mm.biased(y, bias, n);
};

// the transpose: each place of the maps lays down the kernel, times what is there; most places of some maps are empty
mm.KINDS.deconv = function (op, y, [x, weight, bias], [[, units, high, wide], [, each, kh, kw]], [, , rows, cols]) {
  const { stride: [dy, dx], padding: [top, left], dilation: [ey, ex], groups } = op, n = high * wide, k = units / groups, m = each * kh * kw;
  op.ready ??= Array.from({ length: groups }, (_, g) => mm.packed(m, k, (i, t) => weight[(g * k + t) * m + i]));
  y.fill(0);
  for (let g = 0; g < groups; g++) {
    const full = [];
    for (let i = 0; i < n; i++) for (let t = 0; t < k; t++) if (x[(g * k + t) * n + i] !== 0) { full.push(i); break; }
    const laid = new Float64Array(m * full.length);
    mm.multiply(m, k, full.length, op.ready[g], (j, panel, side) => { for (let t = 0; t < k; t++) panel[2 * t + side] = x[(g * k + t) * n + full[j]]; }, laid);
    for (let o = 0, at = 0; o < each; o++) for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++) for (const place of full) {
      const row = Math.floor(place / wide) * dy + i * ey - top, col = (place % wide) * dx + j * ex - left;
      if (row >= 0 && row < rows && col >= 0 && col < cols) y[((g * each + o) * rows + row) * cols + col] += laid[at];
      at++;
    }
  }
  mm.biased(y, bias, rows * cols);
};
