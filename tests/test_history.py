"""Training's history: its curves, and a forecast that says how sure it is."""

import math

import numpy as np
import pytest

from musiclab.history import History, learning_rate_factor, show_live

# Validation losses of real runs at their judgements, and the iterations planned. The forecast's constants were chosen
# on these six (and one more like the fifth), and not touched after it was tried on the others below.
CHOSEN_ON = {
    "GRU, dance tunes": (200, """
        3.650 2.496 2.356 2.334 2.330 2.245 2.164 2.100 2.059 2.009 1.961 1.942 1.926 1.912 1.896 1.882 1.872
        1.865 1.860 1.857
    """),
    "Transformer, dance tunes": (200, """
        3.339 2.650 2.387 2.197 2.112 2.056 2.034 2.015 1.972 1.950 1.921 1.865 1.842 1.817 1.790 1.770 1.753
        1.738 1.724 1.716
    """),
    "GRU, a folder of MIDI files": (200, """
        6.160 5.060 4.736 4.467 4.232 4.078 3.936 3.789 3.686 3.620 3.576 3.533 3.500 3.477 3.465 3.456 3.450
        3.446 3.443 3.441
    """),
    "Transformer, a folder of MIDI files": (200, """
        5.682 5.119 4.820 4.621 4.299 4.122 3.916 3.724 3.568 3.453 3.358 3.264 3.208 3.159 3.128 3.108 3.092
        3.083 3.079 3.075
    """),
    "grid, chorales": (1000, """
        0.676 0.496 0.452 0.423 0.401 0.383 0.372 0.365 0.360 0.357 0.356 0.354 0.354 0.354 0.354 0.354 0.355
        0.355
    """),
    "grid without copying, chorales": (1000, """
        0.785 0.566 0.509 0.478 0.456 0.435 0.420 0.410 0.404 0.400 0.396 0.394 0.392 0.390 0.390 0.389 0.389
        0.389 0.389 0.389
    """),
}  # fmt: skip
TRIED_ON = {
    "GRU, tunes in one key": (300, """
        2.209 1.956 1.808 1.684 1.615 1.578 1.544 1.520 1.491 1.466 1.439 1.415 1.396 1.376 1.360 1.349 1.340
        1.334 1.330 1.327
    """),
    "GRU, tunes as text": (300, """
        2.539 2.008 1.766 1.561 1.422 1.331 1.261 1.203 1.157 1.116 1.077 1.048 1.027 1.012 1.000 0.992 0.985
        0.981 0.978 0.976
    """),
    "grid, 900": (900, """
        0.676 0.500 0.450 0.424 0.405 0.390 0.378 0.370 0.362 0.357 0.355 0.352 0.350 0.349 0.348 0.348 0.348
        0.348 0.348 0.348
    """),
    "grid, dropout": (800, """
        0.814 0.570 0.516 0.476 0.453 0.436 0.425 0.416 0.409 0.404 0.400 0.398 0.397 0.395 0.395 0.395 0.394
        0.394 0.394 0.394
    """),
    "grid, other sizes": (800, """
        1.093 0.640 0.538 0.487 0.460 0.445 0.437 0.430 0.426 0.422 0.418 0.417 0.415 0.414 0.415 0.415 0.414
        0.414 0.414 0.414
    """),
}  # fmt: skip


def run(law, iters=1000, judged=20, done=None):
    """A history whose validation loss is ``law`` of the learning rate spent, up to ``done`` judgements."""
    spent = np.cumsum([learning_rate_factor(i, iters) for i in range(1, iters + 1)])
    every = iters // judged
    valid = [(i, float(law(spent[i - 1]))) for i in range(every, iters + 1, every)][: done or judged]
    best = min(valid, key=lambda pair: pair[1])
    return History(iters, train=valid, valid=valid, best_iter=best[0], best_valid=best[1])


def test_warm_up_then_cosine():
    factors = [learning_rate_factor(i, 400) for i in range(1, 401)]
    assert np.argmax(factors) == 19
    assert (np.diff(factors[20:]) < 0).all()


@pytest.mark.parametrize("p", [0.4, 1.2, 2.5])
def test_a_power_law_is_continued(p):
    whole = run(lambda x: 0.5 + 30 * (x + 5) ** -p)
    for done in (6, 10, 15):
        low, middle, high = run(lambda x: 0.5 + 30 * (x + 5) ** -p, done=done).forecast()
        assert low <= whole.best_valid <= high
        assert middle == pytest.approx(whole.best_valid, rel=0.2)


