// Bars that sound while the next ones are written, around a draft. This file follows player.js and draft.js in one
// module. Each bar comes as a sound of its own and is put on one clock; the page asks for more only when no more than a
// bar is left to hear, so what the reader changes is heard soon.

const RING = 1.5;                                // seconds, of the last note

function renderLive({ model, el }) {
  const patient = Object.create(model);
  patient.send = (message, ...rest) =>
    setTimeout(() => model.send(message, ...rest), message.ask === "chunk" ? 1000 * waiting() : 0);
  let clock = null, origin = 0, end = 0, last = 0, timer = 0;
  let turn = Promise.resolve(), coming = 0;       // one bar after another; a closed clock decodes nothing
  const heard = () => Math.max(clock.currentTime - origin, 0);
  const waiting = () => (clock ? Math.max(end - heard() - last, 0) : 0);
  const close = renderDraft({ model: patient, el });
  const root = el.querySelector(".ml-player");

  function hush() {
    clearInterval(timer);
    clock?.close();
    clock = null;
    delete root.dataset.heard;
  }
  function follow() {                            // the playhead; what the kernel knows of it is left alone
    if (heard() > end + RING && !coming && !model.get("running")) return hush();
    root.dataset.heard = heard().toFixed(2);
    model.set("position", Math.min(heard(), end));
  }
  async function sound({ bar, second, length }, [data]) {
    if (bar === 0) {
      hush();
      document.dispatchEvent(new CustomEvent("musiclab-play", { detail: el }));   // other players pause
      clock = new AudioContext();
      origin = clock.currentTime + 0.03;
      timer = setInterval(follow, 40);
    }
    const mine = clock;
    if (!mine) return;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    const clip = await mine.decodeAudioData(bytes.buffer);
    if (mine !== clock) return;
    const late = mine.currentTime - (origin + second);
    if (late > 0) origin += late;                // the model was too slow: the music waits for it
    root.dataset.late = (Number(bar ? root.dataset.late : 0) + (bar ? Math.max(late, 0) : 0)).toFixed(2);
    const voice = new AudioBufferSourceNode(mine, { buffer: clip });
    voice.connect(mine.destination);
    voice.start(origin + second);
    [end, last] = [second + length, length];
    root.dataset.bars = bar + 1;
  }
  function receive(message, buffers) {
    if (message.hush) hush();
    if (message.bar === undefined) return;
    coming += 1;
    turn = turn.then(() => sound(message, buffers)).catch(() => {}).then(() => { coming -= 1; });
  }
  const yieldTo = (event) => event.detail !== el && hush();

  model.on("msg:custom", receive);
  document.addEventListener("musiclab-play", yieldTo);
  return () => {
    hush();
    model.off("msg:custom", receive);
    document.removeEventListener("musiclab-play", yieldTo);
    close();
  };
}

export default { render: renderLive };
