"""Which features does a ranker need? Chosen by LassoNet, by the gain of trees, and by shuffling them.

    RANKKIT_DATA=/path/to/data OMP_NUM_THREADS=1 python experiments/quality/feature_selection.py --sets mq2008 --seeds 2

Features are ordered without the test queries: by their gain in LightGBM; by how much worse the default MLP ranks the
validation queries when one is shuffled; by how long they stay in LassoNet. It (Lemhadri, Ruan, Abraham, Tibshirani,
JMLR 22, 2021) is a network with a linear path beside it, whose first layer may take of a feature no more than ``HOLD``
times what the linear path does. The penalty of the linear path grows until no feature is left, here by an eighth after
each two epochs, with steps of AdamW where the authors take gradient descent with momentum. Then the default MLP and
LightGBM are trained on the first ones of each order, and on all.

Parts of whole queries are test data in turn (``--rounds`` of each set), the next one chooses the epoch or the trees; of
MSRD a sixth of the training queries does, and vali is the test data. A test query counts once, by its mean ndcg@10 over
the seeds. In brackets: the difference from the features by gain, and t.
"""

import argparse
import os
import time
from collections import defaultdict
from pathlib import Path

import lightgbm
import numpy as np
import torch
from rounds import SETS, rounds_of
from scipy.stats import ttest_rel
from torch import Tensor, nn

import rankkit as rk

METRIC, OBJECTIVE = "ndcg@10", "lambdarank"
HOLD = 10.0
RATE, FIRST, GROWTH, EPOCHS = 1e-3, 1e-4, 1.125, 2


