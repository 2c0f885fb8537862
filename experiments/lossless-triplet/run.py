"""Lossless triplet against triplet, its linear form, Hadsell's contrastive and SupCon: 3 dimensions, 3 then 7 classes.

    OMP_NUM_THREADS=1 python experiments/lossless-triplet/run.py --pictures experiments/lossless-triplet
    OMP_NUM_THREADS=1 python experiments/lossless-triplet/run.py --data mnist
    OMP_NUM_THREADS=1 python experiments/lossless-triplet/run.py --quick

Prints a table for each number of classes, means and standard deviations over seeds, then which claims held. --quick is
one seed and two epochs, to see that it runs. --data mnist needs the folder that RANKKIT_DATA names (mnist_t10k).
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from drawing import draw_shares, draw_space

from rankkit.loaders.examples.files import read_labelled
from rankkit.models.encoders import MLPEncoder, embed
from rankkit.models.encoders.outputs import OUTPUTS
from rankkit.objectives.embedding import (
    contrastive_loss,
    linear_triplet_loss,
    lossless_triplet_loss,
    supcon_loss,
    triplet_loss,
)
from rankkit.sampling import random_triplets
from rankkit.similarity import collisions, evaluate_retrieval, knn_accuracy, tightness
from rankkit.training import fit_encoder
from rankkit.training.callbacks import Callback

N_CLASSES = (3, 7)
UNSEEN = ("7", "8", "9")
N_TRIPLETS = 20_000  # drawn once from the training data, for the shares
ZERO = 1e-6
EPOCHS = {"digits": 40, "mnist": 8}  # about 1,400 steps each
TEMPERATURE = 0.1
# Objective, output of the encoder, its distance, mining. All else is the same for all.
SYSTEMS = {
    "triplet": (triplet_loss, "unit", "squared_euclidean", "semi_hard"),
    "triplet, sigmoid": (triplet_loss, "sigmoid", "squared_euclidean", "all"),
    "lossless": (lossless_triplet_loss, "sigmoid", "squared_euclidean", "all"),
    "linear form": (linear_triplet_loss, "sigmoid", "squared_euclidean", "all"),
    "hadsell": (contrastive_loss, "linear", "euclidean", "balanced"),
    "supcon": (supcon_loss, "unit", "cosine", None),
}
COLUMNS = {
    "loss": ("loss at the end", "{:.4f}"),
    "centres": ("nearest centres", "{:.3f}"),
    "tight_train": ("tightness, training", "{:.4f}"),
    "tight": ("tightness, held out", "{:.4f}"),
    "collisions": ("collisions", "{:.1f}"),
    "map_at_r": ("MAP@R", "{:.3f}"),
    "unseen": ("kNN, unseen", "{:.3f}"),
    "no_loss": ("zero loss", "{:.1%}"),
    "no_slope": ("zero gradient", "{:.1%}"),
    "slope": ("median gradient", "{:.4f}"),
}


class Recorder(Callback):
    """Embeddings of the training data, and what triplets of it still cost, before training and after each epoch."""

    def __init__(self, encoder, train, cost):
        self.encoder, self.train, self.cost = encoder, train, cost
        self.triplets = random_triplets(train.labels, N_TRIPLETS, rng=0)
        self.embeddings, self.no_loss, self.no_slope, self.slope = [], [], [], []
        self.look()

    def on_epoch_end(self, record):
        """After each epoch."""
        self.look()

    def look(self):
        """Loss of each triplet, and by autograd its gradient in the embeddings and in what the output is made of."""
        with torch.no_grad():
            inputs = torch.from_numpy(self.train.inputs).flatten(1)
            before = self.encoder.projection(self.encoder.hidden(inputs))
        output = OUTPUTS[self.encoder.output]
        self.embeddings.append(output(before).numpy())
        with torch.enable_grad():
            leaves = [before[torch.from_numpy(rows)].requires_grad_() for rows in self.triplets]
            embedded = [output(leaf) for leaf in leaves]
            costs = self.cost(self.encoder.distance, *embedded)
            at_embedding = torch.autograd.grad(costs.sum(), embedded, retain_graph=True)
            at_layer = torch.autograd.grad(costs.sum(), leaves)
        norms = torch.cat(at_embedding, dim=1).norm(dim=1)
        self.no_loss.append(float((costs <= ZERO).double().mean()))
        self.no_slope.append(float((norms <= ZERO).double().mean()))
        self.slope.append(float(torch.cat(at_layer, dim=1).norm(dim=1).median()))


def triplet_cost(objective):
    """What one triplet costs: pairs are its two pairs, SupCon is the softmax over its positive and its negative."""

    def of_pairs(distance, anchor, positive, negative):
        same = torch.ones(len(anchor), dtype=torch.bool)
        near = contrastive_loss(anchor, positive, same=same, distance=distance, reduction="none")
        return near + contrastive_loss(anchor, negative, same=~same, distance=distance, reduction="none")

    def of_softmax(distance, anchor, positive, negative):
        difference = distance.pairwise(anchor, positive) - distance.pairwise(anchor, negative)
        return torch.nn.functional.softplus(difference / TEMPERATURE)

    def of_triplet(distance, *rows):
        options = {"distance": distance} if objective is triplet_loss else {}
        return objective(*rows, **options, reduction="none")

    return {"pairs": of_pairs, "classes": of_softmax, "triplets": of_triplet}[objective.takes]


def load(name):
    """All examples, and a mask of the quarter of each class that is held out, the same for all seeds."""
    if name == "mnist":
        path = Path(os.environ["RANKKIT_DATA"]) / "mnist_t10k" / "t10k-images-idx3-ubyte.gz"
        data = read_labelled(path)
    else:
        data = read_labelled("digits")
    rng = np.random.default_rng(0)
    held_out = np.zeros(len(data), dtype=bool)
    for label in range(data.n_classes):
        rows = rng.permutation(np.flatnonzero(data.labels == label))
        held_out[rows[: len(rows) // 4]] = True
    return data, held_out


def one_run(system, parts, seed, epochs, learning_rate):
    """Train one encoder; its measures and what was recorded."""
    train, held_out, unseen = parts
    objective, output, distance, mining = SYSTEMS[system]
    encoder = MLPEncoder(train.input_shape, n_dims=3, hidden=(64,), output=output, distance=distance, seed=seed)
    recorder = Recorder(encoder, train, triplet_cost(objective))
    options = {"batch_classes": train.n_classes, "per_class": 4, "mining": mining, "learning_rate": learning_rate}
    options |= {"epochs": epochs, "seed": seed, "device": "cpu", "progress": False, "callbacks": [recorder]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a collapse is what is looked for here
        history = fit_encoder(encoder, objective, train, **options)
    seen, others = embed(encoder, held_out.inputs), embed(encoder, unseen.inputs)
    values = {
        "loss": history.epochs[-1].loss,
        "centres": nearest_centres(seen, held_out.labels),
        "tight_train": tightness(recorder.embeddings[-1], train.labels),
        "tight": tightness(seen, held_out.labels),
        "collisions": len(collisions(seen, held_out.labels)),
        "map_at_r": map_at_r(seen, held_out.labels, encoder.distance),
        "unseen": knn_accuracy(others, unseen.labels, distance=encoder.distance),
        "no_loss": recorder.no_loss[-1],
        "no_slope": recorder.no_slope[-1],
        "slope": recorder.slope[-1],
    }
    return values, recorder


def map_at_r(embeddings, labels, distance):
    return evaluate_retrieval(embeddings, labels, ["map_at_r"], distance=distance).means["map_at_r"]


def nearest_centres(embeddings, labels):
    """The Euclidean distance of the two class centres that are nearest to each other."""
    centres = np.stack([embeddings[labels == label].mean(axis=0) for label in np.unique(labels)])
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    return float(apart[np.triu_indices(len(centres), 1)].min())


def raw_line(parts):
    """The last line of a table: the inputs as they are."""
    _, held_out, unseen = parts
    rows, others = (part.inputs.reshape(len(part), -1) for part in (held_out, unseen))
    values = dict.fromkeys(COLUMNS, "-")
    values["centres"] = f"{nearest_centres(rows, held_out.labels):.3f}"
    values["tight"] = f"{tightness(rows, held_out.labels):.4f}"
    values["collisions"] = f"{len(collisions(rows, held_out.labels)):.1f}"
    values["map_at_r"] = f"{map_at_r(rows, held_out.labels, 'euclidean'):.3f}"
    values["unseen"] = f"{knn_accuracy(others, unseen.labels, distance='euclidean'):.3f}"
    return f"| raw inputs | {' | '.join(values.values())} |"


def table(n_classes, found, raw):
    print(f"\n{n_classes} classes\n\n| objective | {' | '.join(title for title, _ in COLUMNS.values())} |")
    print(f"|{' --- |' * (1 + len(COLUMNS))}")
    for system, runs in found.items():
        cells = []
        for name, (_, form) in COLUMNS.items():
            values = np.array([values[name] for values in runs])
            large = values.mean() >= 1000  # a tightness of coinciding centres
            cells.append(" ± ".join(f"{x:.1e}" if large else form.format(x) for x in (values.mean(), values.std())))
        print(f"| {system} | {' | '.join(cells)} |")
    print(raw)


def claims(three, seven):
    """What was found before, one line each, and whether it is so here."""

    def mean(found, system, name):
        return float(np.mean([values[name] for values in found[system]]))

    tight = {system: mean(three, system, "tight_train") for system in SYSTEMS}
    ranked = {system: mean(seven, system, "map_at_r") for system in SYSTEMS}
    held = {
        "3 classes: the linear form puts two classes at one point with every seed": all(
            values["collisions"] == 1 for values in three["linear form"]
        ),
        "3 classes: lossless is at least twice as tight as triplet": 2 * tight["lossless"] <= tight["triplet"],
        "3 classes: Hadsell is as tight as lossless (at most twice)": tight["hadsell"] <= 2 * tight["lossless"],
        "3 classes: the triplet loss ends below .001, lossless above .4": mean(three, "triplet", "loss") < 0.001
        and mean(three, "lossless", "loss") > 0.4,
        "7 classes: MAP@R of lossless is .05 below triplet, Hadsell and SupCon": ranked["lossless"] + 0.05
        < min(ranked[system] for system in ("triplet", "hadsell", "supcon")),
    }
    print()
    for claim, so in held.items():
        print(f"- {claim}: {'yes' if so else 'NO'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(EPOCHS), default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of the first seed")
    parser.add_argument("--quick", action="store_true", help="one seed, two epochs")
    arguments = parser.parse_args()
    seeds = 1 if arguments.quick else arguments.seeds
    epochs = 2 if arguments.quick else arguments.epochs or EPOCHS[arguments.data]
    torch.set_num_threads(1)
    start = time.process_time()
    data, held_out = load(arguments.data)
    unseen = data.of_classes(UNSEEN)
    tables, shares = {}, {}
    for n_classes in N_CLASSES:
        seen = [str(digit) for digit in range(n_classes)]
        parts = data.take(~held_out).of_classes(seen), data.take(held_out).of_classes(seen), unseen
        tables[n_classes] = {system: [] for system in SYSTEMS}
        clouds = {}
        for system in SYSTEMS:
            for seed in range(seeds):
                values, recorder = one_run(system, parts, seed, epochs, arguments.learning_rate)
                tables[n_classes][system].append(values)
                shares.setdefault((n_classes, system), []).append(recorder)
                clouds.setdefault(system, recorder.embeddings)
            print(f"{n_classes} {system}: {time.process_time() - start:.0f} CPU s", file=sys.stderr, flush=True)
        table(n_classes, tables[n_classes], raw_line(parts))
        if arguments.pictures:
            name = f"{arguments.data}-{n_classes}-classes.gif"
            draw_space(arguments.pictures / name, clouds, parts[0], {s: SYSTEMS[s][1] for s in SYSTEMS})
    if arguments.pictures:
        draw_shares(arguments.pictures / f"{arguments.data}-shares.png", shares)
    if not arguments.quick:
        claims(*tables.values())
    print(f"\n{time.process_time() - start:.0f} s of processor time")


if __name__ == "__main__":
    main()
