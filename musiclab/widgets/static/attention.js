// The attention explorer's face: the roll, and arcs from the chosen note to what a head looked at. This file follows
// dom.js in one module. State lives in the model (see attention.py); only `layer`, `head` and `note` are written back.

const WIDTH = 900, ROW = 6, STRIP = 110, LEFT = 4;  // in units of the picture's view box
const STYLE = `
.ml-attention{--ink:var(--jp-ui-font-color1,var(--colab-primary-text-color,var(--vscode-editor-foreground,#24292f)));
  box-sizing:border-box;max-width:960px;margin:4px 2px;padding:10px 14px;border-radius:14px;color:var(--ink);
  border:1px solid color-mix(in srgb,var(--ink) 16%,transparent);font:13px/1.45 system-ui,sans-serif}
.ml-attention header{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center;margin-bottom:6px}
.ml-attention select{font:inherit;font-weight:600;padding:2px 6px;border-radius:6px;color:inherit;
  background:var(--jp-layout-color1,Field);border:1px solid color-mix(in srgb,var(--ink) 40%,transparent)}
.ml-attention svg{display:block;width:100%;border-radius:6px;background:color-mix(in srgb,var(--ink) 5%,transparent)}
.ml-attention svg text{fill:currentColor;opacity:.7;font-size:11px}
.ml-attention .bar{stroke:currentColor;opacity:.2}
.ml-attention .note{cursor:pointer}
.ml-attention .note.chosen{stroke:var(--ink);stroke-width:2.5;paint-order:stroke}
.ml-attention .arc{fill:none;stroke:currentColor;stroke-linecap:round}
.ml-attention .place{fill:currentColor}
.ml-attention .now{stroke:#d55e00;stroke-width:2}
.ml-attention :focus-visible{outline:2px solid #0072b2;outline-offset:2px}
.ml-attention i{display:inline-block;width:12px;height:8px;border-radius:2px;margin-right:4px}
.ml-attention p{min-height:1.45em;margin:6px 0 0}`;