class LassoNet(nn.Module):
    """A linear scorer and a network, added."""

    def __init__(self, train: rk.RankingDataset, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        features = np.nan_to_num(np.asarray(train.features, np.float64))
        features = np.sign(features) * np.log1p(np.abs(features))
        self.register_buffer("middle", torch.from_numpy(features.mean(axis=0)).float())
        self.register_buffer("width", torch.from_numpy(np.maximum(features.std(axis=0), 1e-6)).float())
        self.linear = nn.Linear(train.n_features, 1, bias=False)
        self.first = nn.Linear(train.n_features, 64)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(64, 1))

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document."""
        features = torch.nan_to_num(features)
        values = (features.sign() * features.abs().log1p() - self.middle) / self.width
        return (self.linear(values) + self.rest(self.first(values)))[:, 0]

    @torch.no_grad()
    def hold(self, penalty: float) -> None:
        """Take the proximal step, after which the first layer keeps its bound."""
        linear, first = proximal(self.linear.weight[0], self.first.weight.T, penalty, HOLD)
        self.linear.weight.copy_(linear[None])
        self.first.weight.copy_(first.T)


def proximal(linear: Tensor, first: Tensor, penalty: float, hold: float) -> tuple[Tensor, Tensor]:
    """The nearest weights, with ``penalty |linear|`` added to half the squared distance (Hier-Prox, algorithm 2).

    Args:
        linear: ``[feature]``.
        first: ``[feature, unit]``: none of a feature's may be above ``hold |linear|``.
        penalty: At least 0.
        hold: Above 0.
    """
    sizes = first.abs().sort(dim=1, descending=True).values
    taken = torch.arange(sizes.shape[1] + 1)
    sums = torch.cat([torch.zeros_like(sizes[:, :1]), sizes.cumsum(dim=1)], dim=1)
    bounds = hold / (1 + taken * hold**2) * (linear.abs()[:, None] + hold * sums - penalty).clamp(min=0)
    below = torch.cat([sizes, torch.zeros_like(sizes[:, :1])], dim=1)
    bound = bounds.gather(1, (bounds >= below).int().argmax(dim=1, keepdim=True))
    return linear.sign() * bound[:, 0] / hold, first.sign() * torch.minimum(first.abs(), bound)


class Holding:
    """Takes the proximal step after each step of the optimizer."""

    def __init__(self, model: LassoNet, penalty: float) -> None:
        self._model, self._penalty = model, penalty

    def on_step(self, record: object) -> None:
        """After each batch."""
        self._model.hold(RATE * self._penalty)

    def on_epoch_end(self, record: object) -> None:
        """Nothing more."""


def by_lassonet(train, valid, seed):
    """Features by falling penalty at which they were last there."""
    model = LassoNet(train, seed)
    rk.fit(model, OBJECTIVE, train, valid, seed=seed, learning_rate=RATE, progress=False, device="cpu")
    last, penalty = torch.zeros(train.n_features), FIRST
    options = {"schedule": "constant", "learning_rate": RATE, "weight_decay": 0.0, "epochs": EPOCHS}
    while True:
        rk.fit(
            model,
            OBJECTIVE,
            train,
            seed=seed,
            progress=False,
            device="cpu",
            callbacks=[Holding(model, penalty)],
            **options,
        )
        sizes = model.linear.weight[0].detach().abs()
        if not sizes.any():
            return np.argsort(-last.numpy(), kind="stable")
        last = torch.where(sizes > 0, penalty + 1e-3 * penalty * sizes / sizes.max(), last)
        penalty *= GROWTH


def by_gain(train, valid, seed):
    """Features by falling gain in LightGBM."""
    trees = lightgbm.LGBMRanker(importance_type="gain", n_estimators=100, verbosity=-1, random_state=seed, n_jobs=1)
    trees.fit(train.features, train.labels.astype(int), group=train.list_sizes)
    return np.argsort(-trees.feature_importances_, kind="stable")


def by_shuffling(train, valid, seed):
    """Features by how much worse the default MLP ranks the validation queries without one."""
    scorer = fitted(rk.MLPScorer(train.n_features, seed=seed), train, valid, seed)
    return rk.permutation_importance(scorer, valid, metric=METRIC).order


ORDERS = {"gain": by_gain, "shuffling": by_shuffling, "LassoNet": by_lassonet}


def fitted(model, train, valid, seed):
    """The model, trained."""
    given = {} if isinstance(model, rk.LightGBM) else {"seed": seed, "device": "cpu"}
    rk.fit(model, OBJECTIVE, train, valid, metric=METRIC, progress=False, **given)
    return model


def measure(rounds, counts, n_seeds):
    """The metric of each test query by system, the mean of the seeds; processor seconds of each order."""
    values, seconds = defaultdict(list), defaultdict(list)
    for train, valid, test in rounds:
        of_seeds = defaultdict(list)
        for seed in range(n_seeds):
            chosen = {("all", train.n_features): np.arange(train.n_features)}
            for name, order in ORDERS.items():
                start = time.process_time()
                features = order(train, valid, seed)
                seconds[name].append(time.process_time() - start)
                chosen |= {(name, n): np.sort(features[:n]) for n in counts}
            for key, features in chosen.items():
                parts = [rk.select_features(data, features.tolist()) for data in (train, valid, test)]
                for model in (rk.MLPScorer(len(features), seed=seed), rk.LightGBM(len(features), seed=seed)):
                    fitted(model, *parts[:2], seed)
                    found = rk.evaluate(model, parts[2], [METRIC]).counted(METRIC)
                    of_seeds[*key, type(model).__name__].append(found)
        for key, found in of_seeds.items():
            values[key].append(np.mean(found, axis=0))
    return {key: np.concatenate(found) for key, found in values.items()}, seconds


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=None, help="of each set, at most")
    parser.add_argument("--counts", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--sets", nargs="+", default=["mq2008"], choices=[*SETS, "msrd"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| set | features | chosen by | mlp | LightGBM |\n|" + " --- |" * 5, flush=True)
    for name in options.sets:
        rounds = rounds_of(name, Path(os.environ["RANKKIT_DATA"]), options.rounds)
        values, seconds = measure(rounds, options.counts, options.seeds)
        for order, n in dict.fromkeys(key[:2] for key in values):
            cells = [told(values, order, n, model) for model in ("MLPScorer", "LightGBM")]
            print(f"| {name} | {n} | {order} | {' | '.join(cells)} |", flush=True)
        taken = ", ".join(f"{key} {np.mean(found):.1f}" for key, found in seconds.items())
        print(f"{name}: processor s of an order: {taken}")


def told(values, order, n, model):
    """The mean, and what it is more than with the features by gain."""
    found, base = values[order, n, model], values.get(("gain", n, model))
    if base is None or order == "gain":
        return f"{found.mean():.4f}"
    return f"{found.mean():.4f} ({found.mean() - base.mean():+.4f}, t {ttest_rel(found, base).statistic:.1f})"


if __name__ == "__main__":
    main()
