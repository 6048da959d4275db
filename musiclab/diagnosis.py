"""What may be wrong with a model, found by simple measurements, and the cure in words.

Karpathy (2019), A recipe for training neural networks, asks most of these questions of a network; the rest are asked of
what it writes, for a low loss does not promise good music (Holtzman et al. 2020).
"""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch

from musiclab.errors import require
from musiclab.feedback import Feedback
from musiclab.models.base import Model, build_model
from musiclab.sampling import Draw, Sampler, stream
from musiclab.score import Score
from musiclab.tokenizers.base import BOS, Tokenizer
from musiclab.training import History, token_nll

MOST_SCORES, MOST_IDS = 20, 1024  # of the data; enough to tell what is far off
SAMPLES, SAMPLE_IDS = 4, 400
RUN, BACK = 16, range(1, 17)
CURES = {
    "start": "Begin with smaller weights in the last layer: the first steps are spent on unlearning.",
    "knowledge": "It knows no more than how often each word comes. Train longer, or with another learning rate.",
    "copying": "A rule without a network guesses as well. Train longer, with more layers or a longer context.",
    "collapse": "It is surer than it is right. More data, dropout; sample with a temperature above 1.",
    "drift": "It loses its way in its own music. Train longer; sample with temperature 0.9 and top_p 0.95.",
    "monotony": "One word drowns the others. Train longer, lower the learning rate, or raise the temperature.",
    "loops": "It goes in circles. Raise the temperature or top_p, or train on more music.",
    "overfitting": "It began to learn by heart; fit kept the best weights. More data, dropout, a smaller model.",
}


Finding = tuple[str, str, bool]  # what was looked at, what was found, and whether it needs its cure


def diagnose(model: Model, tok: Tokenizer, data: Sequence[Score], history: History | None = None) -> Feedback:
    """Return what seems wrong with a model, each such finding with its cure; takes some seconds.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
        The one the model was trained with.
    data : sequence of Score
        Held out from training; the first 20 are looked at.
    history : History, optional
        Of the training, to tell whether it went on too long.

    Raises
    ------
    ValueError
        If there are no scores.

    Notes
    -----
    Notebook: your_own_music.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> tunes = [Score([(24 * i, 24, 60 + i % 5) for i in range(16)])]
    >>> report = diagnose(GRU(len(Melody().vocab), width=8), Melody(), tunes)
    >>> [text.split()[0] for sign, text, _ in report.rows if sign != "✓"]
    ['knowledge', ...]
    """
    require(len(data) > 0, "data", "at least one score", 0)
    sequences = [np.array(tok.sequence(score)[:MOST_IDS]) for score in data[:MOST_SCORES]]
    n = min(SAMPLE_IDS, max(map(len, sequences)))
    draws = [list(islice(stream(model, [BOS], Sampler(seed=k), tok.grammar()), n)) for k in range(SAMPLES)]
    loss = np.concatenate(token_nll(model, sequences)).mean()
    findings = [*_of_guesses(model, loss, sequences), *_of_music(loss, draws, [s[1 : n + 1] for s in sequences], tok)]
    if history and history.valid:
        best, last, train = history.best_valid, history.valid[-1][1], history.train[-1][1]
        found = f"validation {best:.2f} at best, {last:.2f} in the end; training {train:.2f}"
        findings.append(("overfitting", found, last > 1.02 * best))
    return Feedback.of([(name, found, CURES[name] * bool(ill)) for name, found, ill in findings])


@torch.no_grad()
def _of_guesses(model: Model, loss: float, sequences: list[np.ndarray]) -> list[Finding]:
    """Compare the guesses on real music with guesses that need no network."""
    fresh = np.concatenate(token_nll(build_model(model.config).to(model.device), sequences[:4])).mean()
    blind = np.log(model.vocab_size)
    ids = np.concatenate([s[1:] for s in sequences])
    share = np.unique(ids, return_counts=True)[1] / len(ids)
    frequencies = -(share * np.log(share)).sum()
    copied, back = max((sum((s[k:] == s[:-k]).sum() for s in sequences) / len(ids), k) for k in BACK)
    guesses = [model(torch.as_tensor(s[None, :-1], device=model.device))[0][0].argmax(-1).cpu() for s in sequences]
    right = (torch.cat(guesses).numpy() == ids).mean()
    rules = f"the commonest id {share.max():.0%}, the id {back} back again {copied:.0%}"
    return [
        ("start", f"{fresh:.2f} nats per id untrained; blind guesses cost ln V = {blind:.2f}", fresh > 1.15 * blind),
        ("knowledge", f"{loss:.2f} nats per id; frequencies alone {frequencies:.2f}", not loss < frequencies),
        ("copying", f"guesses {right:.0%} right; {rules}", right <= max(share.max(), copied)),
    ]


def _of_music(loss: float, draws: list[list[Draw]], data: list[np.ndarray], tok: Tokenizer) -> list[Finding]:
    """Compare what it writes with the data, and how sure it is with how right it is."""
    entropy = np.mean([draw.entropy for piece in draws for draw in piece])
    pieces = [np.array([draw.id for draw in piece]) for piece in draws]
    drawn, ids, repeated, usually = *map(np.concatenate, (pieces, data)), _repeated(pieces), _repeated(data)
    commonest = np.bincount(drawn).argmax()
    share, usual = (drawn == commonest).mean(), (ids == commonest).mean()
    sure = f"hesitates by {entropy:.2f} nats as it writes, loses {loss:.2f} on real music"
    word = f"{tok.vocab[commonest]} is {share:.0%} of what it writes, {usual:.0%} of the data"
    runs = f"{repeated:.0%} of its runs of {RUN} ids come again, {usually:.0%} of the data's"
    return [
        ("collapse", sure, entropy < loss / 2),
        ("drift", sure, entropy > 1.5 * loss + 0.1),
        ("monotony", word, 1 - share < (1 - usual) / 2),  # half of the variety is gone
        ("loops", runs, 1 - repeated < (1 - usually) / 2),
    ]


def _repeated(pieces: list[np.ndarray]) -> float:
    """Return the share of runs of ``RUN`` ids that their piece has had before."""
    runs = [np.lib.stride_tricks.sliding_window_view(ids, RUN) for ids in pieces if len(ids) >= RUN]
    return 1 - sum(len(np.unique(run, axis=0)) for run in runs) / max(1, sum(map(len, runs))) if runs else 0.0
