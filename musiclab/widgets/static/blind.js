// The blind test around the player: two cards to hear, two buttons to choose, and at the end what was what. This file
// follows player.js in one module, so its names are known here. Until the last answer the page knows no source.

const BLIND = `
.ml-blind .ml-play,.ml-blind .ml-time,.ml-blind .ml-roll,.ml-blind .ml-legend{display:none}
.ml-bar{height:4px;margin:0 0 12px;border-radius:2px;background:color-mix(in srgb,var(--ml-ink) 12%,transparent)}
.ml-bar i{display:block;height:100%;border-radius:2px;background:#0072b2;transition:width .2s}
.ml-pair{display:grid;grid-template-columns:1fr 1fr;gap:8px 14px}
.ml-player .ml-card{position:relative;display:flex;align-items:center;justify-content:center;gap:10px;height:88px;padding:0;
  overflow:hidden;border:1px solid color-mix(in srgb,var(--ml-ink) 22%,transparent);border-radius:12px;cursor:pointer;
  background:color-mix(in srgb,var(--ml-ink) 4%,transparent);color:inherit;font:600 26px/1 var(--jp-ui-font-family,system-ui)}
.ml-player .ml-card:hover{border-color:#0072b2}
.ml-card:disabled{opacity:.4}
.ml-card svg{width:26px;height:26px;fill:currentColor}
.ml-card i{position:absolute;left:0;top:0;bottom:0;width:0;background:#0072b2;opacity:.2}
.ml-player .ml-pick,.ml-player .ml-again{padding:7px 14px;border:1px solid #0072b2;border-radius:99px;background:#0072b2;
  color:#fff;font:inherit;font-weight:600;cursor:pointer}
.ml-player .ml-pick:disabled{border-color:color-mix(in srgb,var(--ml-ink) 22%,transparent);background:none;color:inherit;
  opacity:.55;cursor:default}
.ml-hint{margin:12px 0 0;font-size:12px;opacity:.7}
.ml-told{width:100%;margin:4px 0 12px;border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
.ml-told th{padding:4px 8px;text-align:left;font-weight:600;opacity:.7}
.ml-told td{padding:3px 8px;border-top:1px solid color-mix(in srgb,var(--ml-ink) 10%,transparent)}
.ml-player .ml-again{padding:1px 10px;background:none;color:inherit;font-weight:400;
  border-color:color-mix(in srgb,var(--ml-ink) 30%,transparent)}
.ml-player .ml-again.ml-chosen{border-color:#0072b2;box-shadow:inset 0 0 0 1px #0072b2;font-weight:600}
.ml-told b{display:inline-block;width:1.3em}
.ml-end{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center;margin:2px 0 10px}
.ml-end p{flex:1;min-width:260px;margin:0;font-size:14px}`;

