"""Metric-driven objectives.

`experiments/speed/approx.py`: soft ranks are streamed like pairs; forward and backward, beside the plain
`[list, list]` broadcast in torch, at a temperature of 0.1, and beside allRank's ApproxNDCG at the same one. Plain torch
has the same gradient, which is checked. Columns and turns are those of the pairwise objectives; the exponentials alone
are one for each two documents.
"""

import torch
from losses import SIZES, by_torch, exponentials, print_losses
from measuring import begin
from peers import installed

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
MATRIX_SIZES = [(8, 50), (8, 200), (2, 500)]
MATRICES = """
Objectives that hold a matrix of ranks by documents, as lists grow. Plain torch scales NeuralNDCG's matrix itself 50
times under autograd, and so does allRank until it is doubly stochastic; rankkit scales two vectors.
"""


def plain_ranks(scores, temperature):
    """Every pair of the batch at once; a document's chance of leading itself, 1/2, is taken off."""
    return 0.5 + torch.sigmoid((scores[:, None] - scores[:, :, None]) / temperature).sum(2)


def ideal(gains):
    ranks = torch.arange(1, gains.shape[1] + 1)
    return (gains.sort(1, descending=True).values / torch.log2(1 + ranks)).sum(1, keepdim=True)


def plain_ndcg(scores, labels):
    gains = 2**labels - 1
    return -(gains / ideal(gains) / torch.log2(1 + plain_ranks(scores, TEMPERATURE))).sum(1).mean()


def plain_mrr(scores, labels):
    relevant = (labels >= 1).float()
    return -((relevant / plain_ranks(scores, TEMPERATURE)).sum(1) / relevant.sum(1)).mean()


def plain_map(scores, labels):
    relevant = (labels >= 1).float()
    ranks = plain_ranks(scores, TEMPERATURE)
    ahead = torch.sigmoid(ranks[:, :, None] - ranks[:, None]) * relevant[:, None]
    hits = 0.5 + ahead.sum(2)
    return -((relevant * hits / ranks).sum(1) / relevant.sum(1)).mean()


def plain_neural_ndcg(scores, labels):
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


def main():
    begin(__doc__)
    found = installed("allRank")
    streamed = {
        "ApproxNDCG": {"rankkit": by_torch(approx_ndcg_loss), "plain torch": by_torch(plain_ndcg)},
        "ApproxMRR": {"rankkit": by_torch(approx_mrr_loss), "plain torch": by_torch(plain_mrr)},
        "ApproxAP": {"rankkit": by_torch(approx_map_loss), "plain torch": by_torch(plain_map)},
    }
    matrices = {
        "NeuralNDCG": {"rankkit": by_torch(neural_ndcg_loss), "plain torch": by_torch(plain_neural_ndcg)},
        "PiRank": {"rankkit": by_torch(pirank_loss)},
        "PiRank, k = 10": {"rankkit": by_torch(lambda scores, labels: pirank_loss(scores, labels, k=10))},
        "NeuralSort cross entropy": {"rankkit": by_torch(neural_sort_loss)},
        "SoftNDCG": {"rankkit": by_torch(softrank_ndcg_loss)},
    }
    if title := found.get("allRank"):
        from allrank.models import losses

        streamed["ApproxNDCG"][title] = by_torch(
            lambda scores, labels: losses.approxNDCGLoss(scores, labels, alpha=1 / TEMPERATURE)
        )
        matrices["NeuralNDCG"][title] = by_torch(losses.neuralNDCG)
    limit = ("the exponentials alone", lambda scores, labels: exponentials(scores.numel() * (scores.shape[1] - 1) / 2))
    print_losses(streamed, SIZES, longest_of_peers=1_000, tolerances=(1e-3, 1e-5), limit=limit)
    print(MATRICES, end="")
    print_losses(matrices, MATRIX_SIZES, tolerances=(1e-3, 1e-5))


if __name__ == "__main__":
    main()
