"""Rax's counterpart of each objective that it has, and how far apart the two are.

Rax is no dependency: :func:`differences` imports it where it is called.
"""

import torch

from rankkit.registry import OBJECTIVES

# Options of the objective that make it Rax's convention. Rax means over pairs and documents as rankkit does, and takes
# raw labels in its softmax losses.
OPTIONS = {
    "bce": {},
    "mse": {},
    "ranknet": {},
    "pairwise_hinge": {},
    "pairwise_soft_zero_one": {},
    "softmax": {"normalize": False},
    "listnet": {},
    "kl": {},
    "poly1_softmax": {"normalize": False},
    "unique_softmax": {},
    "listmle": {},
    "lambdarank": {},
}


def counterpart(name):
    """Rax's loss of one list, ``(scores, labels) -> value``, with jax arrays."""
    import jax
    import jax.numpy as jnp
    import rax

    def listnet(scores, labels):
        return rax.softmax_loss(scores, jax.nn.softmax(labels))

    def kl(scores, labels):
        target = jax.nn.softmax(labels)
        return rax.softmax_loss(scores, target) + jnp.sum(target * jnp.log(target))

    def lambdarank(scores, labels):
        weights = jax.lax.stop_gradient(rax.dcg_lambdaweight(scores, labels, normalize=True)) / len(scores)
        return rax.pairwise_logistic_loss(scores, labels, lambdaweight_fn=lambda *_, **__: weights, reduce_fn=jnp.sum)

    return {
        "bce": lambda scores, labels: rax.pointwise_sigmoid_loss(scores, (labels >= 1).astype(scores.dtype)),
        "mse": rax.pointwise_mse_loss,
        "ranknet": rax.pairwise_logistic_loss,
        "pairwise_hinge": rax.pairwise_hinge_loss,
        "pairwise_soft_zero_one": rax.pairwise_soft_zero_one_loss,
        "softmax": rax.softmax_loss,
        "listnet": listnet,
        "kl": kl,
        "poly1_softmax": rax.poly1_softmax_loss,
        "unique_softmax": rax.unique_softmax_loss,
        "listmle": rax.listmle_loss,
        "lambdarank": lambdarank,
    }[name]


def differences(name, scores, labels):
    """The greatest difference in value and in a slope, as a share of the greater of 1 and Rax's number.

    Args:
        name: A key of OPTIONS.
        scores: float64 ``[doc]``, without ties.
        labels: float64 ``[doc]``; without ties for ``listmle``, whose random order is not Rax's.
    """
    import jax
    import numpy as np

    with jax.enable_x64(True):
        value, slopes = jax.value_and_grad(counterpart(name))(jax.numpy.array(scores), jax.numpy.array(labels))
        value, slopes = float(value), torch.from_numpy(np.array(slopes))
    leaf = scores.clone().requires_grad_()
    loss = OBJECTIVES[name](leaf[None], labels[None], **OPTIONS[name])
    loss.backward()
    slope_gaps = (leaf.grad - slopes).abs() / slopes.abs().clamp(min=1)
    return abs(loss.item() - value) / max(1.0, abs(value)), slope_gaps.max().item()
