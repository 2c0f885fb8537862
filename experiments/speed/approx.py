"""Metric-driven objectives against plain torch: processor time of forward and backward, and extra memory.

    OMP_NUM_THREADS=1 python experiments/speed/approx.py

Prints two Markdown tables: soft ranks, streamed, beside the broadcast over all pairs; and what the objectives that hold
a matrix of ranks by documents cost as lists grow, NeuralNDCG beside a Sinkhorn scaling under autograd. One thread,
medians of 5 runs, as in experiments/speed/pairwise.py.
"""

import torch
from pairwise import SIZES, measure
from torch import Tensor

from rankkit.objectives import (
    approx_map_loss,
    approx_mrr_loss,
    approx_ndcg_loss,
    neural_ndcg_loss,
    neural_sort_loss,
    pirank_loss,
    softrank_ndcg_loss,
)

TEMPERATURE = 0.1
MATRIX_SIZES = [(8, 50), (8, 200), (8, 500)]


def plain_ranks(scores: Tensor, temperature: float) -> Tensor:
    """Every pair of the batch at once; a document's chance of leading itself, 1/2, is taken off."""
    return 0.5 + torch.sigmoid((scores[:, None] - scores[:, :, None]) / temperature).sum(2)


def ideal(gains: Tensor) -> Tensor:
    ranks = torch.arange(1, gains.shape[1] + 1)
    return (gains.sort(1, descending=True).values / torch.log2(1 + ranks)).sum(1, keepdim=True)


def plain_ndcg(scores: Tensor, labels: Tensor) -> Tensor:
    gains = 2**labels - 1
    return -(gains / ideal(gains) / torch.log2(1 + plain_ranks(scores, TEMPERATURE))).sum(1).mean()


def plain_mrr(scores: Tensor, labels: Tensor) -> Tensor:
    relevant = (labels >= 1).float()
    return -((relevant / plain_ranks(scores, TEMPERATURE)).sum(1) / relevant.sum(1)).mean()


def plain_map(scores: Tensor, labels: Tensor) -> Tensor:
    relevant = (labels >= 1).float()
    ranks = plain_ranks(scores, TEMPERATURE)
    ahead = torch.sigmoid(ranks[:, :, None] - ranks[:, None]) * relevant[:, None]
    hits = 0.5 + ahead.sum(2)
    return -((relevant * hits / ranks).sum(1) / relevant.sum(1)).mean()


def plain_neural_ndcg(scores: Tensor, labels: Tensor) -> Tensor:
    """The matrix itself is scaled, 50 times, and autograd keeps every step."""
    n = scores.shape[1]
    ranks = torch.arange(1, n + 1)
    gaps = (scores[:, :, None] - scores[:, None]).abs().sum(2)
    matrix = ((n + 1 - 2 * ranks)[:, None] * scores[:, None] - gaps[:, None]).softmax(2)
    for _ in range(50):
        matrix = matrix / matrix.sum(1, keepdim=True)
        matrix = matrix / matrix.sum(2, keepdim=True)
    gains = 2**labels - 1
    return -((matrix @ gains[..., None])[..., 0] / torch.log2(1 + ranks) / ideal(gains)).sum(1).mean()


STREAMED = {
    "ApproxNDCG": (approx_ndcg_loss, plain_ndcg),
    "ApproxMRR": (approx_mrr_loss, plain_mrr),
    "ApproxAP": (approx_map_loss, plain_map),
}
MATRICES = {
    "NeuralNDCG": neural_ndcg_loss,
    "NeuralNDCG, plain torch": plain_neural_ndcg,
    "PiRank": pirank_loss,
    "PiRank, k = 10": lambda scores, labels: pirank_loss(scores, labels, k=10),
    "NeuralSort cross entropy": neural_sort_loss,
    "SoftNDCG": softrank_ndcg_loss,
}


def lists(n_queries: int, list_size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(list_size)
    shares = torch.tensor([0.52, 0.32, 0.13, 0.02, 0.01])  # grades as in MSLR-WEB30K
    labels = torch.multinomial(shares, n_queries * list_size, replacement=True, generator=generator)
    return torch.randn(n_queries, list_size, generator=generator), labels.reshape(n_queries, list_size).float()


def main() -> None:
    torch.set_num_threads(1)
    print(
        "| objective | lists | rankkit, ms | broadcast, ms | times faster | rankkit, extra MB | broadcast, extra MB |"
    )
    print("|--|--|--|--|--|--|--|")
    for name, (ours, plain) in STREAMED.items():
        for n_queries, list_size in SIZES:
            scores, labels = lists(n_queries, list_size)
            fast, fast_extra, gradient = measure(ours, scores, labels)
            slow, slow_extra, expected = measure(plain, scores, labels)
            torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-5)
            print(
                f"| {name} | {n_queries} x {list_size:,} | {fast * 1e3:.2f} | {slow * 1e3:.1f} | {slow / fast:.1f} "
                f"| {fast_extra:.1f} | {slow_extra:.0f} |"
            )
    print("\n| objective | " + " | ".join(f"{q} x {n}, ms (MB)" for q, n in MATRIX_SIZES) + " |")
    print("|--" * (len(MATRIX_SIZES) + 1) + "|")
    for name, objective in MATRICES.items():
        cells = [measure(objective, *lists(*size))[:2] for size in MATRIX_SIZES]
        print(f"| {name} | " + " | ".join(f"{seconds * 1e3:,.0f} ({extra:,.0f})" for seconds, extra in cells) + " |")


if __name__ == "__main__":
    main()
