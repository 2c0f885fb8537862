"""Do the parts of RealMLP help a ranker? Each alone, and all of them, beside the default MLP.

    RANKKIT_DATA=/path/to/data OMP_NUM_THREADS=1 python experiments/quality/realmlp.py --sets mq2008 msrd --seeds 2

The parts (Holzmueller, Grinsztajn, Steinwart, "Better by Default", NeurIPS 2024): features less their median by the
distance of their quartiles, smoothly clipped, in place of bins; a factor a feature that is learnt (there with six times
the rate, here with the rate of all); periodic embeddings of numbers beside the number; SiLU in the place of its Mish; a
learning rate of four cosines of growing length; the second moments of Adam forgotten sooner. Its weight decay and
dropout that change with time, and its initial weights, are not among them.

Parts of whole queries are test data in turn (``--rounds`` of each set), the next one chooses the epoch; of MSRD a sixth
of the training queries does, and vali is the test data. A test query counts once, by its mean ndcg@10 over the seeds.
"""

import argparse
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from rounds import SETS, rounds_of
from scipy.stats import ttest_rel
from torch import Tensor, nn

import rankkit as rk

METRIC = "ndcg@10"
SOON = {"optimizer_options": {"betas": (0.9, 0.95)}}
CLIPPED, SCALED, PERIODIC = {"bins": False}, {"bins": False, "scaled": True}, {"bins": False, "periodic": True}
ALL = {"bins": False, "scaled": True, "periodic": True, "activation": "silu"}


def four_cosines(progress: float) -> float:
    """The share of the largest learning rate: coslog4."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress)))


SYSTEMS = {
    "mlp": ({}, {}),
    "silu": ({"activation": "silu"}, {}),
    "four cosines": ({}, {"schedule": four_cosines}),
    "second moments .95": ({}, SOON),
    "clipped in place of bins": (CLIPPED, {}),
    "clipped, factors": (SCALED, {}),
    "clipped, periodic": (PERIODIC, {}),
    "all of them": (ALL, {"schedule": four_cosines, **SOON}),
}


class Inputs(nn.Module):
    """Features, robustly scaled and clipped; with factors; with periodic embeddings.

    Args:
        features: Of the training documents.
        scaled: Whether factors are learnt.
        periodic: Whether each number gets an embedding of three beside itself.
        seed: Of the embeddings.
    """

    def __init__(self, features: np.ndarray, *, scaled: bool, periodic: bool, seed: int) -> None:
        super().__init__()
        low, middle, high = np.nanquantile(features, [0.25, 0.5, 0.75], axis=0)
        whole = np.nanmax(features, axis=0) - np.nanmin(features, axis=0)
        width = np.where(high > low, high - low, np.where(whole > 0, whole / 2, 1))
        self.register_buffer("middle", torch.from_numpy(middle.astype(np.float32)))
        self.register_buffer("width", torch.from_numpy(width.astype(np.float32)))
        n, drawn = features.shape[1], torch.Generator().manual_seed(seed)
        self.factors = nn.Parameter(torch.ones(n)) if scaled else None
        self.n_outputs = n
        self.periodic = periodic
        if periodic:
            self.n_outputs = 4 * n
            self.frequencies = nn.Parameter(0.1 * torch.randn(n, 16, generator=drawn))
            self.shifts = nn.Parameter(torch.pi * (2 * torch.rand(n, 16, generator=drawn) - 1))
            bound = 1 / math.sqrt(16)
            self.mixed = nn.Parameter(bound * (2 * torch.rand(n, 16, 3, generator=drawn) - 1))
            self.bias = nn.Parameter(bound * (2 * torch.rand(n, 3, generator=drawn) - 1))

    def forward(self, features: Tensor) -> Tensor:
        """``[doc, feature]`` to ``[doc, n_outputs]``."""
        scaled = torch.nan_to_num((features - self.middle) / self.width)
        values = scaled / torch.sqrt(1 + (scaled / 3) ** 2)
        if self.factors is not None:
            values = values * self.factors
        if not self.periodic:
            return values
        waves = torch.cos(2 * torch.pi * values[:, :, None] * self.frequencies + self.shifts)
        embedded = torch.einsum("dfw,fwo->dfo", waves, self.mixed) + self.bias
        return torch.cat([values[:, :, None], embedded], dim=2).flatten(1)


class Scorer(nn.Module):
    """Rankkit's MLP over such inputs."""

    def __init__(self, train: rk.RankingDataset, seed: int, activation: str = "relu", **inputs: bool) -> None:
        super().__init__()
        given = {"scaled": False, "periodic": False, **inputs}
        self.inputs = Inputs(np.asarray(train.features), **given, seed=seed)
        self.mlp = rk.MLPScorer(self.inputs.n_outputs, transform="none", activation=activation, seed=seed)

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document."""
        return self.mlp(self.inputs(features), offsets)


def build(train, options, seed):
    """The scorer of a system."""
    given = dict(options)
    if given.pop("bins", True):
        return rk.MLPScorer(train.n_features, **given, seed=seed)
    return Scorer(train, seed, **given)


def measure(system, objective, rounds, n_seeds):
    """The metric of each test query, the mean of the seeds, and processor seconds of a training."""
    options, training = SYSTEMS[system]
    values, seconds = [], []
    for train, valid, test in rounds:
        of_seeds = []
        for seed in range(n_seeds):
            start = time.process_time()
            model = build(train, options, seed)
            given = {"learning_rate": rk.MLPScorer.learning_rate, **training}
            rk.fit(model, objective, train, valid, metric=METRIC, seed=seed, device="cpu", progress=False, **given)
            seconds.append(time.process_time() - start)
            of_seeds.append(rk.evaluate(model, test, [METRIC]).counted(METRIC))
        values.append(np.mean(of_seeds, axis=0))
    return np.concatenate(values), float(np.mean(seconds))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=None, help="of each set, at most")
    parser.add_argument("--sets", nargs="+", default=["mq2008"], choices=[*SETS, "msrd"])
    parser.add_argument("--objective", default="softmax")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| set | queries | parts | ndcg@10 | processor s |\n|" + " --- |" * 5, flush=True)
    for name in options.sets:
        rounds, base = rounds_of(name, Path(os.environ["RANKKIT_DATA"]), options.rounds), None
        for system in SYSTEMS:
            values, seconds = measure(system, options.objective, rounds, options.seeds)
            base, beside = (values, "") if base is None else (base, told(values, base))
            print(
                f"| {name} | {len(values)} | {system} | {values.mean():.4f}{beside} | {seconds:.1f} |",
                flush=True,
            )


def told(values, base):
    """The difference from the first system."""
    return f" ({values.mean() - base.mean():+.4f}, t {ttest_rel(values, base).statistic:.1f})"


if __name__ == "__main__":
    main()
