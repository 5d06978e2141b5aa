// The playground's page: reads the controls, asks for the answer, shows it.
"use strict";

(() => {
  const root = document.getElementById("play");
  if (!root) return;
  const form = root.querySelector("form");
  const show = (name) => root.querySelector(`[data-show="${name}"]`);
  const named = (name) => form.elements.namedItem(name);

  /** Controls by name: what they say, and the values or [least, most, step] that they take. */
  const CONTROLS = {
    ratio: {range: [0, 1, 0.05], value: 0.3},
    T: {range: [0, 0.95, 0.05], value: 0.7, says: "threshold T"},
    tau: {range: [5, 100, 5], value: 10, says: "top τ percent"},
    K: {range: [1, 9, 1], value: 5, says: "K"},
    n: {range: [2, 12, 1], value: 2, says: "positions of a window n"},
    level: {of: [["0", "7 of 12"], ["1", "9 of 12"], ["2", "12 of 12"]], says: "layer"},
    rounding: {of: ["floor", "round"], says: "span length is rounded by"},
    short: {of: ["shorten", "skip"], says: "short partner"},
    distance: {of: ["hyp_atan", "spherical", "euclidean", "cosine"], says: "distance"},
    norm: {of: ["row_max", "global_max", "row_minmax"], says: "M is scaled by"},
    rule: {of: ["stop", "skip", "exceed"], says: "window beyond the budget"},
    length: {of: ["union", "a", "min"], says: "positions"},
    label: {of: ["realised", "lambda"], says: "label"},
    protect: {of: [["", "may be replaced"], ["1", "stay"]], says: "[CLS] and [SEP]"},
  };
  const RATIO = {
    SSMix: "prior ratio λ₀", DropMix: "λ, the budget", HiddenMix: "ratio, of B", EMix: "ratio, of B", DMix: "ratio, of B", DNM: "ratio, of B",
  };

  /** The controls that a method has, in order. */
  function controls(method) {
    const {family, options} = METHODS[method];
    if (family === "SSMix") return ["ratio", "rounding", ...(options.select === "unk" ? [] : ["short"])];
    if (family === "DropMix") {
      return ["ratio", ...(["unit", "channel"].includes(options.patch) ? [] : ["n"]), "length", "protect", "rule", "label"];
    }
    if (family === "DMix") {
      const set = {random: [], top_percent: ["tau"]}[options.select] ?? ["T"];
      return [...set, "distance", ...(options.select === "top_percent" ? [] : ["norm"]), ...(options.ratio === "beta" ? ["ratio"] : [])];
    }
    if (family === "DNM") return [...(options.select === "random" ? [] : ["K"]), ...(options.mix === "scalar" ? ["ratio"] : [])];
    return {HiddenMix: ["ratio"], EMix: ["ratio", "level"], NonlinearMix: []}[family];
  }

  function make(tag, attributes = {}, ...children) {
    const out = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) out.setAttribute(name, value);
    }
    out.append(...children);
    return out;
  }

  const option = ([value, text]) => make("option", {value}, text);
  const fill = (select, pairs) => select.replaceChildren(...pairs.map(option));

  function control(name, family, kept) {
    const {range, of, says, value} = CONTROLS[name], id = `play-${name}`;
    const label = make("label", {for: id}, says ?? RATIO[family]);
    if (range) {
      const [min, max, step] = range, now = kept ?? value;
      const slider = make("input", {type: "range", id, name, min, max, step, value: now});
      return make("p", {}, label, slider, make("output", {for: id}, now));
    }
    const select = make("select", {id, name});
    fill(select, of.map((x) => (Array.isArray(x) ? x : [x, x])));
    const entry = METHODS[named("method").value];
    select.value = kept ?? (name === "distance" ? entry.options.distance ?? "hyp_atan" : select.value);
    return make("p", {}, label, select);
  }

  // ---------------------------------------------------------------- state: the form, and the address of the page

  const shortened = (text) => (text.length > 64 ? `${text.slice(0, 62)} …` : text);

  function offerSentences(kept) {
    const {sentences, classes} = playground.tasks[named("task").value];
    const all = sentences.map((s, i) => [i, shortened(`${classes[s.label]}: ${s.text}`)]);
    fill(named("a"), all);
    fill(named("b"), [["-1", "the method chooses"], ...all]);
    named("a").value = kept.a ?? 0;
    named("b").value = kept.b ?? -1;
  }

  function offerControls(kept) {
    const method = named("method").value, {family} = METHODS[method];
    show("controls").replaceChildren(...controls(method).map((name) => control(name, family, kept[name])));
  }

  function state() {
    const defaults = Object.fromEntries(Object.entries(CONTROLS).map(([name, c]) => [name, c.value ?? [c.of[0]].flat()[0]]));
    const s = {...defaults, ...Object.fromEntries(new FormData(form))};
    s.distance = new FormData(form).get("distance") ?? METHODS[s.method].options.distance ?? "hyp_atan";
    for (const name of ["task", "a", "b", "seed", "level", "ratio", "T", "tau", "K", "n"]) s[name] = Number(s[name]);
    s.protect = s.protect === "1";
    return s;
  }

  // ---------------------------------------------------------------- output

  function token(text, origin, salience) {
    const out = make("span", {class: `token from-${origin}`}, text);
    if (salience !== undefined) {
      out.style.setProperty("--salience", salience.toFixed(3));
      out.title = `saliency ${salience.toFixed(2)} of the largest`;
    }
    return out;
  }

  const spaced = (tokens) => tokens.flatMap((x) => [x, " "]); // lines break between them, and they can be copied

  function sentence(place, s) {
    const top = Math.max(...s.inner);
    show(place).replaceChildren(...spaced(s.words.map((word, i) => token(word, place, s.inner[i] / top))));
  }

  function mixture(found) {
    const words = found.words?.map((w) => token(w.text, w.origin));
    show("mixture").replaceChildren(...(words ? spaced(words) : ["The tokens stay. What is mixed is inside the encoder; see the map."]));
  }

  function map(found, a, b) {
    const {rows, columns, at} = found.share, canvas = show("map"), tall = 14;
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
    let sum = 0;
    for (let p = 0; p < rows; p++) {
      for (let c = 0; c < columns; c++) {
        const share = at(p, c), lost = found.origins?.[p] === "unk";
        const colour = lost ? COLOURS.unk : COLOURS.B.map((x) => 255 - (255 - x) * share);
        image.data.set([...colour, 255], 4 * (p * columns + c));
        sum += share;
      }
    }
    context.putImageData(image, 0, 0);
    canvas.style.height = `${rows === 1 ? 3 * tall : tall * rows}px`;
    const names = rows === 1 ? ["sentence"] : Array.from({length: rows}, (_, p) => rowName(a.tokens[p], b.tokens[p], found, p));
    show("rows").replaceChildren(...names.map((name) => make("span", {style: `height: ${rows === 1 ? 3 * tall : tall}px`}, name)));
    const percent = ((100 * sum) / (rows * columns)).toFixed(0);
    canvas.setAttribute("aria-label", `Share of B in every unit of the mixture: ${percent} percent on average`);
    show("mean").textContent = `${percent} % of B on average`;
  }

  const rowName = (a, b, found, p) => (found.words && p > 0 && p <= found.words.length ? found.words[p - 1].text : a ?? `(${b ?? ""})`);

  function label(s, found, a, b) {
    const {classes} = playground.tasks[s.task], names = [classes[a.label], classes[b.label]];
    if (found.wB === null) {
      show("bar").replaceChildren();
      show("label").textContent = "φ = σ(sU) weighs the label embeddings, s being the mixture's sentence vector: it takes the encoder to know it.";
      return;
    }
    const shares = [[names[0], 1 - found.wB, "A"], [names[1], found.wB, "B"]];
    show("bar").replaceChildren(...shares.map(([, share, of]) => make("span", {class: `from-${of}`, style: `flex-grow: ${share}`})));
    const mean = found.labels ? "; the mean over the dimensions of the label embeddings" : "";
    const same = names[0] === names[1] ? `, which is ${names[0]}: both have this label` : "";
    show("label").textContent = shares.map(([name, share]) => `${share.toFixed(3)} ${name}`).join(" + ") + same + mean;
  }

  /** The four answers, with what they come to here. */
  function answers(s, found, a, b) {
    const entry = METHODS[s.method], x = found.around[found.b], taken = found.around.filter((y) => y.inside).length;
    const distances = x.distance === null ? "" : `, distance ${x.distance.toFixed(3)}`;
    const refused = x.inside ? "" : " The method would not take this partner.";
    const spans = found.spans;
    const whom = `“${b.text}”${distances}; ${taken} of ${found.around.length - 1} sentences could be the partner.${refused}`;
    const how = {
      SSMix: () => (spans ? `${spans.length} tokens` : `${found.words.filter((w) => w.origin !== "A").length} tokens, one by one`),
      DropMix: () => `${found.count} of ${found.total} units within ⌊λ·N·D⌋ = ${Math.floor(s.ratio * found.total + 1e-9)}`,
      EMix: () => `${found.ownShare.toFixed(3)} h_A + ${found.share.at(0, 0).toFixed(3)} h_B`,
      DMix: () => (x.m === null ? `ratio ${s.ratio}` : `M_ij = ${x.m.toFixed(3)} before training`),
      HiddenMix: () => `ratio ${s.ratio}`,
      DNM: () => (found.labels ? "v̂₁ and v̂₂ as trained" : `ratio ${s.ratio}`),
      NonlinearMix: () => "Λ uniform",
    }[entry.family]();
    const lines = {where: [entry.where], whom: [entry.whom, entry.whom === "nobody" ? "" : whom], how: [entry.how, how], "label-rule": [entry.label]};
    for (const [name, [general, here]] of Object.entries(lines)) {
      show(name).replaceChildren(general, ...(here ? [make("br"), make("span", {class: "here"}, here)] : []));
    }
  }

  function neighbours(s, found) {
    const {sentences, classes} = playground.tasks[s.task];
    show("around").hidden = found.around[s.a].distance === null;
    if (show("around").hidden) return;
    const others = found.around.filter((x) => x.j !== s.a).sort((x, y) => y.distance - x.distance);
    const lines = others.map((x) => {
      const cells = [sentences[x.j].text, classes[sentences[x.j].label], x.distance.toFixed(3), x.m?.toFixed(3) ?? "–", x.inside ? "yes" : "no"];
      return make("tr", {class: x.j === found.b ? "partner" : null}, ...cells.map((cell) => make("td", {}, cell)));
    });
    show("others").replaceChildren(...lines);
  }

  function render() {
    const s = state(), {sentences} = playground.tasks[s.task], begun = performance.now();
    const found = playground.answer(s, playground.seeded(s.seed)), a = sentences[s.a], b = sentences[found.b];
    sentence("A", a);
    sentence("B", b);
    mixture(found);
    map(found, a, b);
    label(s, found, a, b);
    answers(s, found, a, b);
    neighbours(s, found);
    for (const output of form.querySelectorAll("output")) output.value = named(output.htmlFor.value.replace("play-", "")).value;
    root.dataset.milliseconds = (performance.now() - begun).toFixed(1);
    history.replaceState(null, "", `#${new URLSearchParams(new FormData(form))}`);
  }

  function restore() {
    const kept = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    fill(named("task"), playground.tasks.map((task, i) => [i, task.title]));
    fill(named("method"), Object.entries(METHODS).map(([name, m]) => [name, m.title]));
    named("task").value = kept.task ?? 0;
    named("method").value = kept.method ?? "ssmix";
    named("seed").value = kept.seed ?? 0;
    offerSentences(kept);
    offerControls(kept);
    render();
  }

  form.addEventListener("input", ({target}) => {
    if (target.name === "task") offerSentences({});
    if (target.name === "method") offerControls(Object.fromEntries(new FormData(form)));
    render();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    named("seed").value = Number(named("seed").value) + 1;
    render();
  });
  addEventListener("hashchange", restore);
  restore();
})();
