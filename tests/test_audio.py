"""Sound: right pitches, level and length on every synthesizer that works here."""

import warnings

import numpy as np
import pytest

from musiclab import audio
from musiclab.audio import audio_bytes, play, render, synthesizers, write_audio
from musiclab.datasets import load_example
from musiclab.score import Score

SATB = [("Soprano", 52), ("Alto", 52), ("Tenor", 52), ("Bass", 52)]
CHORDS = [(67, 62, 59, 43), (69, 62, 57, 42), (71, 62, 55, 43), (72, 64, 55, 48), (71, 62, 55, 50), (69, 62, 54, 50)]
CHORDS = [*CHORDS, (67, 62, 59, 43), (69, 60, 57, 45), (71, 59, 56, 40), (72, 60, 57, 45), (74, 62, 54, 50)]
RATE = 22050


def chorale(program: int = 0) -> Score:
    chords = [*CHORDS, (67, 62, 59, 43)]
    notes = [(24 * i, 24, pitch, 64, part) for i, chord in enumerate(chords) for part, pitch in enumerate(chord)]
    return Score(notes, parts=[(name, program) for name, _ in SATB], tempos=[(0, 80)], title="G major")


def frequency(wave: np.ndarray, rate: int = RATE) -> float:
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    return float(np.argmax(spectrum) * rate / (8 * len(wave)))


@pytest.fixture(params=synthesizers())
def synthesizer(request):
    return request.param


@pytest.mark.parametrize("score", [chorale(0), chorale(52), load_example("bwv270"), load_example("bwv248.17")], ids=str)
def test_chroma_is_that_of_the_notes(synthesizer, score):
    librosa = pytest.importorskip("librosa")
    heard = librosa.feature.chroma_cqt(y=render(score, RATE, synthesizer), sr=RATE).mean(axis=1)
    written = np.bincount(score.notes["pitch"] % 12, weights=score.duration_second, minlength=12)
    turned = [heard @ np.roll(written, k) / np.linalg.norm(heard) / np.linalg.norm(written) for k in range(12)]
    assert turned[0] >= 0.85
    assert np.argmax(turned) == 0  # no transposition fits as well


