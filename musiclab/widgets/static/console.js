// The console's face: the likeliest words with a bar for each stage, and their notes on a keyboard. This file follows
// dom.js in one module. State lives in the model (see sampling_console.py); only which word is chosen is sent back.

const SHOWN = 12;
const STYLE = `
.ml-console{--ink:var(--jp-ui-font-color1,var(--colab-primary-text-color,var(--vscode-editor-foreground,#24292f)));
  --gone:color-mix(in srgb,var(--ink) 28%,transparent);box-sizing:border-box;max-width:960px;margin:4px 2px;
  padding:10px 14px;border-radius:14px;color:var(--ink);overflow-x:auto;font:13px/1.45 system-ui,sans-serif;
  border:1px solid color-mix(in srgb,var(--ink) 16%,transparent)}
.ml-console p{margin:0 0 8px;opacity:.75;overflow-wrap:anywhere}
.ml-console table{border-collapse:collapse;width:100%;margin:0;color:inherit;font:inherit;
  table-layout:fixed;min-width:520px}
.ml-console th,.ml-console td{padding:2px 8px 2px 0;text-align:left;background:none;border:0;font-weight:400}
.ml-console th{font-weight:600;vertical-align:bottom}
.ml-console th small{display:block;font-weight:400;opacity:.7}
.ml-console th:first-child{width:180px}
.ml-console td:first-child{white-space:nowrap}
.ml-console button{width:100%;padding:1px 8px;border:1px solid color-mix(in srgb,var(--ink) 25%,transparent);
  border-radius:6px;background:none;color:inherit;font:inherit;text-align:left;cursor:pointer}
.ml-console button:hover:enabled{border-color:#0072b2}
.ml-console button:disabled{opacity:.45;cursor:default;text-decoration:line-through}
.ml-console :focus-visible{outline:2px solid #d55e00;outline-offset:1px}
.ml-bar{display:flex;align-items:center;gap:5px;min-width:80px;font-size:11px}
.ml-bar i{display:block;height:12px;border-radius:2px;background:#0072b2;min-width:1px}
.ml-bar.gone i{background:var(--gone)}
.ml-bar.gone{opacity:.75}
.ml-console svg{display:block;width:100%;max-height:84px;margin-top:10px}`;
const WHITE = [0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6];  // white keys below a pitch, in its octave
const pitchOf = (word) => Number(/(?:Pitch|NoteOn)_(\d+)$/.exec(word)?.[1] ?? NaN);
const percent = (p) => (p >= 0.001 ? `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)} %` : p ? "< 0.1 %" : "");

function render({ model, el }) {
  const root = make(el, "div", { class: "ml-console", role: "group", "aria-label": "What may come next" });
  make(root, "style", {}, STYLE);
  const said = make(root, "p", { "aria-live": "polite" }), table = make(root, "table");
  const keys = make(root, "svg", { role: "img" });

  function draw() {
    const words = model.get("words"), stages = model.get("stages");
    said.textContent = stages.length ? `… ${model.get("said")}` : `${model.get("said")}: the end`;
    table.replaceChildren();
    keys.replaceChildren();
    if (!stages.length) return;
    const most = words.map((_, i) => Math.max(...stages.map(([, p]) => p[i])));
    const best = words.map((_, i) => i).sort((a, b) => most[b] - most[a]).slice(0, SHOWN).filter((i) => most[i] > 0);
    drawHead(make(make(table, "thead"), "tr"), stages);
    const body = make(table, "tbody"), full = Math.max(...best.map((i) => most[i]));
    for (const i of best) drawRow(make(body, "tr"), i, words[i], stages, full);
    drawKeys(words, stages);
  }
  function drawHead(row, stages) {
    make(make(row, "th", { scope: "col" }, "next word"), "small", {}, model.get("place"));
    stages.forEach(([name, p], at) => {
      const before = at ? stages[at - 1][1] : p, gone = before.reduce((sum, q, i) => sum + (p[i] ? 0 : q), 0);
      make(make(row, "th", { scope: "col" }, name), "small", {}, gone > 0 ? `removes ${percent(gone)}` : "\u00a0");
    });
  }
  function drawRow(row, i, word, stages, full) {
    const pitch = pitchOf(word), cell = make(row, "td");
    const button = make(cell, "button", { type: "button" }, isNaN(pitch) ? word : `${word}  ${noteName(pitch)}`);
    button.title = "Choose this word";
    button.onclick = () => model.send({ choose: i });
    stages.forEach(([name, p], at) => {
      const before = at ? stages[at - 1][1][i] : 0, gone = p[i] === 0, share = gone ? before : p[i];
      const bar = make(make(row, "td"), "div", { class: gone ? "ml-bar gone" : "ml-bar" });
      if (share) make(bar, "i", { style: `width:${(72 * share) / full}%` });
      make(bar, "span", {}, gone && share ? "removed" : percent(share));
      if (name === "grammar") button.disabled = gone;
    });
  }
  function drawKeys(words, stages) {              // blue: what may come, as likely as it is dark; grey: removed
    const notes = words.map((word, i) => [pitchOf(word), stages[0][1][i], stages.at(-1)[1][i], i]);
    const sounding = notes.filter(([pitch, first, last]) => !isNaN(pitch) && Math.max(first, last) > 0.001);
    keys.style.display = sounding.length ? "" : "none";
    if (!sounding.length) return;
    const low = 12 * Math.floor(Math.min(...sounding.map(([pitch]) => pitch)) / 12);
    const high = 12 * Math.ceil((Math.max(...sounding.map(([pitch]) => pitch)) + 1) / 12);
    const white = (pitch) => Math.floor((pitch - low) / 12) * 7 + WHITE[(pitch - low) % 12];
    keys.setAttribute("viewBox", `0 0 ${white(high) * 20} 70`);
    const told = sounding.map(([pitch, , last]) => `${noteName(pitch)} ${percent(last) || "removed"}`);
    keys.setAttribute("aria-label", `Notes that may come: ${told.join(", ")}`);
    const all = Array.from({ length: high - low }, (_, k) => low + k);
    for (const pitch of [...all.filter((p) => !isBlack(p)), ...all.filter(isBlack)]) {
      const [, , last, i] = sounding.find((note) => note[0] === pitch) || [], black = isBlack(pitch);
      const x = white(pitch) * 20 - 6 * black;
      const size = { x, y: 0.5, width: black ? 12 : 20, height: black ? 38 : 60 };
      const plain = black ? "#3b4252" : "#fdfdfc", tinted = `color-mix(in srgb, #56b4e9 ${30 + 70 * last}%, ${plain})`;
      const fill = i === undefined ? plain : last ? tinted : "#999999";
      const key = make(keys, "rect", { ...size, fill, rx: 2, stroke: "#8a919e", "stroke-width": 0.7 });
      if (i !== undefined) make(key, "title", {}, `${noteName(pitch)}: ${percent(last) || "removed"}`);
      if (last) key.onclick = () => model.send({ choose: i });
      if (last) key.style.cursor = "pointer";
      if (pitch % 12 === 0) make(keys, "text", { x: x + 4, y: 56, "font-size": 9, fill: "#4c566a" }, noteName(pitch));
    }
  }
  model.on("change:stages", draw);
  draw();
  return () => model.off("change:stages", draw);
}

export default { render };