function renderBlind({ model, el }) {
  const close = render({ model, el });
  const [root, head, play, audio] = [".ml-player", ".ml-head", ".ml-play", "audio"].map((name) => el.querySelector(name));
  root.tabIndex = -1;
  root.setAttribute("aria-label", "Blind test");
  make(root, "style", "").textContent = BLIND;
  const count = make(head, "div", "ml-count"), face = make(root, "div", "");
  head.after(face);
  let heard = new Set(), cards = [], picks = [], wanted = false, frame = 0;

  function hear(i) {
    const [start, stop] = model.get("marks")[i], here = audio.currentTime >= start && audio.currentTime < stop;
    const playing = !audio.paused;
    if (playing) play.click();                   // pauses
    if (playing && here) return;
    model.set("region", [start, stop]);
    if (!here) audio.currentTime = start;
    play.click();
  }
  function choose(choice) {
    if (picks[choice].disabled) return;
    for (const button of [...picks, ...cards]) button.disabled = true;
    cards = [];                                  // keys do nothing until the next question is here
    audio.pause();
    audio.currentTime = 0;                       // where the next question begins
    model.send({ number: model.get("progress")[0], choice });
  }
  function watch() {                             // how far each excerpt has played; an answer needs both
    cancelAnimationFrame(frame);
    if (!cards.length) return;
    model.get("marks").forEach(([start, stop], i) => {
      const share = clamp((audio.currentTime - start) / (stop - start), 0, 1), here = share > 0 && share < 1;
      if (here && !audio.paused) heard.add(i);
      cards[i].querySelector("i").style.width = here ? `${100 * share}%` : 0;
      cards[i].querySelector("path").setAttribute("d", here && !audio.paused ? ICONS.pause : ICONS.play);
    });
    for (const pick of picks) pick.disabled = heard.size < 2;
    if (!audio.paused) frame = requestAnimationFrame(watch);
  }

  function ask() {
    const [done, all] = model.get("progress");
    root.classList.add("ml-blind");
    count.textContent = done < all ? `${done + 1} of ${all}` : "";
    face.replaceChildren();
    cards = picks = [];
    if (done === all) return tell();
    heard = new Set();
    make(make(face, "div", "ml-bar"), "i", "").style.width = `${(100 * done) / all}%`;
    const pair = make(face, "div", "ml-pair");
    cards = ["A", "B"].map((name, i) => {
      const card = make(pair, "button", "ml-card", { type: "button", "aria-label": `Hear ${name}` });
      card.innerHTML = `<i></i><svg viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS.play}"/></svg>${name}`;
      card.onclick = () => hear(i);
      return card;
    });
    picks = ["A", "B"].map((name, i) => {
      const pick = make(pair, "button", "ml-pick", { type: "button" });
      pick.textContent = `It is ${name}`;
      pick.disabled = true;
      pick.onclick = () => choose(i);
      return pick;
    });
    make(face, "p", "ml-hint").textContent = "Listen to both, as often as you like. Keys: A and B to listen, 1 and 2 to "
      + "choose. What was what comes at the end.";
    if (done) root.focus({ preventScroll: true });
  }

  function tell() {
    const end = make(face, "div", "ml-end"), rows = model.get("told");
    const missed = rows.filter(([, , , , isCatch, right]) => isCatch && right === false).length;
    make(end, "p", "").textContent = model.get("said")
      + (missed ? " A catch trial was missed: in a class, this ballot does not count." : "");
    const save = make(end, "button", "ml-pick", { type: "button" });
    save.textContent = "Download ballot";
    save.onclick = () => model.send({ ask: "ballot" });
    const table = make(face, "table", "ml-told");
    make(table, "tr", "").innerHTML = "<th></th><th>A</th><th>B</th><th>you chose</th><th>seconds</th>";
    rows.forEach(([, shown, choice, seconds, isCatch, right], i) => {
      const row = make(table, "tr", "");
      make(row, "td", "").textContent = i + 1;
      shown.forEach((source, j) => {
        const again = make(make(row, "td", ""), "button", `ml-again${j === choice ? " ml-chosen" : ""}`, { type: "button" });
        again.textContent = source;
        again.title = "Hear it again, and see it";
        again.onclick = () => {
          wanted = true;
          audio.pause();
          audio.currentTime = 0;
          model.set({ region: [], position: 0 });
          model.send({ ask: "excerpt", i, j });
        };
      });
      const mark = { true: "✓", false: "✗", null: "" }[right], note = isCatch ? " (catch trial)" : "";
      make(row, "td", "").textContent = `${"AB"[choice]} ${mark}${right === null ? " the same twice" : ""}${note}`;
      make(row, "td", "").textContent = seconds.toFixed(1);
    });
  }
  function receive(message, buffers) {
    if (!message.file) return;
    const link = make(face, "a", "", { href: URL.createObjectURL(new Blob(buffers)), download: message.file });
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
  function start() {                             // an excerpt was asked for at the end: it is here, and it sounds
    const empty = !model.get("audio") || !model.get("audio").byteLength;
    if (wanted && empty) {
      root.classList.remove("ml-blind");
      setTimeout(() => play.click());
    }
    wanted &&= !empty;
  }

  root.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase(), hears = ["a", "b"].indexOf(key), chooses = ["1", "2"].indexOf(key);
    if (!cards.length || event.ctrlKey || event.metaKey || event.altKey || (hears < 0 && chooses < 0)) return;
    event.preventDefault();
    event.stopPropagation();                     // JupyterLab would add a cell
    if (hears >= 0) hear(hears);
    else choose(chooses);
  });
  const orders = { "change:progress": ask, "change:audio": start, "msg:custom": receive };
  for (const [name, act] of Object.entries(orders)) model.on(name, act);
  for (const name of ["play", "pause", "seeked"]) audio.addEventListener(name, watch);
  ask();
  return () => {
    cancelAnimationFrame(frame);
    for (const [name, act] of Object.entries(orders)) model.off(name, act);
    close();
  };
}

export default { render: renderBlind };
