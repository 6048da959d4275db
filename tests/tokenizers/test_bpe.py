import json
import pickle

import numpy as np
import pytest

from musiclab.checks import random_walk
from musiclab.errors import TokenError
from musiclab.midi import read_midi
from musiclab.score import Score
from musiclab.tokenizers.abc_text import ABCText
from musiclab.tokenizers.base import BOS, EOS, load_tokenizer
from musiclab.tokenizers.bpe import BPE
from musiclab.tokenizers.chorale import Chorale
from musiclab.tokenizers.chorale_grid import ChoraleGrid
from musiclab.tokenizers.melody import Melody
from musiclab.tokenizers.remi import REMI
from musiclab.tokenizers.tsd import TSD
from tests.event_checks import midi_files, miditok_peer
from tests.strategies import check_laws


def tunes(n=20):
    rng = np.random.default_rng(5)
    return [
        Score([(12 * i, 12, int(p), 64, int(p) % 4) for i, p in enumerate(60 + rng.integers(0, 9, 32).cumsum() % 20)])
        for _ in range(n)
    ]


def trained(base, n_merges=40):
    return BPE.train(base, tunes(), len(base.vocab) + n_merges)


@pytest.mark.parametrize(
    "base", [Melody(), Chorale(), ChoraleGrid(), ABCText(), REMI(programs=False)], ids=lambda tok: tok.name
)
def test_laws(base):
    check_laws(trained(base, 12), 200 if base == Melody() else 40)


def test_vocab_grows_by_what_is_asked_for():
    assert len(trained(Melody()).vocab) == len(Melody().vocab) + 40


@pytest.mark.slow
@pytest.mark.parametrize("base", [Melody(), Chorale(), ChoraleGrid(), ABCText()], ids=lambda tok: tok.name)
def test_laws_on_many(base):
    check_laws(trained(base, 12), 1000)


def test_merging_shortens_and_expanding_undoes_it():
    base, score = Chorale(), tunes()[0]
    tok = trained(base)
    ids = tok.encode(score)
    assert len(ids) < len(base.encode(score)) / 2
    assert tok.expand(ids).tolist() == base.encode(score)
    assert tok.words(ids)[0].startswith("TimeSignature_4/4 ")


def test_the_first_merge_is_the_most_frequent_pair():
    tok = BPE.train(Melody(), [[10, 11, 10, 11, 12, 12]], vocab_size=len(Melody().vocab) + 1)
    assert tok.merges == ((10, 11),)
    assert tok.merge([10, 11, 12, 10]) == [len(Melody().vocab), 12, 10]


def test_special_ids_are_never_merged():
    tok = BPE.train(Melody(), [[BOS, 10, EOS]] * 9, vocab_size=len(Melody().vocab) + 5)
    assert tok.merges == ()
    with pytest.raises(ValueError, match="merges must be pairs of earlier ids, none special"):
        BPE(Melody(), [(BOS, 10)])


def test_two_ways_to_one_word_give_one_id():
    base = len(Melody().vocab)
    tok = BPE(Melody(), [(10, 11), (11, 12), (10, base + 1), (base, 12)])
    assert len(tok.vocab) == base + 3


def test_a_merged_id_is_legal_where_its_base_ids_are():
    tok = trained(Chorale())
    rng = np.random.default_rng(0)
    for _ in range(5):
        walk = random_walk(tok, rng, max_ids=40)
        grammar, base = tok.grammar(), tok.base.grammar()
        for token_id in walk[:20]:
            grammar.push(token_id)
        for base_id in tok.expand(walk[:20]):
            base.push(int(base_id))
        mask = grammar.mask()
        assert np.array_equal(mask[: len(tok.base.vocab)], base.mask())
        for token_id in range(len(tok.base.vocab), len(tok.vocab)):
            assert mask[token_id] == follows(tok, walk[:20], token_id)
        assert grammar.n_bars == base.n_bars


def follows(tok, before, token_id):
    grammar = tok.base.grammar()
    for base_id in tok.expand(before):
        grammar.push(int(base_id))
    for base_id in tok.pieces[token_id]:
        if not grammar.mask()[base_id]:
            return False
        grammar.push(base_id)
    return True


def test_errors_count_in_merged_ids():
    tok = trained(Melody())
    ids = tok.encode(tunes()[0])
    with pytest.raises(
        TokenError, match=r"MASK at position 3: only Hold, Rest, Pitch_0..Pitch_127, the end may come here"
    ) as caught:
        tok.decode([*ids[:3], 3, *ids[3:]])
    assert caught.value.position == 3


def test_lenient_decoding_repairs():
    tok = trained(Melody())
    ids = tok.encode(tunes()[0])
    with pytest.warns(UserWarning, match=f"BPE left out 1 of {len(ids) + 1} ids"):
        assert tok.decode([*ids[:3], 3, *ids[3:]], strict=False) == tok.decode(ids)


def test_config_travels_as_json_and_pickle():
    tok = trained(Chorale())
    tok.encode(tunes()[0])
    assert load_tokenizer(json.loads(json.dumps(tok.config))) == tok
    assert pickle.loads(pickle.dumps(tok)).encode(tunes()[1]) == tok.encode(tunes()[1])


def test_repr_does_not_list_the_merges():
    assert repr(BPE(Melody(), [(10, 11)])) == "BPE(Melody(), 1 merges)"


def test_vocab_size_is_checked():
    with pytest.raises(ValueError, match="vocab_size must be >= the base vocabulary's"):
        BPE.train(Melody(), tunes(), vocab_size=10)


@pytest.mark.peer
@pytest.mark.skipif(not midi_files(), reason="MUSICLAB_DATA is not set: no MIDI files to compare on")
@pytest.mark.parametrize("base", [REMI(), TSD()], ids=lambda tok: tok.name)
def test_merges_are_those_that_miditok_learns(base):
    """Both count pairs over the same ids and break ties by the lower id, so every id is the same."""
    peer = miditok_peer(type(base).__name__)
    peer.config.encode_ids_split = "no"  # MidiTok cuts at bars otherwise
    files = [path for path in midi_files() if path.name.startswith(("pop909", "aria_waltz", "giant_Bach"))]
    ids = [base.encode(read_midi(path)) for path in files]
    peer.train(vocab_size=len(base.vocab) + 200, model="BPE", files_paths=files)
    ours = BPE.train(base, ids, len(base.vocab) + 200)
    assert [ours.merge(row) for row in ids] == [peer.encode(path).ids for path in files]
