"""The sampling panel: every knob of generating, and the notes appear as they are drawn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import ipywidgets

from musiclab.datasets.examples import EXAMPLES, load_example
from musiclab.files import write_whole
from musiclab.generation import stream_score
from musiclab.midi import read_midi
from musiclab.models.base import Model
from musiclab.pretrained import load_pretrained, pretrained_names
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.tokenizers.base import Tokenizer
from musiclab.widgets.display import box_bundle
from musiclab.widgets.draft import Draft
from musiclab.widgets.knobs import LOOK, ROW, Knobs, settings
from musiclab.widgets.player import Player, roll_png


class SamplingPanel(ipywidgets.VBox):
    """Music by a model at the press of a button, with every knob that there is.

    *Generate* draws notes that appear as they come, *Again* does so with the next seed, *Stop* leaves them as they are.
    With one seed, turning a knob changes only what that knob changes. *Keep* puts a copy below, to compare. A page
    without a kernel shows a picture.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    primer : Score, optional
        What to continue; the examples and a MIDI file of one's own can be picked too.
    sampler : Sampler, optional
        Where the knobs begin.
    n_bars : int
        Bars in all, the primer's included.
    rules : sequence of str or Rule
        As in ``stream_score``. Each can be switched off, and says what it has cost: the nats of probability it removed.

    Attributes
    ----------
    sampler : Sampler
        What the knobs say; set it, and they follow.
    score : Score
        What is in sight.
    history : list of (Sampler, Score)
        All that was made.
    kept : list of Player
        The copies below.
    draft : Draft
        The roll.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> panel = SamplingPanel(GRU(len(Melody().vocab), width=8), Melody(), n_bars=1)
    >>> score = panel.finish()
    >>> panel.keep()
    >>> panel.again()
    >>> while panel.pull():
    ...     pass
    >>> panel.kept[0].score == score, [sampler.seed for sampler, _ in panel.history]
    (True, [0, 1])
    """

    _ipython_display_ = None  # ipywidgets 7 has one, which would leave out the picture

    def __init__(
        self, model: Model, tok: Tokenizer, primer: Score | None = None, sampler: Sampler | None = None,
        n_bars: int = 8, rules: Sequence = (),
    ) -> None:  # fmt: skip
        self._models = {f"{type(model).__name__}, as given": (model, tok)}
        self.history, self.kept, self._made_with = [], [], Sampler()
        self._primers = {"no primer": None, **({} if primer is None else {"the primer given": primer})}
        self.draft, self._knobs = Draft(), Knobs(sampler or Sampler())
        self._model = ipywidgets.Dropdown(options=[*self._models, *pretrained_names()], description="model", **LOOK)
        names = [*self._primers, *EXAMPLES]
        self._primer = ipywidgets.Dropdown(options=names, value=[*self._primers][-1], description="primer", **LOOK)
        self._bars = ipywidgets.IntSlider(n_bars, min=1, max=max(32, n_bars), description="bars in all", **LOOK)
        self._primer_bars = ipywidgets.IntSlider(2, min=1, max=16, description="bars of primer", **LOOK)
        self._rules = [(rule, ipywidgets.Checkbox(True, indent=False, layout={"width": "236px"})) for rule in rules]
        self._message = ipywidgets.HTML()
        pickers, boxes = [self._model, self._bars, self._primer, self._primer_bars], [box for _, box in self._rules]
        rows = [ipywidgets.Box(row, layout=ROW) for row in (pickers, boxes, self._buttons()) if row]
        super().__init__([rows[0], self._knobs, *rows[1:], self._message, self.draft])
        self.draft.observe(lambda _: self._show_state(), ["running", "said"])
        self.draft.observe(lambda change: change["new"] or self._remember(), "running")
        self._show_state()

    def _buttons(self) -> list[ipywidgets.Widget]:
        upload = ipywidgets.FileUpload(accept=".mid,.midi", description="Primer from MIDI", layout={"width": "190px"})
        upload.observe(lambda change: self._try(self.read_primer, *_last_file(change["new"])), "value")
        acts = {"Generate": self.generate, "Again": self.again, "Stop": self.stop, "Keep": self.keep}
        self.buttons = {name: ipywidgets.Button(description=name, layout={"width": "100px"}) for name in acts}
        for name, act in acts.items():
            self.buttons[name].on_click(lambda _, act=act: self._try(act))
        self.buttons["Generate"].button_style = "primary"
        return [*self.buttons.values(), upload]

    sampler = property(lambda self: self._knobs.sampler, lambda self, sampler: setattr(self._knobs, "sampler", sampler))
    score = property(lambda self: self.draft.score)

    @property
    def primer(self) -> Score | None:
        name = self._primer.value
        score = self._primers[name] if name in self._primers else load_example(name)
        return score and score.bars(0, self._primer_bars.value)

    def generate(self) -> None:
        """Begin anew with what the knobs say; the page asks for more, or ``pull`` does."""
        name, primer, sampler, n_bars = self._model.value, self.primer, self.sampler, self._bars.value
        model, tok = self._models.setdefault(name, self._models.get(name) or load_pretrained(name))
        rules = [rule for rule, box in self._rules if box.value]
        draws = stream_score(model, tok, primer, sampler, n_bars, rules=rules)
        begun, self._made_with = [] if primer is None else tok.encode(primer), sampler
        self.draft.caption = f"{n_bars} bars by {name}"
        self.draft.start(tok, draws, begun, n_bars, title=settings(sampler), source=f"{name}: {settings(sampler)}")

    def again(self) -> None:
        """Generate with the next seed."""
        self._knobs.sliders["seed"].value += 1
        self.generate()

    def pull(self) -> bool:
        """Draw for some 40 ms; return whether more is to come."""
        return self.draft.pull()

    def stop(self) -> None:
        """Leave the score as it is."""
        self.draft.stop()

    def finish(self) -> Score:
        """Return the score when it is complete; begin one if none is in the making."""
        if not self.draft.running:
            self.generate()
        while self.pull():
            pass
        return self.score

    def keep(self) -> None:
        """Put a copy of what is in sight below, under the next letter."""
        title = f"{chr(ord('A') + len(self.kept))}: {self.score.title}"
        self.kept.append(Player(replace(self.score, title=title)))
        self.children = [*self.children, self.kept[-1]]

    def read_primer(self, name: str, data: bytes) -> None:
        """Make the bytes of a MIDI file a primer, and pick it."""
        with tempfile.TemporaryDirectory() as folder:
            self._primers[name] = read_midi(write_whole(Path(folder, "primer.mid"), data))
        self._primer.options = [*self._primers, *EXAMPLES]
        self._primer.value = name

    def _show_state(self) -> None:
        paid, running = self.draft.paid, self.draft.running
        self.buttons["Stop"].disabled, self.buttons["Keep"].disabled = not running, not len(self.score)
        for rule, box in self._rules:
            name = str(getattr(rule, "name", rule))
            box.description = f"{name.replace('_', ' ')} ({paid.get(name, 0.0):.2f} nats)"

    def _remember(self) -> None:
        if len(self.score):
            self.history.append((self._made_with, self.score))

    def _try(self, act: Callable, *given) -> None:
        """Do it, or say on the page what is wrong: nobody would see the error of a click."""
        self._message.value = ""
        try:
            act(*given)
        except (ValueError, OSError) as wrong:
            self._message.value = f'<b role="alert">{escape(str(wrong))}</b>'

    def __repr__(self) -> str:
        return f"SamplingPanel({self.sampler}, {self.score!r}, {len(self.history)} made)"

    def _repr_mimebundle_(self, **kwargs) -> dict:
        return box_bundle(self, roll_png(self.score))


def _last_file(value: dict | tuple) -> tuple[str, bytes]:
    """Return name and bytes of the last file uploaded: ipywidgets 7 keeps them in a dict by name, 8 in a tuple."""
    files = value.items() if isinstance(value, dict) else [(file["name"], file) for file in value]
    name, file = list(files)[-1]
    return name, bytes(file["content"])
