// What a method does to a pair of sentences of the playground: everything that the page shows, as numbers.
"use strict";

const playground = (() => {
  const CHANNELS = 384;
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const floats = (text) => Array.from(new Float32Array(bytes(text)));

  /** The task's sentences, unpacked once. */
  const tasks = SENTENCES.tasks.map((task) => ({
    ...task,
    policy: floats(task.policy),
    sentences: task.sentences.map((s) => ({
      ...s,
      gradient: new Int8Array(bytes(s.gradient)),
      ...Object.fromEntries(["embedding", "vector", "own", "other"].map((name) => [name, floats(s[name])])),
      words: s.tokens.slice(1, -1),
      inner: s.saliency.slice(1, -1),
    })),
  }));

  /** Draws in [0, 1) by name, the same for the same seed (mulberry32). */
  function seeded(seed) {
    return (name, count) => {
      let state = seed >>> 0;
      for (const letter of name) state = Math.imul(state ^ letter.charCodeAt(0), 0x9e3779b1) >>> 0;
      return Array.from({length: count}, () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let x = Math.imul(state ^ (state >>> 15), state | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
      });
    };
  }

  /** Distances of sentence i to all of its task, remembered. */
  const known = new Map();
  function distancesOf(t, of, kind, i) {
    const key = `${t} ${of} ${kind} ${i}`;
    if (!known.has(key)) known.set(key, mixers.distances(kind, tasks[t].sentences.map((s) => s[of]), i));
    return known.get(key);
  }

  /** Who may be the partner of sentence a: distance, M_ij and whether the method would take it, for all others. */
  function neighbours(s) {
    const {family, options} = METHODS[s.method], everyone = tasks[s.task].sentences.map((_, j) => j);
    if (family === "DMix") {
      const of = (j) => distancesOf(s.task, "embedding", s.distance, j), row = of(s.a);
      const rows = everyone.map((j) => (j === s.a || s.norm === "global_max" ? of(j) : null)); // other norms see one row
      const m = mixers.matrixRow(rows, s.a, s.norm);
      const sets = {
        value: () => mixers.above(m, s.a, s.T),
        top_percent: () => mixers.farthest(row, s.a, s.tau),
        random: () => everyone.map((j) => j !== s.a),
      };
      const inside = sets[options.select ?? "value"]();
      return everyone.map((j) => ({j, distance: row[j], m: options.ratio === "beta" ? null : m[j], inside: inside[j]}));
    }
    if (family === "DNM" && options.select !== "random") {
      const row = distancesOf(s.task, "vector", "cosine", s.a);
      const chosen = mixers.nearAndFar(row, s.a, s.K, options.select ?? "both");
      return everyone.map((j) => ({j, distance: row[j], m: null, inside: chosen.includes(j)}));
    }
    return everyone.map((j) => ({j, distance: null, m: null, inside: j !== s.a}));
  }

  /** A map of one share for all units of `rows` positions. */
  const constant = (rows, share) => ({rows, columns: CHANNELS, at: () => share});

  const families = {
    HiddenMix(s, a) {
      const level = METHODS[s.method].options.levels[0];
      const rows = level === "sentence" ? 1 : a.tokens.length;
      return {share: constant(rows, s.ratio), wB: s.ratio};
    },
    EMix(s, a, b) {
      const of = mixers.emix(s.ratio, a.spread[s.level], b.spread[s.level]);
      return {share: constant(a.tokens.length, of.b), ownShare: of.a, wB: s.ratio};
    },
    SSMix(s, a, b, draws) {
      const text = (x) => ({words: x.words, saliency: x.inner});
      const o = {select: METHODS[s.method].options.select ?? "saliency", ratio: s.ratio, rounding: s.rounding, short: s.short};
      const mixed = mixers.ssmix(text(a), text(b), o, draws("words", Math.max(2, a.words.length)));
      const origins = ["A", ...mixed.words.map((w) => w.origin), "A"];
      return {...mixed, origins, share: {rows: origins.length, columns: CHANNELS, at: (p) => +(origins[p] === "B")}};
    },
    DropMix(s, a, b, draws) {
      const {patch = "general", mask = "drop_salient"} = METHODS[s.method].options;
      const o = {patch, mask, n: s.n, width: 1, ratio: s.ratio, rule: s.rule, length: s.length, label: s.label, protect: s.protect};
      const longest = Math.max(a.tokens.length, b.tokens.length);
      const noise = mask === "random" ? draws("units", longest * CHANNELS) : null;
      const found = mixers.dropmix(a.gradient, a.tokens.length, b.tokens.length, CHANNELS, o, noise);
      return {...found, share: {rows: longest, columns: CHANNELS, at: (p, c) => found.taken[p * CHANNELS + c]}};
    },
    DMix(s, a, b, draws, chosen) {
      const share = chosen.m ?? s.ratio;
      return {share: constant(a.tokens.length, share), wB: share};
    },
    DNM(s, a, b) {
      if (METHODS[s.method].options.mix === "scalar") return {share: constant(1, s.ratio), wB: s.ratio};
      const labels = mixers.labelShares(a.own, b.other);
      const mean = labels.reduce((sum, x) => sum + x, 0) / labels.length;
      const policy = tasks[s.task].policy;
      return {share: {rows: 1, columns: CHANNELS, at: (_, c) => policy[c]}, labels, wB: mean};
    },
    NonlinearMix(s, a, b, draws) {
      const rows = Math.max(a.tokens.length, b.tokens.length), lambda = draws("units", rows * CHANNELS);
      return {share: {rows, columns: CHANNELS, at: (p, c) => 1 - lambda[p * CHANNELS + c]}, wB: null};
    },
  };

  /**
   * s: task, a, b (-1: the method chooses), method, and the options that the page has controls for.
   * Returns b, around (see neighbours), share {rows, columns, at(row, column)} of B, wB and what the family adds; wB is null where
   * it takes the encoder to know it.
   */
  function answer(s, draws) {
    const {sentences} = tasks[s.task], around = neighbours(s);
    const b = s.b >= 0 ? s.b : mixers.pick(around.map((x) => x.inside), draws("partner", 1)[0]);
    const found = families[METHODS[s.method].family](s, sentences[s.a], sentences[b], draws, around[b]);
    return {b, around, ...found};
  }

  return {tasks, seeded, answer};
})();
