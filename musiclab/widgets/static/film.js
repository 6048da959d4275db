// The film under the player's roll. This file follows player.js in one module, so its names are known here; the roll's
// pages are found again from its width, and the time is that of its sound.

const ROW = 11, CURVE = 58, GAP = 10;            // pixels: a unit's row, the chosen unit's curve, between them
const HOT = "#e69f00", COLD = "#0072b2";

function renderFilm({ model, el }) {
  const close = render({ model, el });
  const root = el.querySelector(".ml-player"), roll = root.querySelector(".ml-roll"), audio = root.querySelector("audio");
  const canvas = document.createElement("canvas"), line = document.createElement("div");
  canvas.className = "ml-film";
  canvas.setAttribute("role", "img");
  canvas.style.cssText = "display:block;width:100%;margin-top:6px;cursor:pointer;touch-action:none";
  line.style.cssText = "display:flex;align-items:center;gap:8px;margin:6px 0 0 44px;font-size:12px";
  const label = make(line, "label", "");
  label.append("Unit ");
  const picker = make(label, "select", "ml-unit");
  picker.style.cssText = "font:inherit;color:inherit;background:var(--ml-paper);border-radius:6px;padding:1px 4px";
  const hint = make(line, "span", "");
  hint.style.opacity = 0.7;
  hint.textContent = "slow units on top, fast ones below · blue below 0, orange above";
  roll.after(canvas, line);
  let width = 0, height = 0, start = -1, length = 1, duration = 1, units = [], rows = [], edges = [], frame = 0;
  const sheet = document.createElement("canvas");

  const x = (seconds) => GUTTER + ((seconds - start) / length) * (width - GUTTER);
  const chosen = () => units.indexOf(model.get("unit"));

  function read() {
    [units, rows, edges] = ["units", "rows", "edges"].map((name) => model.get(name));
    duration = Math.max(model.get("duration"), 0.5);
    picker.replaceChildren(...units.map((unit) => new Option(unit, unit)));
    layout();
  }
  function layout() {
    width = Math.max(canvas.clientWidth, 240);
    length = Math.min(duration, (width - GUTTER) / PIXELS_PER_SECOND);
    height = rows.length * ROW + GAP + CURVE;
    canvas.style.height = `${height}px`;
    for (const c of [canvas, sheet]) {
      c.width = Math.round(width * devicePixelRatio);
      c.height = Math.round(height * devicePixelRatio);
    }
    start = -1;
    draw();
  }
  function pen(c) {
    const g = c.getContext("2d");
    g.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.globalAlpha = 1;
    return g;
  }

  function drawSheet() {
    const g = pen(sheet), style = getComputedStyle(root), row = chosen(), middle = height - CURVE / 2;
    g.fillStyle = style.color;
    g.font = `9px ${style.fontFamily}`;
    g.textAlign = "right";
    g.textBaseline = "middle";
    units.forEach((unit, i) => {
      g.globalAlpha = i === row ? 1 : 0.6;
      g.fillText(unit, GUTTER - 6, (i + 0.5) * ROW);
    });
    [1, 0, -1].forEach((value) => g.fillText(value, GUTTER - 6, middle - value * (CURVE / 2 - 5)));
    g.globalAlpha = 0.2;
    g.fillRect(GUTTER, middle - 0.5, width - GUTTER, 1);
    for (const [second] of model.get("bars")) {
      if (second >= start && second <= start + length) g.fillRect(x(second) - 0.5, height - CURVE, 1, CURVE);
    }
    g.save();
    g.beginPath();
    g.rect(GUTTER, 0, width - GUTTER, height);
    g.clip();
    rows.forEach((values, i) => values.forEach((value, t) => {
      if (edges[t + 1] < start || edges[t] > start + length) return;
      g.globalAlpha = Math.abs(value);
      g.fillStyle = value < 0 ? COLD : HOT;
      g.fillRect(x(edges[t]), i * ROW + 0.5, x(edges[t + 1]) - x(edges[t]) + 0.3, ROW - 1);
    }));
    g.globalAlpha = 1;
    g.strokeStyle = style.color;
    g.lineWidth = 1.6;
    g.beginPath();
    rows[row].forEach((value, t) => {
      for (const s of [edges[t], edges[t + 1]]) g.lineTo(x(s), middle - value * (CURVE / 2 - 5));
    });
    g.stroke();
    g.restore();
    g.globalAlpha = 1;
    g.strokeStyle = style.color;
    g.lineWidth = 1.5;
    g.strokeRect(GUTTER, row * ROW, width - GUTTER - 1, ROW);
  }

  function draw() {
    const t = Math.min(audio.currentTime, duration);
    const page = clamp(Math.floor(t / length) * length, 0, Math.max(duration - length, 0));
    if (page !== start) {
      start = page;
      drawSheet();
      picker.value = model.get("unit");
    }
    const g = pen(canvas);
    g.drawImage(sheet, 0, 0, width, height);
    g.fillStyle = getComputedStyle(roll).outlineColor;
    g.fillRect(x(t) - 1, 0, 2, height);
    const at = Math.max(edges.findLastIndex((s) => s <= t + 1e-6), 0), row = chosen();
    const value = rows[row][Math.min(at, rows[row].length - 1)];
    const text = `Hidden units while the tune plays; unit ${units[row]} is at ${value.toFixed(2)}`;
    if (canvas.getAttribute("aria-label") !== text) canvas.setAttribute("aria-label", text);
  }
  function loop() {
    draw();
    if (!audio.paused) frame = requestAnimationFrame(loop);
  }
  function again() {
    cancelAnimationFrame(frame);
    loop();
  }
  function renew() {
    start = -1;
    draw();
  }

  function choose(unit) {
    model.set("unit", unit);
    model.save_changes();
  }
  canvas.onpointerdown = (event) => {
    const box = canvas.getBoundingClientRect(), row = Math.floor((event.clientY - box.top) / ROW);
    const share = (event.clientX - box.left - GUTTER) / (box.width - GUTTER);
    if (share >= 0) model.set("position", clamp(start + share * length, 0, duration));
    if (row < units.length) model.set("unit", units[row]);
    model.save_changes();
  };
  picker.onchange = () => choose(Number(picker.value));
  picker.onkeydown = (event) => event.stopPropagation();   // its arrows are not the player's, nor JupyterLab's

  const orders = {
    "change:unit": renew,
    "change:rows": read,
    "change:duration": read,
    "change:position": draw,
  };
  for (const [name, act] of Object.entries(orders)) model.on(name, act);
  const heard = ["play", "pause", "seeked", "loadedmetadata"];
  for (const name of heard) audio.addEventListener(name, again);
  const resized = new ResizeObserver(() => { if (canvas.clientWidth && canvas.clientWidth !== width) layout(); });
  resized.observe(canvas);
  const themed = new MutationObserver(renew);
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "class"] });
  read();
  return () => {
    cancelAnimationFrame(frame);
    resized.disconnect();
    themed.disconnect();
    for (const [name, act] of Object.entries(orders)) model.off(name, act);
    for (const name of heard) audio.removeEventListener(name, again);
    close();
  };
}

export default { render: renderFilm };