def forecasts(iters, losses):
    """Yield each forecast of a real run from its fourth judgement on, and what came."""
    valid = [(iters // 20 * k, float(loss)) for k, loss in enumerate(losses.split(), 1)]
    for done in range(4, len(valid)):
        i, loss = min(valid[:done], key=lambda pair: pair[1])
        history = History(iters, train=valid[:done], valid=valid[:done], best_iter=i, best_valid=loss)
        yield history.forecast(), min(loss for _, loss in valid)


@pytest.mark.parametrize("runs", [CHOSEN_ON, TRIED_ON], ids=["chosen on", "tried on"])
def test_the_interval_holds_on_real_runs_nine_times_in_ten(runs):
    rows = [row for name in runs for row in forecasts(*runs[name])]
    held = [low <= came <= high for (low, _, high), came in rows]
    width = [(high - low) / came for (low, _, high), came in rows]
    assert np.mean(held) >= 0.9
    assert np.median(width) <= 0.2  # and it is not so wide as to say nothing
    assert np.mean([abs(middle - came) / came for (_, middle, _), came in rows]) <= 0.06


def test_the_interval_narrows_as_the_end_comes_near():
    widths = []
    for done in (5, 10, 19):
        low, _, high = run(lambda x: 0.5 + 30 * (x + 5) ** -0.9, done=done).forecast()
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2] > 0


def test_what_was_reached_stays():
    history = run(lambda x: 1 + (x / 200 - 1) ** 2, done=14)  # got worse for a while
    assert history.valid[-1][1] > history.best_valid
    assert max(history.forecast()) <= history.best_valid


def test_no_forecast_is_below_zero():
    steep = [(6, 4.57), (12, 3.31), (18, 2.86), (24, 2.66)]  # the beginning of a real run
    history = History(125, train=steep, valid=steep, best_iter=24, best_valid=2.66)
    assert 0 <= history.forecast()[0] < 2


def test_a_forecast_needs_four_judgements_and_a_future():
    law = lambda x: 1 + 1 / x  # noqa: E731
    assert all(math.isnan(guess) for guess in run(law, done=3).forecast())
    assert not math.isnan(run(law, done=4).forecast()[0])
    for iters in (150, 1001):
        with pytest.raises(ValueError, match=r"iters must be in 200\.\.1000, got"):
            run(law, done=4).forecast(iters)
    near, far = run(law, done=4).forecast(250), run(law, done=4).forecast()
    assert near[1] > far[1]


def test_the_plot_shows_both_curves_the_best_and_the_forecast_until_the_end():
    labels = run(lambda x: 1 + 1 / x, done=9).plot().get_legend_handles_labels()[1]
    assert [label.split(":")[0] for label in labels] == ["training batches", "validation", "best", "forecast"]
    ended = run(lambda x: 1 + 1 / x)
    assert "forecast" not in str(ended.plot().get_legend_handles_labels()[1])
    early = run(lambda x: 1 + 1 / x, done=9)
    early.stopped = True
    assert "forecast" not in str(early.plot().get_legend_handles_labels()[1])
    assert History(10).plot().get_xlim() == (0, 10)


class Shell:
    kernel = True


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would be asked to show: (picture, place, whether in the same place as before)."""
    pictures = []
    monkeypatch.setattr("IPython.get_ipython", Shell)
    monkeypatch.setattr(
        "IPython.display.display", lambda picture, display_id, update: pictures.append((picture, display_id, update))
    )
    return pictures


def test_a_notebook_sees_one_picture_that_changes(shown):
    history = run(lambda x: 1 + 1 / x, done=5)
    history.seconds = 2
    assert show_live(history, show_live(history, False))
    assert [update for *_, update in shown] == [False, True]
    assert len({place for _, place, _ in shown}) == 1
    assert all(picture.data[:4] == b"\x89PNG" and picture.alt == repr(history) for picture, *_ in shown)


def test_short_runs_and_scripts_show_nothing(shown, monkeypatch):
    history = run(lambda x: 1 + 1 / x, done=5)
    assert not show_live(history, False)
    history.seconds = 2
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert not show_live(history, False)
    assert shown == []
