// The token microscope's face: the notes that the words tell, the words, and which belong together. This file follows
// dom.js in one module. State lives in the model (see tokens.py); only `tok`, `note` and `word` are written back.

const WIDTH = 900, ROW = 9, TOP = 16;  // the roll, in units of its view box
const STYLE = `
.ml-tokens{--ink:var(--jp-ui-font-color1,var(--colab-primary-text-color,var(--vscode-editor-foreground,#24292f)));
  box-sizing:border-box;max-width:960px;margin:4px 2px;padding:10px 14px;border-radius:14px;color:var(--ink);
  border:1px solid color-mix(in srgb,var(--ink) 16%,transparent);font:13px/1.45 system-ui,sans-serif}
.ml-tokens header{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center;margin-bottom:6px}
.ml-tokens select{font:inherit;font-weight:600;padding:2px 6px;border-radius:6px;color:inherit;
  background:var(--jp-layout-color1,Field);border:1px solid color-mix(in srgb,var(--ink) 40%,transparent)}
.ml-tokens svg{display:block;width:100%;border-radius:6px;background:color-mix(in srgb,var(--ink) 5%,transparent)}
.ml-tokens svg text{fill:currentColor;opacity:.7;font-size:11px}
.ml-tokens line{stroke:currentColor;opacity:.25}
.ml-tokens rect{fill:#0072b2;opacity:.65;cursor:pointer}
.ml-tokens rect.lit{fill:#d55e00;opacity:1}
.ml-tokens :focus-visible{outline:2px solid #0072b2;outline-offset:2px}
.ml-said{min-height:1.45em;margin:6px 0;font-weight:600}
.ml-bars{max-height:330px;overflow:auto;padding:3px}
.ml-bars>div{display:flex;border-top:1px solid color-mix(in srgb,var(--ink) 12%,transparent);padding:3px 0}
.ml-bars b{flex:none;width:54px;font-weight:400;opacity:.7}
.ml-chip-w{display:inline-block;margin:1px 3px 1px 0;padding:0 5px;border-radius:4px;white-space:pre;cursor:pointer;
  background:color-mix(in srgb,var(--c) 22%,transparent);border-bottom:2px solid var(--c)}
.ml-chip-w.lit{background:color-mix(in srgb,var(--c) 65%,#fff);color:#000;box-shadow:0 0 0 2px var(--ink)}
.ml-dim .ml-chip-w:not(.lit){opacity:.5}`;

function render({ model, el }) {
  const root = make(el, "div", { class: "ml-tokens", role: "group", "aria-label": "Token microscope" });
  make(root, "style", {}, STYLE);
  const head = make(root, "header");
  const label = make(head, "label", {}, "tokenizer ");
  const select = make(label, "select");
  const caption = make(head, "span"), legend = make(head, "span");
  const roll = make(root, "svg", { tabindex: 0, role: "img" });
  const said = make(root, "div", { class: "ml-said", "aria-live": "polite" });
  const bars = make(root, "div", { class: "ml-bars", tabindex: 0, role: "group" });
  roll.setAttribute("aria-label", "Notes. Left and right arrows choose a note, Escape none.");
  bars.setAttribute("aria-label", "Words. Left and right arrows choose a word, Escape none.");
  const NOTES = 2;  // where a link, [word, kind, notes, bar], has its notes
  let chips = [], rects = [];

  const chosen = () => ({ note: model.get("note"), word: model.get("word") });
  function choose(note, word) {
    model.set({ note, word });
    model.save_changes();
    light();
  }
  function light({ note, word } = chosen()) {
    const { links, notes: all } = model.get("view");
    if (word >= links.length) word = -1;  // of the tokenizer before
    const notes = word >= 0 ? links[word][NOTES] : note >= 0 ? [note] : [];
    const lit = (i) => (word >= 0 ? i === word : links[i][NOTES].includes(note));
    rects.forEach((rect, i) => rect.classList.toggle("lit", notes.includes(i)));
    chips.forEach((chip, i) => chip.classList.toggle("lit", lit(i)));
    bars.classList.toggle("ml-dim", note >= 0 || word >= 0);
    const names = notes.map((i) => all[i]?.[3]).join(" "), words = links.filter((_, i) => lit(i));
    if (word >= 0) said.textContent = `${words[0][0].trim() || "⏎"}  →  ${names || "no note of its own"}`;
    else if (note >= 0) said.textContent = `${names}  →  ${words.map(([word]) => word).join(" · ")}`;
    else said.textContent = "Point at a note or a word; click to keep it.";
  }
  function drawRoll({ notes, bars, length }) {
    const pitches = notes.map(([, , pitch]) => pitch);
    const high = Math.max(...pitches, 61) + 1, low = Math.min(...pitches, high - 8) - 1;
    const x = (quarter) => 4 + (quarter / length) * (WIDTH - 8), height = TOP + (high - low) * ROW;
    roll.replaceChildren();
    roll.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    for (const [quarter, number] of bars) {
      make(roll, "line", { x1: x(quarter), x2: x(quarter), y1: 0, y2: height });
      make(roll, "text", { x: x(quarter) + 4, y: 12 }, number);
    }
    rects = notes.map(([onset, duration, pitch, name], i) => {
      const size = { width: Math.max(3, x(duration) - x(0) - 2), height: ROW - 1, rx: 2 };
      const rect = make(roll, "rect", { x: x(onset), y: TOP + (high - pitch - 1) * ROW, ...size });
      make(rect, "title", {}, name);
      listen(rect, i, -1);
      return rect;
    });
  }
  function drawWords({ links, colors }) {
    const shown = new Map();
    bars.replaceChildren();
    legend.replaceChildren();
    chips = links.map(([word, kind, , bar], i) => {
      if (!shown.has(bar)) {
        const row = make(bars, "div");
        make(row, "b", {}, bar === "0" ? "pickup" : `bar ${bar}`);
        shown.set(bar, make(row, "span"));
      }
      const chip = make(shown.get(bar), "span", { class: "ml-chip-w" }, word.replace("\n", "⏎"));
      chip.style.setProperty("--c", colors[kind] || "#999999");
      listen(chip, -1, i);
      return chip;
    });
    for (const kind of new Set(links.map(([, kind]) => kind))) {
      make(legend, "span", { class: "ml-chip-w" }, kind).style.setProperty("--c", colors[kind] || "#999999");
    }
  }
  function listen(node, note, word) {
    node.onpointerenter = () => light({ note, word });
    node.onpointerleave = () => light();
    node.onclick = () => choose(note, word);
  }
  function arrows(node, name, list) {
    node.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], now = model.get(name);
      if (!by && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();  // the notebook has plans for these keys too
      const next = by ? Math.min(Math.max(now < 0 && by < 0 ? list().length - 1 : now + by, 0), list().length - 1) : -1;
      choose(name === "note" ? next : -1, name === "word" ? next : -1);
      list()[next]?.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  }
  function draw() {
    select.replaceChildren();
    for (const name of model.get("names")) make(select, "option", { value: name }, name);
    select.value = model.get("tok");
    const { links, notes } = model.get("view");
    caption.textContent = `${links.length} ids, ${notes.length} notes`;
    drawRoll(model.get("view"));
    drawWords(model.get("view"));
    light();
  }

  select.onchange = () => { model.set("tok", select.value); model.save_changes(); };
  arrows(roll, "note", () => rects);
  arrows(bars, "word", () => chips);
  model.on("change:view", draw);
  model.on("change:note change:word", () => light());
  draw();
}

export default { render };
