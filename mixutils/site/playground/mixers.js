// The mixers of the playground: what mixutils does, on one pair of sentences. tests/test_playground.py holds both against each
// other. Nothing here draws random numbers or touches the page: draws are arguments, uniform in [0, 1).
"use strict";

const mixers = (() => {
  const TINY = 1e-30;
  const EPS = 1e-3; // M is kept in [EPS, 1 - EPS]

  // ---------------------------------------------------------------- tokens: SSMix and its ablations (SPEC chapter 4)

  /** l = max(min([ratio·nA], nB), 1), never more than nA (SPEC SA3, SA5). */
  function spanLength(nA, nB, ratio, rounding = "floor", short = "shorten") {
    const exact = ratio * nA;
    const wanted = rounding === "floor" ? Math.floor(exact + 1e-9) : roundEven(exact);
    if (short === "skip" && nB < wanted) return 0;
    return Math.min(Math.max(Math.min(wanted, nB), 1), nA);
  }

  function roundEven(x) {
    const low = Math.floor(x);
    if (x - low !== 0.5) return Math.round(x);
    return low % 2 ? low + 1 : low;
  }

  /** First token of the span with the largest or smallest summed saliency; the first one on ties. */
  function bestSpan(saliency, length, largest) {
    const total = [0];
    for (const s of saliency) total.push(total.at(-1) + s);
    let best = 0;
    for (let u = 1; u + length <= saliency.length; u++) {
      const gain = total[u + length] - total[u] - (total[best + length] - total[best]);
      if (largest ? gain > 0 : gain < 0) best = u;
    }
    return best;
  }

  /** The places that hold the `length` smallest draws, in order. */
  function smallest(draws, length) {
    const order = draws.map((_, i) => i).sort((i, j) => draws[i] - draws[j] || i - j);
    return order.slice(0, length).sort((i, j) => i - j);
  }

  /**
   * One mixture of texts without special tokens.
   * a, b: {words, saliency}. select: "saliency", "random", "tokens" or "unk".
   * draws: at least as many as words in a, two for "random".
   * Returns the words with "A", "B" or "unk" as their origin, and B's share of the label.
   */
  function ssmix(a, b, {select, ratio, rounding, short}, draws) {
    const nA = a.words.length, nB = b.words.length;
    const length = spanLength(nA, select === "unk" ? nA : nB, ratio, rounding, short);
    const words = a.words.map((text) => ({text, origin: "A"}));
    const put = (i, j) => (words[i] = {text: b.words[j], origin: "B"});
    let spans = null;
    if (select === "saliency" || select === "random") {
      const place = (n, draw) => Math.min(Math.floor(draw * (n - length + 1)), n - length);
      const u = select === "random" ? place(nA, draws[0]) : bestSpan(a.saliency, length, false);
      const v = select === "random" ? place(nB, draws[1]) : bestSpan(b.saliency, length, true);
      for (let i = 0; i < length; i++) put(u + i, v + i);
      spans = {u, v, length};
    } else if (select === "unk") {
      for (const i of smallest(draws.slice(0, nA), length)) words[i] = {text: "[UNK]", origin: "unk"};
    } else {
      for (const i of smallest(draws.slice(0, Math.min(nA, nB)), length)) put(i, i);
    }
    return {words, spans, wB: select === "unk" ? 0 : length / nA};
  }

  // ---------------------------------------------------------------- units: DropMix (SPEC chapter 6)

  /**
   * Which units of A come from B: Uint8Array of positions × channels, 1 where B's.
   * gradient: of A, its magnitudes count, nA × channels. nB: positions of B, special tokens included, as in nA.
   * draws: one per window, only for mask "random".
   */
  function dropmix(gradient, nA, nB, channels, o, draws) {
    const reach = {union: Math.max(nA, nB), a: nA, min: Math.min(nA, nB)}[o.length];
    const lasts = o.protect ? new Set([0, nA - 1, nB - 1]) : new Set();
    const units = [];
    for (let p = 0; p < reach; p++) if (!lasts.has(p)) units.push(p);
    const height = units.length, total = height * channels;
    const n = {unit: 1, channel: height}[o.patch] ?? Math.min(o.n, height);
    const w = {unit: 1, channel: 1, word: channels}[o.patch] ?? Math.min(o.width, channels);
    const budget = Math.floor(o.ratio * total + 1e-9);
    const size = (p, c) => (units[p] < nA ? gradient[units[p] * channels + c] ** 2 : 0);
    const random = o.mask === "random";
    const order = rank(scores(random ? (p, c) => draws[p * channels + c] : size, height, channels, n, w, random));
    const chosen = greedy(order, height, channels, n, w, budget, o.rule);
    const taken = new Uint8Array(Math.max(nA, nB) * channels);
    let count = 0;
    for (let p = 0; p < height; p++) {
      for (let c = 0; c < channels; c++) {
        const here = o.mask === "keep_salient" ? 1 - chosen[p * channels + c] : chosen[p * channels + c];
        taken[units[p] * channels + c] = here;
        count += here;
      }
    }
    const given = o.mask === "keep_salient" ? 1 - o.ratio : o.ratio;
    return {taken, count, total, wB: o.label === "lambda" ? given : count / total};
  }

  /** Scores of all n × w windows in row-major order: sums over the window, or with `alone` its first unit's value. */
  function scores(value, height, channels, n, w, alone) {
    const rows = height - n + 1, columns = channels - w + 1, out = new Float64Array(rows * columns);
    for (let p = 0; p < rows; p++) {
      for (let c = 0; c < columns; c++) {
        let sum = alone ? value(p, c) : 0;
        if (!alone && c && w > 1) {
          sum = out[p * columns + c - 1]; // the window one channel to the left, less what it leaves, and what comes
          for (let i = 0; i < n; i++) sum += value(p + i, c + w - 1) - value(p + i, c - 1);
        } else if (!alone) {
          for (let i = 0; i < n; i++) for (let j = 0; j < w; j++) sum += value(p + i, c + j);
        }
        out[p * columns + c] = sum;
      }
    }
    return out;
  }

  /** Places in falling order of their scores, first places first on ties. */
  function rank(values) {
    return Array.from(values.keys()).sort((i, j) => values[j] - values[i] || i - j);
  }

  /** The union of the best windows within a budget of units (SPEC RA3). */
  function greedy(order, height, channels, n, w, budget, rule) {
    const chosen = new Uint8Array(height * channels), columns = channels - w + 1;
    let left = budget;
    for (const place of order) {
      const p = Math.floor(place / columns), c = place % columns, news = [];
      for (let i = p; i < p + n; i++) {
        for (let j = c; j < c + w; j++) if (!chosen[i * channels + j]) news.push(i * channels + j);
      }
      if (left <= 0) break;
      if (news.length > left && rule === "stop") break;
      if (news.length > left && rule === "skip") continue;
      for (const unit of news) chosen[unit] = 1;
      left -= news.length;
    }
    return chosen;
  }

  // ---------------------------------------------------------------- hidden states: EMix (SPEC 2(a))

  /** EMix's shares of A and B in a unit; they need not add up to 1. */
  function emix(wB, spreadA, spreadB) {
    const p = ((1 - wB) * spreadB) / ((1 - wB) * spreadB + wB * spreadA);
    const length = Math.hypot(p, 1 - p);
    return {a: p / length, b: (1 - p) / length};
  }

  // ---------------------------------------------------------------- partners: DMIX and DNM (SPEC chapters 2, 3 and 5)

  const square = (v) => v.reduce((sum, x) => sum + x * x, 0);
  const gap = (a, b) => a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0);

  /** Distances of vector i to all, 0 to itself (SPEC DA1, DA2). */
  function distances(kind, vectors, i) {
    const points = kind === "cosine" ? vectors.map(unit) : vectors;
    const norms = points.map(square);
    return points.map((point, j) => (j === i ? 0 : distance(kind, gap(points[i], point), norms[i], norms[j])));
  }

  function unit(v) {
    const length = Math.max(Math.sqrt(square(v)), TINY);
    return v.map((x) => x / length);
  }

  function distance(kind, g, a, b) {
    if (kind === "euclidean") return Math.sqrt(g);
    if (kind === "cosine") return g / 2;
    const below = kind === "spherical" ? (1 + a) * (1 + b) - g : (1 - a) * (1 - b) + g;
    return 2 * Math.atan(Math.sqrt(g / Math.max(below, TINY)));
  }

  /** Row i of M before training (SPEC DA5, DA8), from the distances of rows: of all for "global_max", else of i alone. */
  function matrixRow(rows, i, norm) {
    const others = (k) => rows[k].filter((_, j) => j !== k);
    const low = norm === "row_minmax" ? Math.min(...others(i)) : 0;
    const top = norm === "global_max" ? Math.max(...rows.map((_, k) => Math.max(...others(k)))) : Math.max(...others(i));
    const scale = Math.max(top - low, TINY);
    return rows[i].map((d) => Math.min(Math.max((d - low) / scale, EPS), 1 - EPS));
  }

  /** S_i by value: the others with M_ij ≥ T · row maximum. */
  function above(row, i, T) {
    const limit = Math.max(...row.filter((_, j) => j !== i)) * T * (1 - 1e-6);
    return row.map((m, j) => j !== i && m >= limit);
  }

  /** S_i by rank: the top τ percent of the others, farthest first (SPEC SD1). */
  function farthest(row, i, tau) {
    const others = row.length - 1;
    const rank = Math.min(others, Math.max(1, Math.ceil((tau / 100) * others - 1e-9)));
    const order = row.map((_, j) => j).filter((j) => j !== i).sort((j, k) => row[k] - row[j]);
    const inside = new Set(order.slice(0, rank));
    return row.map((_, j) => inside.has(j));
  }

  /** The member of a set that a draw falls on, uniformly. */
  function pick(members, draw) {
    const inside = members.map((m, j) => (m ? j : -1)).filter((j) => j >= 0);
    return inside[Math.floor(draw * inside.length)];
  }

  /** DNM's partners: K farthest (farthest first), then K nearest (nearest first), by (distance, index) (SPEC NA6, NA7). */
  function nearAndFar(row, i, K, which) {
    const order = row.map((_, j) => j).filter((j) => j !== i).sort((j, k) => row[j] - row[k] || j - k);
    const k = Math.max(1, Math.min(K, Math.floor(order.length / 2)));
    const far = order.slice(-k).reverse(), near = order.slice(0, k);
    return {both: [...far, ...near], largest: far, smallest: near}[which];
  }

  /** DNM's label policy: B's share Φ̂_j in every dimension, from (v̂1∘h_i)W and (v̂2∘h_j)W. */
  const labelShares = (own, other) => own.map((x, d) => 1 / (1 + Math.exp(x - other[d])));

  return {ssmix, dropmix, emix, distances, matrixRow, above, farthest, pick, nearAndFar, labelShares};
})();
