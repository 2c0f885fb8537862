"""Objectives: pure functions ``(scores, labels, mask, *, weights, reduction, ...)`` from padded lists to a loss.

Each list is costed first, then the mean is taken over the lists that can teach: those with two grades for pairwise and
listwise objectives, those with a document for pointwise ones.

Names are imported from their modules at first use, so that :mod:`rankkit.objectives.descriptions` can be
read without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
