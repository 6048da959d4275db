// The feature explorer's map, above the player. This file follows player.js in one module, so its names are known here.
// State lives in the model (see feature_explorer.py); this file writes back only `space` and `chosen`.

const MAP = { width: 900, height: 400, edge: 24, near: 14 };  // in units of the picture's view box
const SHAPES = ["M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", "M-4.5-4.5h9v9h-9z", "M0-5.5 5.5 4.5h-11z", "M0-6 6 0 0 6-6 0z",
  "M0 5.5 5.5-4.5h-11z", "M-5.5 0 4.5-5.5v11z", "M5.5 0-4.5-5.5v11z", "M-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z"];
const LOOK = `
.ml-explorer{--ink:var(--jp-ui-font-color1,var(--colab-primary-text-color,var(--vscode-editor-foreground,#24292f)));
  box-sizing:border-box;max-width:960px;margin:4px 2px;padding:10px 14px;border-radius:14px;color:var(--ink);
  border:1px solid color-mix(in srgb,var(--ink) 16%,transparent);font:13px/1.45 system-ui,sans-serif}
.ml-explorer header{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center;margin-bottom:8px}
.ml-explorer button{font:inherit;padding:3px 12px;border-radius:14px;color:inherit;background:none;cursor:pointer;
  border:1px solid color-mix(in srgb,var(--ink) 40%,transparent)}
.ml-explorer button[aria-pressed=true]{background:#0072b2;border-color:#0072b2;color:#fff}
.ml-explorer header svg{width:12px;height:12px;margin-right:5px;vertical-align:-1px;overflow:visible}
.ml-explorer .ml-map{display:block;width:100%;border-radius:6px;cursor:crosshair;touch-action:none;
  background:color-mix(in srgb,var(--ink) 5%,transparent)}
.ml-explorer .dot{opacity:.75;transition:transform .7s ease-in-out}
.ml-explorer .some .dot{opacity:.5}
.ml-explorer .some .dot.chosen{opacity:1;stroke:var(--ink);stroke-width:1.8}
.ml-explorer .brush{fill:#0072b2;fill-opacity:.14;stroke:#56b4e9}
.ml-explorer :focus-visible{outline:2px solid #56b4e9;outline-offset:2px}
.ml-explorer p{min-height:1.45em;margin:6px 0 0}
@media (prefers-reduced-motion:reduce){.ml-explorer .dot{transition:none}}`;

