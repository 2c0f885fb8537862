"""Listwise objectives.

`experiments/speed/listwise.py`: forward and backward of losses that look at each document of a list once. Plain torch
has the same gradient, which is checked, and knows nothing of masks, of weights or of lists that teach nothing. The
losses of allRank add an epsilon within the logarithm, Rax's softmax does not divide by the sum of the labels. For
ListMLE all put equal labels in random order. The exponentials alone are one a document. Columns and turns are those of
the pairwise objectives.
"""

import torch
from losses import by_rax, by_torch, exponentials, print_losses
from measuring import begin
from peers import installed

from rankkit.objectives import listmle_loss, listnet_loss, softmax_loss


def plain_listnet(scores, labels):
    return -(labels.softmax(1) * scores.log_softmax(1)).sum(1).mean()


def plain_softmax(scores, labels):
    return -(labels / labels.sum(1, keepdim=True) * scores.log_softmax(1)).sum(1).mean()


def plain_listmle(scores, labels):
    shuffled = torch.randperm(labels.shape[1])
    scores, labels = scores[:, shuffled], labels[:, shuffled]
    ordered = scores.gather(1, labels.argsort(dim=1, descending=True))
    return (ordered.flip(1).logcumsumexp(1).flip(1) - ordered).sum(1).mean()


def main():
    begin(__doc__)
    found = installed("allRank", "Rax")
    objectives = {
        "ListNet": {"rankkit": by_torch(listnet_loss), "plain torch": by_torch(plain_listnet)},
        "softmax": {"rankkit": by_torch(softmax_loss), "plain torch": by_torch(plain_softmax)},
        "ListMLE": {"rankkit": by_torch(listmle_loss), "plain torch": by_torch(plain_listmle)},
    }
    if title := found.get("allRank"):
        from allrank.models import losses

        objectives["ListNet"][title] = by_torch(losses.listNet)
        objectives["ListMLE"][title] = by_torch(losses.listMLE)
    if title := found.get("Rax"):
        import jax
        import rax

        objectives["softmax"][title] = by_rax(rax.softmax_loss)
        key = jax.random.PRNGKey(0)
        objectives["ListMLE"][title] = by_rax(lambda scores, labels: rax.listmle_loss(scores, labels, key=key))
    limit = ("the exponentials alone", lambda scores, labels: exponentials(torch.numel(scores)))
    print_losses(objectives, limit=limit)


if __name__ == "__main__":
    main()
