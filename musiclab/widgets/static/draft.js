// A score in the making, around the player's roll. This file follows player.js in one module, so its names are known
// here. While the model is `running`, each `chunk` that arrives is answered with the question for the next one.

const STRIP = 46, FILES = { ".mid": "MIDI", ".musicxml": "MusicXML", ".mp3": "mp3" };
const TYPES = { mid: "audio/midi", musicxml: "application/vnd.recordare.musicxml+xml", mp3: "audio/mpeg" };

function renderDraft({ model, el }) {
  const close = render({ model, el });
  const [root, roll, audio] = [".ml-player", ".ml-roll", "audio"].map((name) => el.querySelector(name));
  const strip = document.createElement("canvas");
  strip.className = "ml-strip";
  strip.setAttribute("role", "img");
  roll.after(strip);
  const foot = make(root, "div", "ml-foot");
  const bar = make(foot, "progress", "", { max: 1, "aria-label": "Written so far" });
  const said = make(foot, "span", "ml-said", { "aria-live": "off" }), files = make(foot, "span", "ml-files");
  files.append("Download");
  for (const [suffix, name] of Object.entries(FILES)) {
    const button = make(files, "button", "ml-chip ml-file", { type: "button" });
    button.textContent = name;
    button.onclick = () => {
      files.classList.add("ml-waiting");
      model.send({ ask: "file", suffix });
    };
  }

  const bill = make(root, "div", "ml-bill", { tabindex: 0, role: "group", "aria-label": "What the rules have cost" });
  function cell(row, tag, text, share = 0) {
    const node = make(row, tag, "", share ? { style: `background:rgba(213,94,0,${Math.min(share, 0.6).toFixed(2)})` } : {});
    node.textContent = text;
  }
  function drawBill() {                          // nats, in all and bar by bar; – where a rule was off
    const rules = Object.entries(model.get("bill")), bars = Math.max(0, ...rules.map(([, [, nats]]) => nats.length));
    bill.hidden = !rules.length;
    bill.replaceChildren();
    const table = make(bill, "table", ""), head = make(table, "tr", "");
    for (const text of ["nats paid", "in all", ...Array.from({ length: bars }, (_, i) => i + 1)]) cell(head, "th", text);
    for (const [name, [over, nats]] of rules) {
      const row = make(table, "tr", "");
      cell(row, "th", name.replaceAll("_", " "));
      cell(row, "th", nats.reduce((sum, n) => sum + n, 0).toFixed(1));
      for (const n of nats) cell(row, "td", n === null ? "–" : n < 0.05 ? "·" : n.toFixed(1), n / 12);
      if (over) cell(row, "td", `passed over ${over} ×`);
    }
  }

  function drawStrip() {                         // the page of the roll
    const width = Math.max(strip.clientWidth, 240), g = strip.getContext("2d"), style = getComputedStyle(root);
    strip.width = Math.round(width * devicePixelRatio);
    strip.height = Math.round(STRIP * devicePixelRatio);
    g.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    const moments = model.get("entropy"), start = Number(roll.dataset.start), length = Number(roll.dataset.length);
    const x = (second) => GUTTER + ((second - start) / length) * (width - GUTTER);
    const most = moments.reduce((high, [, nats]) => Math.max(high, nats), 4);
    g.font = `10px ${style.fontFamily}`;
    g.fillStyle = style.color;
    g.globalAlpha = 0.65;
    g.textAlign = "right";
    g.fillText("nats", GUTTER - 6, STRIP - 3);
    g.fillText(most.toFixed(0), GUTTER - 6, 12);
    g.globalAlpha = 0.2;
    g.fillRect(GUTTER, STRIP - 1, width - GUTTER, 1);
    g.beginPath();
    g.rect(GUTTER, 0, width - GUTTER, STRIP);
    g.clip();
    const step = moments.slice(1).reduce((least, [second], i) => Math.min(least, second - moments[i][0]), length);
    for (const [second, nats] of moments) {
      const tall = (nats / most) * (STRIP - 6);
      g.globalAlpha = 0.35 + (0.65 * nats) / most;
      g.fillStyle = "#d55e00";
      g.fillRect(x(second), STRIP - tall, Math.max(x(second + step) - x(second) - 0.5, 1), tall);
    }
    const mean = moments.reduce((sum, [, nats]) => sum + nats, 0) / Math.max(moments.length, 1);
    strip.setAttribute("aria-label", `Entropy: how open each moment was, ${mean.toFixed(2)} nats on average`);
    strip.title = "How open each moment was: the entropy of the model's choice, in nats";
  }
  function write() {
    said.textContent = model.get("said");
    const [onset, long] = model.get("notes").at(-1) || [0, 0];
    bar.value = (onset + long) / (model.get("duration") || 1);
    bar.hidden = !model.get("running");
    root.dataset.running = model.get("running");
    root.dataset.notes = model.get("notes").length;
    for (const button of files.querySelectorAll("button")) button.disabled = !model.get("notes").length;
    drawStrip();
  }
  function ask() {
    write();
    if (model.get("running")) model.send({ ask: "chunk", chunk: model.get("chunk") });
  }
  function settle() {                            // the sound is made in a turn of its own
    write();
    if (!model.get("running") && model.get("notes").length) model.send({ ask: "sound" });
  }
  function receive(message, buffers) {
    if (!message.file) return;
    files.classList.remove("ml-waiting");
    const bytes = new Blob(buffers, { type: TYPES[message.file.split(".").pop()] });
    const link = make(files, "a", "", { href: URL.createObjectURL(bytes), download: message.file });
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  const orders = {
    "change:chunk": ask, "change:running": settle, "change:said": write, "change:entropy": write, "change:bill": drawBill,
    "msg:custom": receive,
  };
  for (const [name, act] of Object.entries(orders)) model.on(name, act);
  for (const name of ["seeked", "timeupdate"]) audio.addEventListener(name, drawStrip);
  const resized = new ResizeObserver(drawStrip);
  resized.observe(roll);
  const themed = new MutationObserver(drawStrip);
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "class"] });
  drawBill();
  ask();
  return () => {
    resized.disconnect();
    themed.disconnect();
    for (const [name, act] of Object.entries(orders)) model.off(name, act);
    close();
  };
}

export default { render: renderDraft };
