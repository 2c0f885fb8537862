"""Training.

`experiments/speed/training.py`: one epoch of data in the shape of MSLR-WEB30K, lists cut at 240, 64 queries a batch,
Adam, float32. The plain network is 136-512-256-128-1 behind log1p and standardize; rankkit's default scorer has bins in
front of it, layer norms and dropout. allRank trains the same plain network with its own `FCModel`, its losses and its
`loss_batch` over its `DataLoader`, on features that were transformed before, lists padded to the longest of all. The
limit are the matrix products of the plain network alone on rankkit's batches, into memory that is there already:
forward, weight gradient, and input gradient of all layers but the first. They are no limit of the default scorer, whose
first layer is no product. Validation is in none of the rows. Medians of the runs, in turns.
"""

from functools import partial
from itertools import pairwise

import numpy as np
import torch
from measuring import begin, print_table, take_turns
from peers import installed

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like
from rankkit.tasks.ranking.batches import plan_epoch

WIDTHS = (136, 512, 256, 128, 1)
BATCH = {"batch_queries": 64, "batch_docs": 16384, "length_window": 8}
OBJECTIVES = {"listnet": "listNet", "ranknet": "rankNet", "lambdarank": "lambdaLoss"}
LONGEST = 240


def cut_lists(data):
    """The first documents of each list."""
    position = np.arange(data.n_docs) - np.repeat(data.offsets[:-1], data.list_sizes)
    kept = position < LONGEST
    sizes = np.minimum(data.list_sizes, LONGEST)
    return rk.RankingDataset(
        features=data.features[kept],
        labels=data.labels[kept],
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        qids=data.qids,
    )


def plain_network():
    options = {"dropout": 0.0, "normalization": "none", "transform": "log1p+standardize"}
    return rk.MLPScorer(WIDTHS[0], hidden=WIDTHS[1:-1], seed=0, **options)


def by_rankkit(data, scorer, objective):
    """An epoch of ``fit``."""
    scorer.transform.fit(data.features, data.offsets)
    options = {"epochs": 1, "optimizer": "adam", "learning_rate": 1e-3, "precision": "fp32", "device": "cpu"}
    return lambda: rk.fit(scorer, objective, data, progress=False, **options, **BATCH)


def by_products(data):
    """The matrix products of the same epoch, operands and results preallocated."""
    plan = plan_epoch(data.list_sizes, np.random.default_rng([0, 1]), **BATCH)
    rows = [int(data.list_sizes[batch].sum()) for batch in plan]
    values, gradients = ([torch.randn(max(rows), width) for width in WIDTHS] for _ in range(2))
    weights = [torch.randn(n_out, n_in) for n_in, n_out in pairwise(WIDTHS)]
    weight_gradients = [torch.empty_like(weight) for weight in weights]

    def run():
        for n in rows:
            for layer, weight in enumerate(weights):
                torch.mm(values[layer][:n], weight.T, out=values[layer + 1][:n])
            for layer in reversed(range(len(weights))):
                torch.mm(gradients[layer + 1][:n].T, values[layer][:n], out=weight_gradients[layer])
                if layer:
                    torch.mm(gradients[layer + 1][:n], weights[layer], out=gradients[layer][:n])

    return run


def by_allrank(data, objective):
    """An epoch of allRank's loop."""
    from allrank.data.dataset_loading import FixLength, LibSVMDataset, ToTensor, create_data_loaders
    from allrank.models import losses
    from allrank.models.model import make_model
    from allrank.training.train_utils import loss_batch
    from scipy.sparse import csr_matrix

    transform = plain_network().transform
    transform.fit(data.features, data.offsets)
    with torch.no_grad():
        features = transform(torch.from_numpy(data.features), torch.from_numpy(data.offsets)).numpy()
    qids = np.repeat(np.arange(data.n_queries), data.list_sizes)
    prepared = LibSVMDataset(csr_matrix(features), data.labels, qids, transform=None)
    fixed, tensors = FixLength(int(data.list_sizes.max())), ToTensor()
    prepared.transform = lambda sample: tensors(fixed(sample))
    batches, _ = create_data_loaders(prepared, prepared, num_workers=0, batch_size=BATCH["batch_queries"])
    network = {"sizes": list(WIDTHS[1:-1]), "input_norm": False, "activation": "ReLU", "dropout": 0.0}
    model = make_model(network, None, {"d_output": 1, "output_activation": None}, WIDTHS[0])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = getattr(losses, OBJECTIVES[objective])
    if objective == "lambdarank":
        loss = partial(loss, weighing_scheme="lambdaRank_scheme")

    def run():
        model.train()
        for features, labels, places in batches:
            loss_batch(model, loss, features, labels, places, None, optimizer)

    return run


def main():
    options = begin(__doc__, queries=300, runs=5)
    found = installed("allRank")
    data = cut_lists(make_mslr_like(options.queries, seed=0))
    print(f"\n{data.n_queries:,} queries, {data.n_docs:,} documents, {options.runs} runs.")
    print_table(
        ["objective", "by", "docs/s", "docs/user s", "times allRank", "of the products"], rows(data, options, found)
    )


def rows(data, options, found):
    for objective in OBJECTIVES:
        ways = {
            "rankkit, default scorer": by_rankkit(data, rk.MLPScorer(WIDTHS[0], seed=0), objective),
            "rankkit, plain network": by_rankkit(data, plain_network(), objective),
        }
        if title := found.get("allRank"):
            ways[f"{title}, plain network"] = by_allrank(data, objective)
        ways["the products alone"] = by_products(data)
        spent = take_turns(ways, options.runs)
        theirs = next((each for name, each in spent.items() if name.startswith("allRank")), None)
        limit = spent["the products alone"]
        for name, each in spent.items():
            ratio = f"{theirs.over(each):.2f}" if theirs else ""
            share = "" if "default" in name else f"{limit.over(each):.0%}"
            speeds = [f"{data.n_docs / seconds:,.0f}" for seconds in (each.seconds, each.user_seconds)]
            yield (objective, name, *speeds, ratio, share)


if __name__ == "__main__":
    main()
