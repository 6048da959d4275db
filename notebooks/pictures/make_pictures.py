"""Draw the README's gallery anew: ``python notebooks/pictures/make_pictures.py``. The screenshots are by hand."""

from pathlib import Path

from matplotlib.figure import Figure

import musiclab as ml

HERE = Path(__file__).parent


def picture(name: str, height: float, draw) -> None:
    """Write one figure, as wide as a notebook shows it."""
    figure = Figure(figsize=(9, height), dpi=110, layout="constrained")
    draw(figure.subplots())
    figure.savefig(HERE / f"{name}.png")


def main() -> None:
    chorales, example = ml.load_chorales(), ml.load_example("bwv270")
    model, tok = ml.load_pretrained("chorale-gru")
    written = ml.generate_batch(model, tok, n=40, sampler=ml.Sampler(**model.card["sampler"]))
    tables = {"Bach, train": chorales.train, "Bach, test": chorales.test, "chorale-gru": written}
    tables = {name: ml.describe(scores) for name, scores in tables.items()}
    picture("descriptors", 6.5, lambda ax: ml.plot_descriptors(tables, ax=ax))
    picture("self_similarity", 5.5, lambda ax: ml.plot_self_similarity(example, ax=ax))
    start = example.bars(0, 4)
    sound = ml.spectrogram(ml.render(start, 22_050), "pitch")
    picture("spectrogram", 3.6, lambda ax: ml.plot_spectrogram(sound, "pitch", start, ax=ax))


if __name__ == "__main__":
    main()