function draw(parent, tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

function renderExplorer({ model, el }) {
  const face = make(el, "div", "ml-explorer", { role: "group", "aria-label": "Feature explorer" });
  make(face, "style", "").textContent = LOOK;
  const head = make(face, "header", ""), [maps, names, kinds, kindOf] =
    ["maps", "names", "kinds", "kind_of"].map((name) => model.get(name));
  const buttons = maps.map(([name]) => {
    const button = make(head, "button", "", { type: "button" });
    button.textContent = name;
    button.onclick = () => tell("space", name);
    return button;
  });
  kinds.forEach(([name, color], i) => {
    const entry = make(head, "span", "");
    draw(draw(entry, "svg", { viewBox: "-6 -6 12 12" }), "path", { d: SHAPES[i], fill: color });
    entry.append(name);
  });
  const map = draw(face, "svg", { class: "ml-map", viewBox: `0 0 ${MAP.width} ${MAP.height}`, tabindex: 0, role: "img" });
  map.setAttribute("aria-label", "Map. Drag over points, or click; arrows go to the next point, Escape chooses none.");
  const said = make(face, "p", "", { "aria-live": "polite" });
  const dots = names.map((_, i) => draw(map, "path", { class: "dot", d: SHAPES[kindOf[i]], fill: kinds[kindOf[i]][1] }));
  const brush = draw(map, "rect", { class: "brush", visibility: "hidden" });
  const close = render({ model, el });
  let places = [], from = null;

  function tell(name, value) {
    model.set(name, value);
    model.save_changes();
  }
  function place() {                             // in the middle, both ways in the same measure
    const space = model.get("space"), flat = maps.find(([name]) => name === space)[1];
    const [[left, right], [low, high]] = [0, 1].map((way) => flat.map((at) => at[way])).map(
      (all) => [Math.min(...all), Math.max(...all)]);
    const room = [MAP.width - 2 * MAP.edge, MAP.height - 2 * MAP.edge];
    const unit = Math.min(room[0] / (right - left || 1), room[1] / (high - low || 1));
    places = flat.map(([x, y]) => [
      MAP.width / 2 + (x - (left + right) / 2) * unit, MAP.height / 2 - (y - (low + high) / 2) * unit]);
    dots.forEach((dot, i) => { dot.style.transform = `translate(${places[i][0]}px,${places[i][1]}px)`; });
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", maps[i][0] === space));
  }
  function light() {
    const chosen = model.get("chosen"), counts = kinds.map(() => 0);
    dots.forEach((dot, i) => dot.classList.toggle("chosen", chosen.includes(i)));
    map.classList.toggle("some", chosen.length > 0);
    for (const i of chosen) { counts[kindOf[i]] += 1; map.insertBefore(dots[i], brush); }
    const told = kinds.map(([name], i) => counts[i] && `${counts[i]} ${name}`).filter(Boolean).join(", ");
    said.textContent = chosen.length === 1 ? `${names[chosen[0]]} (${kinds[kindOf[chosen[0]]][0]})`
      : chosen.length ? `${chosen.length} chosen: ${told}` : "Drag a box over points, or click one, to hear them.";
  }

  const distance = (i, [x, y]) => Math.hypot(places[i][0] - x, places[i][1] - y);
  const indices = names.map((_, i) => i);
  const nearest = (some, at) => some.reduce((a, b) => (distance(b, at) < distance(a, at) ? b : a));
  function at(event) {
    const box = map.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * MAP.width, ((event.clientY - box.top) / box.height) * MAP.height];
  }
  function box(to) {
    const x = Math.min(from[0], to[0]), y = Math.min(from[1], to[1]);
    return { x, y, width: Math.abs(from[0] - to[0]), height: Math.abs(from[1] - to[1]) };
  }
  map.onpointerdown = (event) => {
    from = at(event);
    map.setPointerCapture(event.pointerId);
  };
  map.onpointermove = (event) => {
    if (!from) return;
    for (const [name, value] of Object.entries({ ...box(at(event)), visibility: "visible" })) brush.setAttribute(name, value);
  };
  map.onpointercancel = () => { from = null; brush.setAttribute("visibility", "hidden"); };
  map.onpointerup = (event) => {
    if (!from) return;
    const to = at(event), { x, y, width, height } = box(to);
    const inside = ([px, py]) => px >= x && px <= x + width && py >= y && py <= y + height;
    const dragged = Math.max(width, height) > 5, closest = nearest(indices, to);
    const found = dragged ? indices.filter((i) => inside(places[i])) : [closest].filter((i) => distance(i, to) < MAP.near);
    map.onpointercancel();
    tell("chosen", event.shiftKey ? [...new Set([...model.get("chosen"), ...found])] : found);
  };
  map.onkeydown = (event) => {
    const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0];
    if (!dx && !dy && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();  // the notebook has plans for these keys too
    if (!dx && !dy) return tell("chosen", []);
    const last = model.get("chosen").at(-1) ?? 0, [x, y] = places[last];
    const side = indices.filter((i) => {  // within 45 degrees of the arrow
      const [ax, ay] = [places[i][0] - x, places[i][1] - y], along = ax * dx + ay * dy;
      return along > 0 && along >= Math.abs(ax * dy) + Math.abs(ay * dx);
    });
    if (side.length) tell("chosen", [nearest(side, [x, y])]);
  };
  model.on("change:space", place);
  model.on("change:chosen", light);
  place();
  light();
  return () => {
    model.off("change:space", place);
    model.off("change:chosen", light);
    close();
  };
}

export default { render: renderExplorer };
