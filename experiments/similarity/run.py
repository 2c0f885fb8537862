"""README's picture: characters that training never saw, before and after training, each drawn at its place in a plane.

python experiments/similarity/run.py [--out FOLDER]
"""

import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from sklearn.manifold import TSNE

import rankkit as rk

LETTERS = "βγδεζηθλξπσφχψωΨ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args()

    began = time.process_time()
    seen, unseen = rk.glyph_split()  # no Greek in training
    encoder = rk.ConvEncoder(seen.input_shape, distance="cosine", seed=0)
    rk.fit_encoder(encoder, rk.supcon_loss, seen, epochs=options.epochs, device="cpu", progress=False)
    print(rk.evaluate_encoder(encoder, unseen))

    shown = unseen.of_classes([name for name in unseen.class_names if name[-1] in LETTERS])
    flat = shown.inputs.reshape(len(shown), -1)
    draw(
        shown,
        {"before: pixels": (flat, "euclidean"), "after: embeddings": (rk.embed(encoder, shown.inputs), "cosine")},
        options.out / "before-and-after.png",
    )
    print(f"{time.process_time() - began:.0f} s of processor time")


def draw(shown: rk.LabelledExamples, panels: dict, path: Path) -> None:
    """Each example as its own picture, in the colour of its class, where t-SNE puts it."""
    colours = plt.colormaps["tab20"](np.arange(20))
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.4), layout="constrained")
    for axis, (title, (vectors, distance)) in zip(axes, panels.items(), strict=True):
        places = TSNE(
            metric=distance, init="random", perplexity=40, early_exaggeration=1, random_state=0
        ).fit_transform(vectors)
        map_at_r = rk.evaluate_retrieval(vectors, shown.labels, ["map_at_r"], distance=distance).means["map_at_r"]
        axis.set_title(f"{title}, MAP@R {map_at_r:.2f}")
        axis.scatter(*places.T, s=0)
        for place, picture, label in zip(places, shown.inputs[:, 0], shown.labels, strict=True):
            coloured = np.broadcast_to(colours[label], (*picture.shape, 4)).copy()
            coloured[..., 3] = picture
            axis.add_artist(AnnotationBbox(OffsetImage(coloured, zoom=0.65), place, frameon=False))
        axis.set_xticks([])
        axis.set_yticks([])
    figure.savefig(path, dpi=90)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
