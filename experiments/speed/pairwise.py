"""Pairwise objectives.

`experiments/speed/pairwise.py`: forward and backward of losses of scores. Plain torch broadcasts to `[list, list]` and
has the same gradient, which is checked; the peers' losses of the same name are other formulas of the same pairs
(allRank's sums and clamps, pytorchltr's sums over all pairs), so that their rows say what they cost, not what they
are. For RankNet allRank has its `rankNet`, for the others its `lambdaLoss`; pytorchltr has no LambdaRank, Rax's weights
are those of its `lambdaweight_fn`, compiled by `jax.jit`. rankkit streams the pairs: its memory grows with the list,
not with its square. Peers get no list of 10,000, where they would hold several matrices of 400 MB.

Much of what a broadcast costs are fresh pages of memory, which is the system's time: hence user milliseconds beside
all, and pages a call. The exponentials alone are one for each pair that is compared, in the processor's cache, which is
the least that a logistic loss of pairs takes. Medians of 15 turns for lists of 100, of 5 for longer ones.
"""

from functools import partial

import torch
from losses import by_pytorchltr, by_rax, by_torch, exponentials, print_losses
from measuring import begin
from peers import installed
from torch.nn import functional

from rankkit.objectives import lambdaloss_ndcg2_loss, lambdarank_loss, pairwise_hinge_loss, ranknet_loss


def broadcast(cost):
    """The mean over pairs, every pair of the batch at once."""

    def loss(scores, labels):
        pairs = labels[:, :, None] > labels[:, None]
        costs = cost(scores[:, :, None] - scores[:, None]) * pairs
        return (costs.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()

    return loss


def discounts(ranks):
    return 1 / torch.log2(1 + ranks.float())


def rank_weights(ranks):
    """LambdaRank: how far apart the discounts of the two ranks are."""
    worth = discounts(ranks)
    return (worth[:, :, None] - worth[:, None]).abs()


def distance_weights(ranks):
    """NDCG-Loss2: how far apart those of the distance of the two ranks and of the next are."""
    table = discounts(torch.arange(ranks.shape[1] + 1))
    table = torch.cat([torch.zeros(1), table[1:-1] - table[2:]])
    return table[(ranks[:, :, None] - ranks[:, None]).abs()]


def broadcast_lambda(weights_of):
    """Weighted pairs, every pair of the batch at once."""

    def loss(scores, labels):
        with torch.no_grad():
            ranks = scores.argsort(dim=1, descending=True).argsort(dim=1) + 1
            gains = torch.exp2(labels) - 1
            best = gains.sort(dim=1, descending=True).values
            gains = gains / (best * discounts(torch.arange(1, labels.shape[1] + 1))).sum(1, keepdim=True)
            pairs = labels[:, :, None] > labels[:, None]
            weights = weights_of(ranks) * (gains[:, :, None] - gains[:, None]).abs() * pairs
        return (functional.softplus(scores[:, None] - scores[:, :, None]) * weights).sum((1, 2)).mean()

    return loss


OBJECTIVES = {
    "RankNet": (ranknet_loss, broadcast(lambda d: functional.softplus(-d))),
    "LambdaRank": (lambdarank_loss, broadcast_lambda(rank_weights)),
    "NDCG-Loss2": (lambdaloss_ndcg2_loss, broadcast_lambda(distance_weights)),
    "pairwise hinge": (pairwise_hinge_loss, broadcast(lambda d: (1 - d).relu())),
}


def peers_losses():
    """``{objective: {by: form}}`` of those that are installed."""
    found, forms = installed("allRank", "pytorchltr", "Rax"), {name: {} for name in OBJECTIVES}
    if title := found.get("allRank"):
        from allrank.models import losses

        forms["RankNet"][title] = by_torch(losses.rankNet)
        for name, scheme in (("LambdaRank", "lambdaRank_scheme"), ("NDCG-Loss2", "ndcgLoss2_scheme")):
            forms[name][title] = by_torch(partial(losses.lambdaLoss, weighing_scheme=scheme))
    if title := found.get("pytorchltr"):
        from pytorchltr import loss

        forms["RankNet"][title] = by_pytorchltr(loss.PairwiseLogisticLoss())
        forms["NDCG-Loss2"][title] = by_pytorchltr(loss.LambdaNDCGLoss2())
        forms["pairwise hinge"][title] = by_pytorchltr(loss.PairwiseHingeLoss())
    if title := found.get("Rax"):
        import rax

        forms["RankNet"][title] = by_rax(rax.pairwise_logistic_loss)
        for name, weights in (("LambdaRank", rax.dcg_lambdaweight), ("NDCG-Loss2", rax.dcg2_lambdaweight)):
            forms[name][title] = by_rax(partial(rax.pairwise_logistic_loss, lambdaweight_fn=weights))
        forms["pairwise hinge"][title] = by_rax(rax.pairwise_hinge_loss)
    return forms


def compared_pairs(scores, labels):
    """Exponentials of as many pairs as have two grades."""
    counts = torch.stack([labels.eq(grade).sum(1) for grade in labels.unique()]).double()
    n_pairs = (labels.shape[1] ** 2 - counts.square().sum(0)).sum() / 2
    return exponentials(n_pairs)


def main():
    begin(__doc__)
    forms = peers_losses()
    print_losses(
        {
            name: {"rankkit": by_torch(ours), "plain torch": by_torch(plain), **forms[name]}
            for name, (ours, plain) in OBJECTIVES.items()
        },
        longest_of_peers=1_000,
        limit=("the exponentials alone", compared_pairs),
    )


if __name__ == "__main__":
    main()