@pytest.mark.parametrize("program", [0, 40, 52, 68, 73])
def test_a4_sounds_at_440_hz(synthesizer, program):
    wave = render(Score([(0, 48, 69)], parts=[("", program)]), RATE, synthesizer)[RATE // 4 : RATE]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    hertz = np.arange(len(spectrum)) * RATE / (8 * len(wave))
    near = (hertz > 330) & (hertz < 587)  # its overtones may be louder
    assert hertz[near][np.argmax(spectrum[near])] == pytest.approx(440, rel=0.01)
    assert spectrum[(hertz > 30) & (hertz < 400)].max() < spectrum.max() / 3  # nothing sounds below it


def test_level_length_and_dtype(synthesizer):
    score = chorale()
    wave = render(score, RATE, synthesizer)
    assert wave.dtype == np.float32
    assert len(wave) == round((score.length_second + audio.TAIL_SECOND) * RATE)
    assert np.abs(wave).max() == pytest.approx(10 ** (-1 / 20), rel=1e-5)
    assert wave[-1] == 0


def test_same_score_same_wave(synthesizer):
    assert np.array_equal(render(chorale(), RATE, synthesizer), render(chorale(), RATE, synthesizer))


def test_silent_scores_are_zeros(synthesizer):
    assert not render(Score([]), RATE, synthesizer).any()
    silence = render(Score([], length=96), RATE, synthesizer)
    assert len(silence) == round(3.5 * RATE) and not silence.any()


def test_tempo_changes_are_heard(synthesizer):
    score = Score([(0, 24, 69), (24, 24, 81)], tempos=[(0, 60), (24, 240)])
    wave = render(score, RATE, synthesizer)
    assert len(wave) == round((1.25 + 1.5) * RATE)
    assert frequency(wave[int(0.2 * RATE) : int(0.9 * RATE)]) == pytest.approx(440, rel=0.01)
    assert frequency(wave[int(1.02 * RATE) : int(1.2 * RATE)]) == pytest.approx(880, rel=0.02)


def test_a_repeated_note_sounds_again(synthesizer):
    wave = np.abs(render(Score([(0, 24, 60), (24, 24, 60)]), RATE, synthesizer))
    before, after = wave[int(0.4 * RATE) : int(0.5 * RATE)].max(), wave[int(0.5 * RATE) : int(0.6 * RATE)].max()
    assert after > 1.2 * before


def test_the_louder_velocity_is_louder(synthesizer):
    wave = np.abs(render(Score([(0, 12, 60, 40), (48, 12, 60, 120)]), RATE, synthesizer))
    assert wave[: RATE // 4].max() < 0.7 * wave[RATE : RATE + RATE // 4].max()


def test_programs_and_drums_sound_different():
    name = synthesizers()[0]
    if name == "sines":
        pytest.skip("sines have neither programs nor drums")
    piano, flute, drum = (Score([(0, 48, 60)], parts=[p]) for p in [("", 0), ("", 73), ("", 0, True)])
    waves = [render(s, RATE, name) for s in (piano, flute, drum)]
    for i, a in enumerate(waves):
        for b in waves[:i]:
            assert np.corrcoef(a, b)[0, 1] < 0.9


def test_more_parts_than_midi_channels(synthesizer):
    notes = [(24 * i, 24, 60 + i, 64, i) for i in range(20)]
    wave = render(Score(notes, parts=[(f"part {i}", 73) for i in range(20)]), RATE, synthesizer)
    for i in (0, 9, 15, 16, 19):
        heard = frequency(wave[int((0.5 * i + 0.05) * RATE) : int((0.5 * i + 0.45) * RATE)])
        assert (12 * np.log2(heard / 440) + 69 - 60 - i + 6) % 12 == pytest.approx(6, abs=0.3)  # or an octave above


def test_very_short_notes_end():
    score = Score([(0, 1, 60), (1, 1, 62)], resolution=24, tempos=[(0, 200_000)], length=240_000)
    wave = render(score, 8000)
    assert np.abs(wave[-8000:]).max() < 0.05


def test_unknown_and_missing_synthesizers(monkeypatch):
    with pytest.raises(ValueError, match=r"synthesizer must be 'auto', 'sines' or one of .*, got 'symusic'"):
        render(chorale(), synthesizer="symusic")
    monkeypatch.setattr(audio, "_works", lambda name: False)
    with pytest.raises(ImportError, match="pip install --no-deps tinysoundfont"):
        render(chorale(), synthesizer="tinysoundfont")
    assert "tinysoundfont" not in synthesizers()


def test_sines_are_never_taken_silently(monkeypatch):
    monkeypatch.setattr(audio, "_works", lambda name: False)
    with pytest.warns(UserWarning, match="pip install --no-deps tinysoundfont"):
        render(chorale(), 8000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        render(chorale(), 8000, "sines")
    with pytest.warns(UserWarning):
        assert "sines" in repr(play(chorale()))


def test_sample_rate_is_checked():
    with pytest.raises(ValueError, match=r"sample_rate must be in 4000\.\.192000 samples per second, got 0"):
        render(chorale(), 0)


@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg"])
def test_files_hold_what_was_rendered(tmp_path, suffix):
    soundfile = pytest.importorskip("soundfile")
    path = write_audio(chorale(), tmp_path / f"a.{suffix}", RATE)
    assert [p.name for p in tmp_path.iterdir()] == [f"a.{suffix}"]
    wave, rate = soundfile.read(path)
    expected = render(chorale(), RATE)
    assert rate == RATE and wave.ndim == 1 and abs(len(wave) - len(expected)) < 0.1 * RATE
    assert np.abs(wave).max() <= 1
    n = min(len(wave), len(expected))
    assert np.corrcoef(wave[:n], expected[:n])[0, 1] > 0.99


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    monkeypatch.setattr(audio, "audio_bytes", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_audio(chorale(), path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"format must be one of \('mp3', .*, got 'mid'"):
        write_audio(chorale(), tmp_path / "a.mid")


def test_a_minute_of_ogg_does_not_crash():
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 70 * 44100)
    assert audio_bytes(noise, "ogg")[:4] == b"OggS"


def test_mp3_is_about_5_kilobytes_a_second():
    score = chorale()
    assert len(audio_bytes(score)) < 8000 * (score.length_second + audio.TAIL_SECOND)


def test_audio_bytes_refuses_stereo():
    with pytest.raises(ValueError, match=r"wave must be mono, of shape \(samples,\), got \(2, 100\)"):
        audio_bytes(np.zeros((2, 100)))


def test_play_shows_a_player_and_names_the_synthesizer():
    sound = play(chorale())
    page = sound._repr_mimebundle_()["text/html"]
    assert "<audio controls" in page and "data:audio/mpeg;base64," in page
    assert f"G major · {synthesizers()[0]}" in page
    assert "autoplay" not in page
    assert repr(sound) == f"Sound(10.5 s, G major · {synthesizers()[0]})"
    assert "&lt;b&gt;" in play(Score([(0, 24, 60)], title="<b>")).data
