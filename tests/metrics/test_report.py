"""The report card: each row beside held-out music and six forgeries; nothing is measured that cannot be."""

import json
import re

import numpy as np
import pytest

import musiclab as ml
from musiclab.datasets import load_example
from musiclab.metrics.report import ReportCard, Row, evaluate, judged
from musiclab.models import GRU
from musiclab.score import Score
from musiclab.tokenizers import Chorale

BACH = [load_example("bwv270").bars(i, i + 6) for i in range(4)]
FAKES = ["corrupt5", "corrupt20", "barshuffle", "random", "transpose", "markov2"]


@pytest.fixture(scope="module")
def card(jsb) -> ReportCard:
    return evaluate(jsb["test"], jsb["valid"], jsb["train"])


def test_one_sample_has_no_distances():
    card = evaluate(BACH[:1], BACH[1:], BACH)
    for row in card.rows:
        assert (row.verdict == "not measurable at n = 1") == (row.block == "distance to training")
    assert np.isnan(card["two-sample AUC"].value)
    assert [list(row.fakes) for row in card.rows] == [FAKES] * len(card.rows)
    assert "total" not in repr(card)


def test_a_melody_has_no_chorale_rules():
    tunes = [Score([(24 * i, 24, 60 + (k * i * i) % 12) for i in range(16)]) for k in range(1, 6)]
    card = evaluate(tunes[:1], tunes[1:3], tunes[3:])
    assert {row.block for row in card.rows} == {"statistics", "form", "originality", "distance to training"}
    assert card.worst is None


def test_a_model_adds_how_surprised_it_is():
    tok = Chorale()
    card = evaluate(BACH[:1], BACH[1:], BACH, (GRU(len(tok.vocab), width=8), tok))
    surprise = card["nats per quarter"]
    assert surprise.value > 0 and surprise.fakes["random"] > 0
    assert card["membership AUC of training scores"].verdict == "inside"  # it has learned nothing


def test_too_few_scores_are_refused():
    for sets in (([], BACH, BACH), (BACH, BACH[:1], BACH), (BACH, BACH, BACH[:1])):
        with pytest.raises(ValueError, match=r"at least one|2 scores or more"):
            evaluate(*sets)


def test_the_verdict_follows_the_band():
    row = Row("form", "x", 0.5, 0.5, 0.4, 0.6, {"random": 0.7}, "")
    assert judged(row).verdict == "inside" and judged(row._replace(value=0.61)).verdict == "outside"
    card = ReportCard((judged(row),), {"samples": "some"})
    assert card.of("random")["x"].verdict == "outside" and card.of("random")["x"].value == 0.7
    with pytest.raises(ValueError, match="fake must be one of"):
        card.of("nobody")


def test_the_band_of_many_samples_is_narrower_and_lies_about_held_out_music(jsb):
    reference, training = jsb["valid"][:30], jsb["train"][:30]
    one, many = (evaluate(jsb["test"][:n], reference, training)["pitch_class_entropy"] for n in (1, 30))
    assert one.low < many.low < many.reference < many.high < one.high


def test_human_music_is_seldom_called_different(card):
    """Nine rows of ten should be inside; the rows depend on each other, so some more are allowed."""
    assert np.mean([row.verdict == "outside" for row in card.rows]) < 0.3


def test_every_forgery_is_caught_by_some_row_and_a_transposition_by_none_but_range(card):
    caught = {fake: {row.name for row in card.of(fake).rows if row.verdict == "outside"} for fake in FAKES}
    assert {"grade in nine terms", "two-sample AUC", "scale_consistency"} <= caught["corrupt20"]
    assert {"two-sample AUC"} <= caught["corrupt5"]
    assert {"repeated runs of 8 or more", "structure indicator", "groove_consistency"} <= caught["barshuffle"]
    assert len(caught["random"]) > 20 and card["Fréchet, 14 descriptors"].fakes["random"] > 100
    assert caught["transpose"] <= {"out of range, % of steps", "MMD, p of being one set", "Fréchet, 14 descriptors"}
    # stitched music passes the rules and the grade, and is caught copying
    assert {"harmony in runs of 6 or more", "two-sample AUC"} <= caught["markov2"]
    assert not {"parallel fifths and octaves", "grade in nine terms"} & caught["markov2"]
    assert card["harmony in runs of 6 or more"].fakes["markov2"] >= 0.8
    assert card["harmony in runs of 6 or more"].value <= 0.06


def test_a_card_is_saved_whole(card, tmp_path):
    page = card.save(tmp_path / "card.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', page), "it must need nothing else"
    assert page.count("<svg") >= len(card.rows) and "data:image/svg+xml" in page
    for row in card.rows:
        assert row.name.removeprefix("n_").replace("_", " ") in page
    told = json.loads(card.save(tmp_path / "card.json").read_text(encoding="utf-8"))
    assert told["rows"][0]["fakes"].keys() == dict.fromkeys(FAKES).keys()
    with pytest.raises(ValueError, match=r"\.html or \.json"):
        card.save(tmp_path / "card.pdf")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["card.html", "card.json"]


def test_a_card_is_a_table_in_a_notebook_and_draws(card):
    assert card._repr_html_().startswith('<div class="ml-card">')
    left, right = card.plot().axes
    assert len(left.get_yticklabels()) == 14 and "longest run" in right.get_xlabel()
    assert len(repr(card).splitlines()) > len(card.rows)


def test_it_is_known_by_name():
    assert ml.evaluate is evaluate
