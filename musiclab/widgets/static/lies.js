// The lie detector: forgeries to choose from above the player, and below it a strip for each number of the report. This
// file follows player.js in one module, so its names are known here. State lives in the model (see lie_detector.py);
// this file writes back only `forgery`.

const HALF = 60, BAND = 22;                      // pixels from the middle of a strip to its edge, and to its band's
const LIES = `
.ml-lies{--ml-sees:#d55e00;--ml-fooled:#0072b2}
body[data-jp-theme-light="false"] .ml-lies{--ml-sees:#e69f00;--ml-fooled:#56b4e9}
.ml-choice{display:flex;flex-wrap:wrap;gap:6px;margin-bottom:12px}
.ml-player .ml-choice button{padding:3px 13px;border:1px solid color-mix(in srgb,var(--ml-ink) 40%,transparent);
  border-radius:99px;background:none;color:inherit;font:inherit;cursor:pointer}
.ml-player .ml-choice button[aria-pressed=true]{border-color:#0072b2;background:#0072b2;color:#fff}
.ml-sum{margin:14px 0 8px;font-size:15px}
.ml-strips{columns:2 380px;column-gap:30px}
.ml-block{break-inside:avoid;margin-bottom:8px}
.ml-block h4{margin:0 0 2px;font-size:12px;font-weight:600;opacity:.65}
.ml-strip-row{display:grid;grid-template-columns:minmax(0,1fr) ${2 * HALF}px 54px;gap:8px;align-items:center;
  height:21px;font-size:12.5px}
.ml-strip-row span:first-child{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.ml-strip-row svg{display:block;overflow:visible}
.ml-strip-row g{transition:transform .6s ease-in-out}
.ml-strip-row[data-verdict=inside]{color:color-mix(in srgb,var(--ml-ink) 72%,transparent)}
.ml-strip-row[data-verdict=outside] span:last-child{color:var(--ml-sees);font-weight:600}
.ml-strip-row[data-verdict=inside] .ml-dot{fill:var(--ml-fooled)}
.ml-strip-row[data-verdict=outside] .ml-dot{fill:var(--ml-sees)}
@media (prefers-reduced-motion:reduce){.ml-strip-row g{transition:none}}`;

function renderLies({ model, el }) {
  const close = render({ model, el });
  const root = el.querySelector(".ml-player"), tables = model.get("tables"), names = Object.keys(tables);
  root.classList.add("ml-lies");
  make(root, "style", "").textContent = LIES;
  const choice = make(root, "div", "ml-choice", { role: "group", "aria-label": "Forgery" });
  root.prepend(choice);
  const buttons = names.map((name) => {
    const button = make(choice, "button", "", { type: "button" });
    button.textContent = name;
    button.onclick = () => {
      model.set("forgery", name);
      model.save_changes();
    };
    return button;
  });
  const sum = make(root, "p", "ml-sum", { "aria-live": "polite" }), strips = make(root, "div", "ml-strips");
  const blocks = {}, rows = tables[names[0]].map(([block, name]) => {
    if (!blocks[block]) make(blocks[block] = make(strips, "div", "ml-block"), "h4", "").textContent = block;
    const row = make(blocks[block], "div", "ml-strip-row");
    make(row, "span", "").textContent = name.replace(/^n_/, "number of ").replaceAll("_", " ");
    row.insertAdjacentHTML("beforeend", `<svg width="${2 * HALF}" height="16" viewBox="${-HALF} -8 ${2 * HALF} 16">
      <rect x="${-BAND}" y="-8" width="${2 * BAND}" height="16" rx="3" fill="currentColor" opacity=".16"/>
      <g><path class="ml-dot" d="M-5.5 0 0-5.5 5.5 0 0 5.5z"/></g></svg>`);
    make(row, "span", "");
    return row;
  });

  function place(value, low, high) {             // to scale inside the band, ever closer to the edge outside
    const away = (2 * value - low - high) / (high - low || 1e-9);
    return Math.abs(away) <= 1 ? BAND * away : Math.sign(away) * (HALF - 6 - (HALF - 6 - BAND) / Math.abs(away));
  }
  const said = (x) => (x === null ? "–" : Number(x.toPrecision(3)));
  function show() {
    const forgery = model.get("forgery"), shown = tables[forgery], count = { inside: 0, outside: 0 };
    shown.forEach(([, name, value, reference, low, high, verdict], i) => {
      const known = verdict in count, dot = rows[i].querySelector("g");
      if (known) count[verdict] += 1;
      rows[i].dataset.verdict = verdict;
      dot.style.visibility = known ? "visible" : "hidden";
      if (known) dot.style.transform = `translateX(${place(value, low, high)}px)`;
      rows[i].lastChild.textContent = { inside: "fooled", outside: "sees it" }[verdict] || "–";
      rows[i].title = known ? `${name}: ${said(value)}; held out ${said(reference)}, band ${said(low)} to ${said(high)}`
        : `${name}: ${verdict}`;
    });
    sum.innerHTML = "<b></b> fools <b></b> of <b></b> numbers: they lie in the grey band, where held-out music lies.";
    [forgery, count.inside, count.inside + count.outside].forEach((text, i) => {
      sum.querySelectorAll("b")[i].textContent = text;
    });
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", names[i] === forgery));
  }
  model.on("change:forgery", show);
  show();
  return () => {
    model.off("change:forgery", show);
    close();
  };
}

export default { render: renderLies };
