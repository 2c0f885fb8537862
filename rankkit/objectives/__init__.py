"""Objectives: pure functions ``(scores, labels, mask, *, weights, reduction, ...)`` from padded lists to a loss.

What holds for every one of them is said here, once; its own docstring says only what is its own.

*Scores*: ``[query, list]``, one a document, any real number; ``[query, list, K]`` for objectives over grades.
*Labels*: ``[query, list]``, with a grade, a click or a teacher's score for each document.
*Mask*: ``[query, list]`` boolean, True where a document is real; None: everywhere. What stands in padding, NaN too,
changes neither loss nor gradient, nor what real documents draw at random.
*Weights*: ``[query]`` or ``[query, list]``, importance without gradient. They multiply terms; divisors stay counts of
documents, pairs and lists, and targets, ranks and denominators are computed without them.
*Reduction*: each list is costed first: pointwise the mean over its documents, pairwise over its pairs (under a lambda
weight the sum, as that normalises already), listwise and metric-driven one number. ``"mean"`` is a scalar, over the
lists that can teach; ``"none"`` gives ``[query]`` with 0 for the others.
*Lists that teach nothing*: a list with fewer than two grades (pointwise: without a document; where relevant documents
stand against others: without one of either) costs 0, with gradients of 0, and stays out of the mean. If no list can
teach, the loss is 0 and still has a gradient, of zeros.
*Ties*: equal labels make no pair. Ranks are those by falling score, and equal scores stand in the order of rising
label, the worst, as in rankkit's metrics. Where an objective does otherwise it says so.
*Gradients*: ranks, lambda weights, targets and other weights carry none. Objectives that go over pairs or ranks
(pairwise, lambda, Approx, SoftRank, NeuralNDCG) write their gradient by hand: they are differentiated once, by
``backward()``, and refuse ``torch.func``. Pairwise, lambda and Approx objectives keep memory linear in the list, and a
score that is not finite makes their loss and gradients of its list NaN, not those of others.
*Types*: float64 stays; all others, bfloat16 and float16 too, are computed in float32, also under autocast. Errors that
are squared count as 1.8e13 in float32 beyond that, so that loss and gradient stay finite. Tensors stay on their device.
*Random numbers* come from ``generator``, under ``fit`` from that of the run: a seed gives the same numbers again.
*Errors*: ShapeError for tensors that do not belong together, DataError for labels that an objective cannot take,
ConfigError for an option that cannot work; each says what was expected, what came, and what to do.
*Formulas*: s are scores, y labels, i and j documents, n their number, g gains, r ranks, Z the ideal DCG, T a
temperature; [...] is 1 where the condition holds. Examples take ``import torch`` for granted.

Names are imported from their modules at first use, so that :mod:`rankkit.objectives.descriptions` can be
read without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
