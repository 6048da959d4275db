// The player's face: a piano roll on a canvas, a playhead that follows the sound, a legend. State lives in the model
// (see player.py); this file draws it and writes back only `position`, `playing`, `muted` and `region`.

const KEYS = 40, GUTTER = 44, TOP = 22, OVERVIEW = 26;  // pixels: keyboard, left of the roll, bar numbers, miniature
const PIXELS_PER_SECOND = 20;                    // fewer than this, and the roll is shown page by page
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const ICONS = { play: "M8 5.2v13.6L19 12z", pause: "M7 5.5h3.6v13H7zM13.4 5.5H17v13h-3.6z" };
const isBlack = (p) => [1, 3, 6, 8, 10].includes(p % 12);
const pitchName = (p) => NAMES[p % 12] + (Math.floor(p / 12) - 1);
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
let telling = false;                             // our own words to the model are not orders to its other views

function make(parent, tag, cls, attributes = {}) {
  const node = document.createElement(tag);
  node.className = cls;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

function render({ model, el }) {
  const root = make(el, "div", "ml-player", { role: "group", "aria-label": `Player ${model.get("title")}` });
  const head = make(root, "div", "ml-head");
  const button = make(head, "button", "ml-play", { type: "button" });
  button.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><path/></svg>';
  const words = make(head, "div", "ml-words");
  const title = make(words, "div", "ml-title"), caption = make(words, "div", "ml-caption");
  const time = make(head, "div", "ml-time");
  const canvas = make(root, "canvas", "ml-roll", { tabindex: 0, role: "slider", "aria-valuemin": 0 });
  canvas.setAttribute("aria-label", "Piano roll. Space plays or pauses, arrows seek by one second, Home to the start; "
    + "with shift, arrows choose a region, and Escape lets it go.");
  const legend = make(root, "div", "ml-legend");
  const audio = make(root, "audio", "", { preload: "auto" });
  const sheet = document.createElement("canvas");  // what does not move: keyboard, grid, notes of this page
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let notes = [], duration = 1, low = 57, high = 75, row = 8, width = 600, height = 240;
  let page = { start: 0, length: 1 }, url = null, frame = 0, lastFrame = 0, waiting = false;
  let region = [], anchor = null, stroke = null;  // what is chosen; from where shift + arrows, or the pointer, choose

  // --- time and sound ----------------------------------------------------------------------------------------------

  const now = () => Math.min(audio.currentTime, duration);
  function tell(changes) {
    telling = true;
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    telling = false;
    model.save_changes();
  }
  function seek(seconds, settled = true) {
    audio.currentTime = clamp(seconds, 0, duration);
    draw();
    if (settled) tell({ position: audio.currentTime });   // not for each pixel of a drag
  }
  function choose(start, stop, settled = true) {
    region = stop > start ? [start, Math.min(stop, duration)] : [];
    if (settled) tell({ region });
    else draw();
  }
  function toggle() {
    if (!audio.paused) return audio.pause();
    if (region.length && (now() < region[0] || now() > region[1] - 0.05)) seek(region[0]);
    if (url) return void audio.play().catch(() => {});  // refused: the reader has not touched the page yet
    waiting = true;
    root.classList.add("ml-waiting");
    model.send({ ask: "sound" });
  }
  function loadSound() {
    const bytes = model.get("audio"), at = url ? now() : model.get("position"), going = url && !audio.paused;
    if (url) URL.revokeObjectURL(url);
    url = null;
    if (!bytes || !bytes.byteLength) return;
    url = URL.createObjectURL(new Blob([bytes], { type: "audio/mpeg" }));
    audio.src = url;
    audio.currentTime = at;                      // a part was muted: it goes on from here
    root.classList.remove("ml-waiting");
    if (waiting || going) toggle();
    waiting = false;
  }

  // --- drawing -----------------------------------------------------------------------------------------------------

  const x = (seconds) => GUTTER + ((seconds - page.start) / page.length) * (width - GUTTER);
  const y = (pitch) => TOP + (high - pitch) * row;
  const color = (part) => (model.get("parts")[part] || ["", "#0072B2"])[1];
  const silent = (part) => model.get("muted").includes(part);
  const paged = () => duration > page.length;

  function layout() {
    notes = model.get("notes");
    duration = notes.reduce((end, n) => Math.max(end, n[0] + n[1]), Math.max(model.get("duration"), 0.5));
    low = Math.max(notes.reduce((p, n) => Math.min(p, n[2]), notes.length ? 127 : 59) - 2, 0);
    high = notes.reduce((p, n) => Math.max(p, n[2]), notes.length ? 0 : 73) + 2;
    row = clamp(270 / (high - low + 1), 3, 14);
    width = Math.max(canvas.clientWidth, 240);
    page.length = Math.min(duration, (width - GUTTER) / PIXELS_PER_SECOND);
    height = TOP + Math.ceil((high - low + 1) * row) + (paged() ? OVERVIEW : 0);
    canvas.style.height = `${height}px`;
    for (const c of [canvas, sheet]) {
      c.width = Math.round(width * devicePixelRatio);
      c.height = Math.round(height * devicePixelRatio);
    }
    canvas.setAttribute("aria-valuemax", duration.toFixed(1));
    page.start = -1;                             // the sheet is drawn anew
    draw();
  }

  function context(c) {
    const g = c.getContext("2d");
    g.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    g.globalAlpha = 1;
    return g;
  }
  function rectangle(g, fill, alpha, left, top, w, h, radius = 0) {
    g.globalAlpha = alpha;
    g.fillStyle = fill;
    g.beginPath();
    g.roundRect(left, top, Math.max(w, 1), Math.max(h, 1), radius);
    g.fill();
  }

  function drawSheet() {
    const g = context(sheet), style = getComputedStyle(canvas), ink = style.color;
    const bottom = y(low) + row;
    g.clearRect(0, 0, width, height);
    g.textBaseline = "middle";
    for (let p = low; p <= high; p++) {
      if (isBlack(p)) rectangle(g, ink, 0.05, GUTTER, y(p), width - GUTTER, row);
      if (p % 12 === 0) rectangle(g, ink, 0.16, GUTTER, y(p) + row - 0.5, width - GUTTER, 1);
    }
    g.font = `11px ${style.fontFamily}`;
    g.textAlign = "left";
    let free = 0;
    for (const [second, number] of model.get("bars")) {
      if (second < page.start || second > page.start + page.length) continue;
      rectangle(g, ink, 0.16, x(second) - 0.5, TOP - 6, 1, bottom - TOP + 6);
      if (x(second) < free || x(second) > width - 14) continue;
      g.globalAlpha = 0.6;
      g.fillText(number, x(second) + 3, TOP - 11);
      free = x(second) + 8 + 8 * String(number).length;
    }
    const seen = new Map();                      // notes in unison: the later one is slimmer, so both show
    g.save();
    g.beginPath();
    g.rect(GUTTER, 0, width - GUTTER, height);
    g.clip();
    for (const note of notes) {
      const [onset, length, pitch, velocity, part] = note;
      if (onset + length < page.start || onset > page.start + page.length) continue;
      const place = `${onset} ${pitch}`, rank = seen.get(place) || 0;
      seen.set(place, rank + 1);
      const alpha = silent(part) ? 0.13 : 0.5 + 0.5 * Math.min(velocity / 80, 1);
      drawNote(g, note, alpha, row > 4 ? 0.5 + Math.min(rank, 2) * row * 0.2 : 0);
    }
    g.restore();
    drawKeys(g, style);
    if (paged()) drawOverview(g, ink);
  }

  function drawNote(g, [onset, length, pitch, , part], alpha, inset) {
    const left = x(onset), w = x(onset + length) - left - 1, h = row - 2 * inset;
    rectangle(g, color(part), alpha, left + 0.5, y(pitch) + inset, w, h, Math.max(0, Math.min(2, h / 2, w / 2)));
    if (row < 11 || w < 26 || alpha < 0.2) return;
    g.globalAlpha = 1;
    g.fillStyle = parseInt(color(part).slice(3, 5), 16) > 140 ? "#1d2430" : "#fff";   // green weighs most in light
    g.textAlign = "left";
    g.font = `600 9px ${getComputedStyle(canvas).fontFamily}`;
    g.fillText(pitchName(pitch), left + 5, y(pitch) + row / 2 + 0.5);
  }

  function drawKeys(g, style) {
    rectangle(g, "#b8bec9", 1, 0, TOP, KEYS, y(low) + row - TOP, 4);
    rectangle(g, "#fdfdfc", 1, 0.5, TOP + 0.5, KEYS - 1, y(low) + row - TOP - 1, 4);
    g.font = `${clamp(row + 3, 9, 11)}px ${style.fontFamily}`;
    g.textAlign = "right";
    for (let p = low; p <= high; p++) {
      if (isBlack(p)) drawKey(g, p, "#3b4252");
      if (p > low && (p % 12 === 0 || p % 12 === 5)) rectangle(g, "#b8bec9", 1, 0, y(p) + row - 0.5, KEYS, 1);
      if (p % 12 !== 0) continue;
      g.globalAlpha = 1;
      g.fillStyle = "#4c566a";
      g.fillText(pitchName(p), KEYS - 3, y(p) + row / 2);
    }
  }
  function drawKey(g, pitch, fill) {
    rectangle(g, fill, 1, 0.5, y(pitch), isBlack(pitch) ? KEYS * 0.56 : KEYS - 1, row, isBlack(pitch) ? [0, 2, 2, 0] : 2);
  }

  const overviewX = (seconds) => GUTTER + (seconds / duration) * (width - GUTTER);
  function drawOverview(g, ink) {
    const top = height - OVERVIEW + 6, tall = OVERVIEW - 8;
    rectangle(g, ink, 0.05, GUTTER, top, width - GUTTER, tall, 4);
    rectangle(g, ink, 0.13, overviewX(page.start), top, overviewX(page.length) - GUTTER, tall, 4);
    for (const [onset, length, pitch, , part] of notes) {
      const w = overviewX(onset + length) - overviewX(onset);
      rectangle(g, color(part), 0.8, overviewX(onset), top + 2 + ((high - pitch) / (high - low)) * (tall - 4), w, 1);
    }
  }

  function draw() {
    const t = now(), style = getComputedStyle(canvas);
    const last = model.get("running") && audio.paused && notes.length ? notes[notes.length - 1][0] : t;  // being written
    const start = clamp(Math.floor(last / page.length) * page.length, 0, Math.max(duration - page.length, 0));
    if (start !== page.start) {
      page.start = start;
      Object.assign(canvas.dataset, page);       // for what is drawn below
      drawSheet();
    }
    const g = context(canvas);
    g.clearRect(0, 0, width, height);
    g.drawImage(sheet, 0, 0, width, height);
    if (t > 0) {
      for (const note of notes) {
        if (note[0] > t || note[0] + note[1] <= t || silent(note[4])) continue;
        drawNote(g, note, 1, 0);
        drawKey(g, note[2], color(note[4]));
      }
    }
    if (region.length) drawRegion(g, style.outlineColor);
    rectangle(g, style.outlineColor, 1, x(t) - 1, TOP - 4, 2, y(low) + row - TOP + 4);
    g.beginPath();
    g.arc(x(t), TOP - 5, 4.5, 0, 7);
    g.fill();
    if (paged()) rectangle(g, style.outlineColor, 1, overviewX(t) - 1, height - OVERVIEW + 6, 2, OVERVIEW - 8);
    const bar = model.get("bars").filter(([second]) => second <= t + 0.001).pop();
    const chosen = region.length ? `${region[0].toFixed(1)}–${region[1].toFixed(1)} s chosen · ` : "";
    time.textContent = `${chosen}${bar ? `bar ${bar[1]} · ` : ""}${clock(t)} / ${clock(duration)}`;
    canvas.setAttribute("aria-valuenow", t.toFixed(2));
    canvas.setAttribute("aria-valuetext", time.textContent);
  }
  function drawRegion(g, fill) {
    const [left, right] = region.map((s) => clamp(x(s), GUTTER, width)), tall = y(low) + row - TOP;
    if (right > left) rectangle(g, fill, 0.13, left, TOP, right - left, tall);
    for (const edge of [left, right].filter((edge) => edge > GUTTER && edge < width)) {
      rectangle(g, fill, 0.8, edge - 0.5, TOP, 1, tall);
    }
    if (!paged()) return;
    const [start, stop] = region.map(overviewX);
    rectangle(g, fill, 0.3, start, height - OVERVIEW + 6, stop - start, OVERVIEW - 8);
  }
  function loop(at) {
    if (region.length && now() >= region[1]) {   // a region plays once, and is ready to play again
      audio.pause();
      return seek(region[0]);
    }
    if (!calm.matches || at - lastFrame > 250) {
      draw();
      lastFrame = at;
    }
    frame = requestAnimationFrame(loop);
  }

  function write() {
    title.textContent = model.get("title");
    caption.textContent = model.get("caption");
    legend.replaceChildren();
    model.get("parts").forEach(([name, paint], part) => {
      const chip = make(legend, "button", "ml-chip", { type: "button", "aria-pressed": !silent(part) });
      chip.style.setProperty("--ml-part", paint);
      chip.title = `${silent(part) ? "Hear" : "Mute"} ${name}; with shift, hear it alone`;
      chip.append(name);
      chip.onclick = (event) => mute(part, event.shiftKey);
    });
  }

  function mute(part, others) {
    const all = model.get("parts").map((_, i) => i), alone = all.filter((i) => i !== part);
    const was = all.filter(silent), is = silent(part) ? was.filter((i) => i !== part) : [...was, part];
    tell({ muted: !others ? is.sort() : String(was) === String(alone) ? [] : alone });
  }
  function showMuted() {
    const focused = [...legend.children].indexOf(document.activeElement);
    write();
    legend.children[focused]?.focus();
    page.start = -1;
    draw();
  }

  function showState() {
    const playing = !audio.paused && !audio.ended;
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    button.querySelector("path").setAttribute("d", playing ? ICONS.pause : ICONS.play);
    cancelAnimationFrame(frame);
    if (playing) loop(performance.now());
    else draw();
  }

  // --- hands -------------------------------------------------------------------------------------------------------

  function point(event) {                        // seconds, and whether it is the miniature that is pointed at
    const box = canvas.getBoundingClientRect();
    const share = clamp((event.clientX - box.left - GUTTER) / (box.width - GUTTER), 0, 0.9999);
    const whole = paged() && event.clientY - box.top > height - OVERVIEW;
    return { whole, x: event.clientX, at: whole ? share * duration : page.start + share * page.length };
  }
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    stroke = { ...point(event), drags: false };
    if (stroke.whole) seek(stroke.at, false);
  };
  canvas.onpointermove = (event) => {
    if (!stroke) return;
    const { at, x } = point(event);
    stroke.drags ||= Math.abs(x - stroke.x) > 4;
    if (stroke.whole) seek(at, false);
    else if (stroke.drags) choose(Math.min(at, stroke.at), Math.max(at, stroke.at), false);
  };
  canvas.onpointerup = (event) => {
    if (!stroke) return;
    const { whole, drags, at } = stroke;
    stroke = anchor = null;
    if (!whole) drags ? choose(...region) : choose(0, 0);
    seek(whole ? point(event).at : region.length ? region[0] : at);
  };
  canvas.onpointercancel = () => { stroke = null; };
  button.onclick = toggle;
  root.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.target !== canvas && (step === undefined || event.altKey)) return;
    if (step && event.shiftKey && event.target === canvas) {
      anchor ??= now();
      seek(now() + step);
      choose(Math.min(anchor, now()), Math.max(anchor, now()));
    } else if (step) {
      anchor = null;
      seek(now() + step);
    } else if (event.key === "Escape" && region.length) choose(0, 0);
    else if (event.key === " ") toggle();
    else if (event.key === "Home") seek(0);
    else return;
    event.preventDefault();
    event.stopPropagation();                     // or JupyterLab's command mode takes the key too
  };

  audio.onplay = () => {
    document.dispatchEvent(new CustomEvent("musiclab-play", { detail: audio }));
    tell({ playing: true });
    showState();
  };
  audio.onpause = () => {
    tell({ playing: false, position: now() });
    showState();
  };
  audio.onloadedmetadata = () => { root.dataset.seconds = audio.duration.toFixed(2); };
  audio.onerror = () => { root.dataset.error = audio.error ? audio.error.message : "unknown"; };
  const hush = (event) => event.detail !== audio && audio.pause();   // one player at a time

  const readRegion = () => { region = [...model.get("region")]; draw(); };
  const orders = {
    "change:audio": loadSound,
    "change:notes": layout,
    "change:duration": layout,
    "change:bars": layout,
    "change:parts": () => { write(); layout(); },
    "change:title": write,
    "change:caption": write,
    "change:muted": showMuted,
    "change:region": readRegion,
    "change:position": () => { if (!telling) { audio.currentTime = model.get("position"); draw(); } },
    "change:playing": () => { if (!telling && model.get("playing") === audio.paused) toggle(); },
  };
  for (const [name, act] of Object.entries(orders)) model.on(name, act);
  document.addEventListener("musiclab-play", hush);
  const resized = new ResizeObserver(() => { if (canvas.clientWidth && canvas.clientWidth !== width) layout(); });
  resized.observe(canvas);
  const themed = new MutationObserver(layout);
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "class"] });

  write();
  loadSound();
  layout();
  readRegion();
  showState();
  return () => {
    cancelAnimationFrame(frame);
    resized.disconnect();
    themed.disconnect();
    document.removeEventListener("musiclab-play", hush);
    for (const [name, act] of Object.entries(orders)) model.off(name, act);
    audio.onpause = null;
    audio.pause();
    if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
