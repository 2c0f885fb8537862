"""Faces of persons that were not trained on: are two the same, who is in the gallery, which margin.

    python experiments/faces/run.py                # everything (runs/faces), finished runs are not trained again
    python experiments/faces/run.py --quick        # a few seconds: one split, one seed, two epochs

Needs the folder that RANKKIT_DATA names (orl_faces/training.tar.gz). Prints the tables of the README; writes the
pictures of the margin sweeps and of the best and the worst queries to the folder of --out.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from gallery import draw_queries  # beside this file

from rankkit.comparison.margins.plot import draw_margins
from rankkit.comparison.margins.sweep import sweep_margins
from rankkit.files.records import write_json, write_text
from rankkit.loaders.examples.files import read_labelled
from rankkit.models.encoders import ConvEncoder, RandomAffine, embed
from rankkit.objectives.embedding import contrastive_loss, supcon_loss, triplet_loss
from rankkit.similarity import choose_threshold, evaluate_retrieval, verify
from rankkit.training import fit_encoder

SIZE = (40, 32)
N_VALID, N_TEST, N_SPLITS = 7, 10, 3
TRAINING = {"epochs": 25, "batch_classes": 10, "device": "cpu"}
AUGMENT = RandomAffine(degrees=5, scale=0.05, shear=3, shift=0.03)
OBJECTIVES = {
    "contrastive": (contrastive_loss, "euclidean"),
    "triplet": (triplet_loss, "squared_euclidean"),
    "supcon": (supcon_loss, "cosine"),
}
SYSTEMS = [(name, augmented) for name in OBJECTIVES for augmented in (False, True)]
METRICS = ["mrr", "map_at_r", "hit_rate@1"]
COLUMNS = ["valid_eer", "eer", "far", "frr", "area", *METRICS]
HEADS = ["EER, valid", "EER, test", "FAR", "FRR", "area", "mrr", "MAP@R", "hit rate@1"]


def split(faces, place):
    """Training, validation and test examples, whole persons each; the test persons of the splits are not the same."""
    persons = np.roll(np.random.default_rng(0).permutation(faces.n_classes), -place * N_TEST).tolist()
    test, valid, train = np.split(persons, [N_TEST, N_TEST + N_VALID])
    return [faces.of_classes([faces.class_names[person] for person in part]) for part in (train, valid, test)]


def build(objective, shape, seed):
    """The encoder of all rows, untrained."""
    distance = OBJECTIVES[objective][1]
    return ConvEncoder(shape, n_dims=32, channels=(16, 32, 64), distance=distance, seed=seed)


def train(objective, augmented, parts, seed, training):
    """A trained encoder."""
    encoder = build(objective, parts[0].input_shape, seed)
    augment = AUGMENT if augmented else None
    fit_encoder(encoder, OBJECTIVES[objective][0], *parts[:2], seed=seed, augment=augment, progress=False, **training)
    return encoder


def measure(of_valid, of_test, valid, test, distance):
    """What a row of the table holds; the threshold of FAR and FRR is chosen on validation persons."""
    threshold = choose_threshold(of_valid, valid.labels, distance=distance)
    report = verify(of_test, test.labels, distance=distance, threshold=threshold)
    valid_eer = verify(of_valid, valid.labels, distance=distance).eer
    means = evaluate_retrieval(of_test, test.labels, METRICS, distance=distance).means
    return {
        "valid_eer": valid_eer,
        "eer": report.eer,
        "far": report.far,
        "frr": report.frr,
        "area": report.area,
        **means,
    }


def as_pixels(examples):
    return examples.inputs.reshape(len(examples), -1)


def run_all(splits, seeds, training, out):
    """The numbers of each system, split and seed; those in runs.json are taken from there."""
    path, settings = out / "runs.json", {**training, "size": list(SIZE), "augment": repr(AUGMENT)}
    kept = json.loads(path.read_text()) if path.exists() else {"settings": settings, "runs": {}}
    if kept["settings"] != settings:
        sys.exit(f"{path} holds runs of other settings: name another --out, or delete it")
    done = kept["runs"]
    for place, (train_part, valid, test) in enumerate(splits):
        done[f"raw pixels/{place}/0"] = measure(as_pixels(valid), as_pixels(test), valid, test, "euclidean")
        for name, augmented in SYSTEMS:
            for seed in seeds:
                key = f"{label(name, augmented)}/{place}/{seed}"
                if key in done:
                    continue
                encoder = train(name, augmented, (train_part, valid, test), seed, training)
                embedded = embed(encoder, valid.inputs), embed(encoder, test.inputs)
                done[key] = measure(*embedded, valid, test, encoder.distance)
                write_json(path, kept)
                say(f"{key}: valid EER {done[key]['valid_eer']:.4f}")
    return done


def label(name, augmented):
    return f"{name}, augmented" if augmented else name


def say(words):
    print(f"{time.process_time():.0f} CPU s: {words}", file=sys.stderr, flush=True)


def tables(done, n_splits, seeds):
    """Print the means over splits with the standard deviation over seeds, and the test EER of each split."""
    print(f"| system | {' | '.join(HEADS)} |\n|{' --- |' * (1 + len(HEADS))}")
    names = ["raw pixels", *(label(*system) for system in SYSTEMS)]
    for name in names:
        cells = [spread(over_splits(done, name, column, n_splits, seeds)) for column in COLUMNS]
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\n| test EER | {' | '.join(f'split {place + 1}' for place in range(n_splits))} |")
    print(f"|{' --- |' * (1 + n_splits)}")
    for name in names:
        own = [0] if name == "raw pixels" else seeds
        cells = [spread([done[f"{name}/{place}/{seed}"]["eer"] for seed in own]) for place in range(n_splits)]
        print(f"| {name} | {' | '.join(cells)} |")
    trained = [label(*system) for system in SYSTEMS]
    means = {name: statistics.fmean(over_splits(done, name, "valid_eer", n_splits, seeds)) for name in trained}
    best = min(means, key=means.__getitem__)
    print(f"\nLeast EER on validation persons: {best}\n")
    return best


def over_splits(done, name, column, n_splits, seeds):
    """For each seed the mean over splits."""
    own = [0] if name == "raw pixels" else seeds
    return [statistics.fmean(done[f"{name}/{place}/{seed}"][column] for place in range(n_splits)) for seed in own]


def spread(values):
    mean = f"{statistics.fmean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.pstdev(values):.3f}"


def sweep(objective, parts, seeds, training, out, margins=None):
    """Print the sweep of one objective on the first split, and write its picture and rows."""
    result = sweep_margins(
        OBJECTIVES[objective][0],
        lambda seed: build(objective, parts[0].input_shape, seed),
        *parts,
        margins=margins,
        seeds=seeds,
        training=training,
        out=out / f"margins-{objective}",
        resume=True,
    )
    print(f"{result}\n", flush=True)
    write_text(out / f"margins-{objective}.csv", result.to_pandas().to_csv(index=False))
    for ending, content in draw_margins(result).items():
        (out / f"margins-{objective}.{ending}").write_bytes(content)


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/faces"))
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    seeds, training, n_splits, margins = range(arguments.seeds), TRAINING, N_SPLITS, {}
    if arguments.quick:
        seeds, training, n_splits = range(1), {**TRAINING, "epochs": 2}, 1
        margins = {"triplet": [0.1, 0.4], "contrastive": [0.5, 1.4]}
    arguments.out.mkdir(parents=True, exist_ok=True)
    faces = read_labelled(Path(os.environ["RANKKIT_DATA"]) / "orl_faces" / "training.tar.gz", size=SIZE)
    splits = [split(faces, place) for place in range(n_splits)]
    print(f"{faces}\ntrain, validation, test of a split: {[part.n_classes for part in splits[0]]} persons\n")
    best = tables(run_all(splits, seeds, training, arguments.out), n_splits, seeds)
    for objective in ("triplet", "contrastive"):
        with_augment = {**training, "augment": AUGMENT}
        sweep(objective, splits[0], seeds, with_augment, arguments.out, margins.get(objective))
    name, augmented = next(system for system in SYSTEMS if label(*system) == best)
    encoders = [train(name, augmented, parts, 0, training) for parts in splits]
    draw_queries(best, encoders, [parts[2] for parts in splits], arguments.out / "queries.png")
    say("done")


if __name__ == "__main__":
    main()
