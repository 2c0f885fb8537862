"""One-shot classification of unseen classes: embedding objectives by distances, on glyphs and on Omniglot small1.

    OMP_NUM_THREADS=1 python experiments/few-shot/run.py --quick
    OMP_NUM_THREADS=1 python experiments/few-shot/run.py --choose
    OMP_NUM_THREADS=1 python experiments/few-shot/run.py --seeds 5
    OMP_NUM_THREADS=1 python experiments/few-shot/run.py --data omniglot --all-alphabets --only supcon/cosine
    python experiments/few-shot/run.py --table

Omniglot needs the folder that RANKKIT_DATA names (omniglot/images_background_small1.zip). Each run adds a line to
runs/few-shot/<data>.jsonl and is skipped where its line is there. --table, and the end of the grid, print the tables of
the README and draw the picture, from all lines there are.
"""

import argparse
import itertools
import json
import sys
import time
from pathlib import Path

import one_shot_tables
import torch
from characters import ALPHABETS, glyphs, omniglot

import rankkit as rk

OBJECTIVES = {
    "contrastive": rk.contrastive_loss,
    "triplet": rk.triplet_loss,
    "info_nce": rk.info_nce_loss,
    "supcon": rk.supcon_loss,
    "verification": rk.verification_loss,
    "lossless_triplet": rk.lossless_triplet_loss,
}
DISTANCES = ["l1", "euclidean", "weighted_l1", "cosine"]
OWN = {"verification": "verification", "lossless_triplet": "squared_euclidean"}  # what they define themselves
CELLS = [*itertools.product([name for name in OBJECTIVES if name not in OWN], DISTANCES), *OWN.items()]
OUTPUTS = {"verification": "sigmoid", "lossless_triplet": "sigmoid"}  # as in their papers; length 1 elsewhere
TEMPERATURES = {"info_nce": 0.07, "supcon": 0.1}  # of the papers, for cosines, of which unrelated ones are 1 apart
EPOCHS = {"glyphs": 3, "omniglot": 3}
CHANNELS = (16, 32, 32)
N_DIMS = 256
N_EXAMPLES = 64  # of a batch
LEARNING_RATE = 0.003
CHOICES = [(1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0)]  # framed, with turns, with RandomAffine
N_EPISODES = 200


def new_encoder(objective, distance, train, seed, framed):
    """The same network for all but its last step and its distance; framed, it centres and scales the ink first."""
    ends = {"output": OUTPUTS.get(objective, "unit"), "distance": distance}
    options = {"n_dims": N_DIMS, "channels": CHANNELS, "framed": framed, "seed": seed}
    return rk.ConvEncoder(train.input_shape, **options, **ends)