function render({ model, el }) {
  const { parts, sizes, resolution, ...view } = model.get("view");  // its times are in ticks, ours in quarters
  const notes = view.notes.map(([onset, duration, ...rest]) => [onset / resolution, duration / resolution, ...rest]);
  const bars = view.bars.map(([onset, number]) => [onset / resolution, number]), length = view.length / resolution;
  const root = make(el, "div", { class: "ml-attention", role: "group", "aria-label": "Attention explorer" });
  make(root, "style", {}, STYLE);
  const head = make(root, "header"), selects = {};
  ["layer", "head"].forEach((name, i) => {
    const select = make(make(head, "label", {}, `${name} `), "select");
    for (let n = 0; n < sizes[i]; n++) make(select, "option", { value: n }, n);
    select.onchange = () => set(name, Number(select.value));
    select.onkeydown = (event) => event.stopPropagation();  // its arrows are not the notebook's
    selects[name] = select;
  });
  for (const [name, color] of parts) {
    const label = make(head, "span");
    make(label, "i", { style: `background:${color}` });
    label.append(name);
  }
  const roll = make(root, "svg", { tabindex: 0, role: "img" });
  roll.setAttribute("aria-label", "Notes. Left and right arrows choose a note, up and down a part.");
  const said = make(root, "p", { "aria-live": "polite" });

  const high = Math.max(...notes.map(([, , pitch]) => pitch)) + 1;
  const low = Math.min(...notes.map(([, , pitch]) => pitch), high - 16) - 1;
  const x = (quarter) => LEFT + (quarter / length) * (WIDTH - 2 * LEFT), bottom = STRIP + (high - low) * ROW;
  roll.setAttribute("viewBox", `0 0 ${WIDTH} ${bottom + 16}`);
  const places = make(roll, "g");
  for (const [quarter, number] of bars) {
    make(roll, "line", { class: "bar", x1: x(quarter), x2: x(quarter), y1: 0, y2: bottom });
    make(roll, "text", { x: x(quarter) + 3, y: bottom + 12 }, number);
  }
  const rects = notes.map(([onset, duration, pitch, , part], i) => {
    const rect = make(roll, "rect", {
      class: "note", x: x(onset), y: STRIP + (high - pitch - 1) * ROW, rx: 1.5,
      width: Math.max(3, x(duration) - x(0) - 1.5), height: ROW - 0.5, fill: parts[part][1],
    });
    rect.onclick = () => set("note", i);
    return rect;
  });
  const arcs = make(roll, "g");

  function set(name, value) {
    model.set(name, value);
    model.save_changes();
    light();
  }
  function place(quarter) {  // bar and quarter in it, both from 1; a pickup is before bar 1
    const [begin, number] = bars.filter(([onset]) => onset <= quarter).at(-1) || [null, null];
    return number === null ? "the pickup" : `bar ${number}, quarter ${+(1 + quarter - begin).toFixed(2)}`;
  }
  function light() {
    rects.forEach((rect, i) => rect.classList.toggle("chosen", i === model.get("note")));
    for (const name of ["layer", "head"]) selects[name].value = model.get(name);
  }
  function draw() {
    light();
    const { note, rows: ticks } = model.get("arcs"), [onset, , pitch] = notes[note], now = x(onset);
    const rows = ticks.map(([from, to, share]) => [from / resolution, to / resolution, share]);
    arcs.replaceChildren();
    places.replaceChildren();
    make(arcs, "line", { class: "now", x1: now, x2: now, y1: STRIP - 4, y2: bottom });
    for (const [from, to, share] of [...rows].reverse()) {
      const foot = (x(from) + x(to)) / 2, pale = 0.25 + (0.75 * share) / rows[0][2];
      const top = STRIP - 20 - 120 * Math.sqrt((now - foot) / WIDTH);
      const d = `M${foot} ${STRIP - 4}C${foot} ${top} ${now} ${top} ${now} ${STRIP - 4}`;
      make(arcs, "path", { class: "arc", d, opacity: pale, "stroke-width": 1 + 5 * share });
      const size = { x: x(from), width: x(to) - x(from), y: STRIP - 4, height: bottom - STRIP + 4 };
      make(places, "rect", { class: "place", ...size, opacity: 0.25 * pale });
    }
    const told = rows.slice(0, 3).map(([from, , share]) => `${Math.round(100 * share)} % at ${place(from)}`);
    const rest = Math.round(100 * (1 - rows.reduce((sum, [, , share]) => sum + share, 0)));
    const name = `${noteName(pitch)} at ${place(onset)}`;
    const more = rows.length - 3, others = more > 0 ? `; ${more} more arc${more > 1 ? "s" : ""}` : "";
    said.textContent = `${name} looked ${told.join("; ") || "nowhere in the music"}${others}; without arc: ${rest} %`;
  }
  roll.addEventListener("keydown", (event) => {
    const now = notes[model.get("note")], across = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!across && !up) return;
    event.preventDefault();
    event.stopPropagation();  // the notebook has plans for these keys too
    const indices = notes.map((_, i) => i);
    let found;
    if (across) {  // the next note of this part
      const side = indices.filter((i) => notes[i][4] === now[4] && (notes[i][0] - now[0]) * across > 0);
      found = across > 0 ? side[0] : side.at(-1);
    } else {  // what sounds now in the next part
      const sounding = indices.filter((i) => notes[i][0] <= now[0] && now[0] < notes[i][0] + notes[i][1]);
      const side = sounding.filter((i) => (now[4] - notes[i][4]) * up > 0);
      found = up > 0 ? side.sort((a, b) => notes[b][4] - notes[a][4])[0] : side.sort((a, b) => notes[a][4] - notes[b][4])[0];
    }
    if (found !== undefined) set("note", found);
  });
  model.on("change:arcs", draw);
  model.on("change:layer change:head change:note", light);
  draw();
}

export default { render };
