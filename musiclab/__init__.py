"""musiclab: make music with deep learning, hear it, see it, and judge it.

Names load their module when first used, so ``import musiclab as ml`` is instant.
"""

from __future__ import annotations

import importlib
import sys

__version__ = "0.1.0"

_EXPORTS = {  # by module
    "score": "Key Part Score Tempo TimeSignature",
    "pitch": "key_name parse_pitch pitch_name",
    "errors": "MidiError MissingData TokenError",
    "midi": "from_pretty_midi load_folder read_midi to_pretty_midi write_midi",
    "notation": "engrave from_music21 read_abc read_musicxml to_music21 write_musicxml",
    "audio": "play render synthesizers write_audio",
    "plots": "plot_attention plot_roll plot_staff plot_surprise",
    "datasets": "corpora load_chorales load_example load_folk_tunes load_jsb",
    "tokenizers": "ABCText BPE Chorale ChoraleGrid Grammar MIDILike Melody REMI TSD Tokenizer load_tokenizer",
    "tokenizers.interop": "from_miditok to_miditok",
    "tokenizers.explanation": "explain",
    "tokenizers.compare": "compare_tokenizers",
    "datasets.encode": "EncodedCorpus encode_corpus",
    "models": "GRU LSTM GridGRU GridTransformer Mixture Model RelativeTransformer Transformer build_model",
    "models.ngram": "NGram RelativeNGram",
    "training": "History fit",
    "sampling": "Draw Sampler stream",
    "generation": "generate generate_batch paid_per_bar stream_score",
    "pretrained": "load_pretrained pretrained_names save",
    "feature_plots": (
        "plot_descriptors plot_embedding plot_pitch_class plot_probe_heatmap plot_self_similarity plot_spectrogram "
        "plot_transition_matrix"
    ),
    "features.keys": "find_key fit_profile local_keys",
    "features.neighbours": "project_2d reciprocal_ranks",
    "features.spectra": "chroma chroma_likeness spectrogram",
    "features.structure": "self_similarity",
    "features.table": "describe",
    "metrics.likelihood": "nll paired_bootstrap",
    "metrics.rules": (
        "Rule cadence chord_plan find_broken given_notes in_key in_ranges max_leap no_syncopation voice_leading"
    ),
    "metrics.jsb": "evaluate_jsb",
    "metrics.fakes": "make_fakes",
    "metrics.distributions": "half_split_floor kld overlap_area",
    "metrics.grade": "Grader",
    "metrics.report": "evaluate",
    "metrics.listening": (
        "Answer answers_needed bradley_terry judge_share merge_ballots order_effect power rank_sources told_apart"
    ),
    "metrics.memory": "exposure extract membership_auc",
    "metrics.originality": "OriginalityIndex approximate_matches",
    "probes": "probe",
    "probing": "Trace embed knock_out note_steps patch_effects trace",
    "transcription": "train_transcriber transcribe",
    "diagnosis": "diagnose",
    "checks": "check_exercise check_model check_tokenizer",
    "recipes": "evaluate_model export sample_model train_model",
    "widgets.attention": "AttentionExplorer",
    "widgets.blind_test": "BlindTest",
    "widgets.co_writer": "CoWriter LiveDraft stream_bars",
    "widgets.feature_explorer": "FeatureExplorer",
    "widgets.film": "HiddenStateFilm hidden_states note_nll",
    "widgets.draft": "Draft",
    "widgets.lie_detector": "LieDetector",
    "widgets.player": "Player",
    "widgets.sampling_console": "SamplingConsole filter_stages",
    "widgets.sampling_panel": "SamplingPanel",
    "widgets.tokens": "MergeStepper TokenMicroscope",
    "widgets.slot_machine": "SlotMachine",
    "widgets.validate": "Validate",
    "widgets.views": "NoteViews move_note",
    "checkup": "doctor",
    "classroom.grading": "grade",
    "classroom.notebooks": "release",
    "classroom.validation": "validate",
}
_HOME = {name: f"musiclab.{module}" for module, names in _EXPORTS.items() for name in names.split()}

__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"musiclab has no {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value  # found at once the next time
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


if "IPython" in sys.modules:
    from musiclab.widgets.display import register_score_display

    register_score_display()