def scaled(objective, encoder, train):
    """The objective with its margin or temperature on the scale of the distance, and what that is.

    Temperatures of the papers are for cosines; they are multiplied by how far apart unrelated embeddings are.
    """
    embeddings = torch.from_numpy(rk.embed(encoder, train.inputs[:: max(1, len(train) // 256)]))
    function = OBJECTIVES[objective]
    if objective in ("contrastive", "triplet"):
        chosen = {"margin": rk.suggest_margin(encoder.distance, embeddings, objective=objective)}
    elif objective in TEMPERATURES:
        spread = rk.suggest_margin(encoder.distance, embeddings, objective="contrastive")
        chosen = {"temperature": TEMPERATURES[objective] * spread}
    else:
        return function, {}
    return rk.objectives.Objective(function, **chosen), chosen


def trained(objective, distance, train, *, seed, epochs, valid=None, augment=None, framed=False):
    """An encoder, and the scale of its objective. With validation classes the best epoch is kept, else the last."""
    encoder = new_encoder(objective, distance, train, seed, framed)
    function, chosen = scaled(objective, encoder, train)
    per_class = 2 if objective == "info_nce" else 4
    rk.fit_encoder(
        encoder,
        function,
        train,
        valid,
        epochs=epochs,
        batch_classes=N_EXAMPLES // per_class,
        per_class=per_class,
        augment=augment,
        learning_rate=LEARNING_RATE,
        seed=seed,
        device="cpu",
        progress=False,
    )
    return encoder, chosen


def one_shot(encoder, test, seed, n_episodes=N_EPISODES):
    """Accuracy and that of raw pixels in the same episodes, which differ from seed to seed."""
    embeddings, found = rk.embed(encoder, test.inputs), {}
    for ways in (5, 20):
        options = {"ways": ways, "n_episodes": n_episodes, "seed": seed}
        report = rk.evaluate_few_shot(
            embeddings, test.labels, raw_inputs=test.inputs, distance=encoder.distance, **options
        )
        found |= {f"{ways}-way": report.accuracy, f"{ways}-way raw": report.raw_accuracy}
    return found


def one_run(data, held_back, objective, distance, seed, epochs):
    """A line of the results."""
    start = time.process_time()
    train, valid, test = glyphs() if data == "glyphs" else omniglot(held_back)
    drawn = {"augment": rk.RandomAffine(), "framed": True} if data == "omniglot" else {}  # by hand, of any size
    encoder, chosen = trained(objective, distance, train, seed=seed, epochs=epochs, valid=valid, **drawn)
    seconds = time.process_time() - start
    result = {"n_classes": train.n_classes, **chosen, "training s": seconds, **one_shot(encoder, test, seed)}
    return {**key_of(data, held_back, objective, distance, seed, epochs), **result}


def key_of(data, held_back, objective, distance, seed, epochs):
    """What a run is."""
    names = ("data", "held back", "objective", "distance", "seed", "epochs")
    return dict(zip(names, (data, held_back, objective, distance, seed, epochs), strict=True))


def choose(arguments):
    """What frame, turns and augmentation are worth to SupCon on the validation alphabets, in as many steps."""
    done = one_shot_tables.read_lines(arguments.out)
    for (framed, turns, affine), held_back in itertools.product(CHOICES, ALPHABETS):
        train, valid, _ = omniglot(held_back, turns)
        key = {
            "data": "choice",
            "validation": valid.class_groups[0],
            "framed": framed,
            "turns": turns,
            "affine": affine,
        }
        if any(line.items() >= key.items() for line in done):
            continue
        epochs = EPOCHS["omniglot"] * (1 if turns else 4)
        options = {"augment": rk.RandomAffine() if affine else None, "framed": framed}
        encoder, _ = trained("supcon", "cosine", train, seed=0, epochs=epochs, **options)
        add_line(arguments.out, {**key, **one_shot(encoder, valid, seed=0)})


def pixels(arguments):
    """What framed pixels reach without an encoder, on each alphabet."""
    for held_back in ALPHABETS:
        _, _, test = omniglot(held_back)
        framed = rk.InkFrame()(torch.from_numpy(test.inputs)).flatten(1)
        options = {"ways": 20, "n_episodes": 2 * N_EPISODES, "seed": 0}
        report = rk.evaluate_few_shot(framed, test.labels, raw_inputs=test.inputs, distance="euclidean", **options)
        add_line(arguments.out, {"data": "pixels", "held back": held_back, "20-way": report.accuracy})


def planned(arguments):
    """All runs, seed by seed, so that any beginning of them is a whole table of fewer seeds."""
    for seed in range(arguments.seeds):
        for data in arguments.data:
            every = ALPHABETS if arguments.all_alphabets else [ALPHABETS[seed % len(ALPHABETS)]]
            for held_back in ["greek"] if data == "glyphs" else every:
                for objective, distance in CELLS:
                    if not arguments.only or f"{objective}/{distance}" in arguments.only:
                        yield key_of(data, held_back, objective, distance, seed, arguments.epochs or EPOCHS[data])


def run_all(arguments):
    """Every planned run that has no line yet."""
    done = one_shot_tables.read_lines(arguments.out)
    for key in planned(arguments):
        if any(line.items() >= key.items() for line in done):
            continue
        line = one_run(*key.values())
        add_line(arguments.out, line)


def add_line(out, line):
    """One more run that is done."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{line['data']}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(*line.values(), file=sys.stderr, flush=True)


def quick(n_classes=60, epochs=4):
    """A small part of the glyphs: SupCon on a few classes, without validation; accuracies by name."""
    train, _, test = glyphs(quick=True)
    encoder, _ = trained("supcon", "cosine", train.of_classes(range(n_classes)), seed=0, epochs=epochs)
    return one_shot(encoder, test, seed=0, n_episodes=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="SupCon on a few glyphs, in seconds")
    parser.add_argument("--choose", action="store_true", help="what the settings for Omniglot were chosen by")
    parser.add_argument("--table", action="store_true", help="tables and picture of the runs there are")
    parser.add_argument("--data", nargs="+", choices=["glyphs", "omniglot"], default=["glyphs", "omniglot"])
    parser.add_argument("--only", nargs="+", metavar="OBJECTIVE/DISTANCE", help="such as supcon/cosine")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help=f"default: {EPOCHS}")
    parser.add_argument("--all-alphabets", action="store_true", help="hold back each in turn, not one a seed")
    parser.add_argument("--out", type=Path, default=Path("runs/few-shot"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.quick:
        for name, value in quick().items():
            print(f"{name:<12}{value:.3f}")
        return
    if arguments.choose:
        choose(arguments)
        pixels(arguments)
        return
    if not arguments.table:
        run_all(arguments)
    one_shot_tables.show(arguments.out, Path(__file__).parent)


if __name__ == "__main__":
    main()
