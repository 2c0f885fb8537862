"""The temperature of objectives with a softmax, which has one meaning everywhere."""

from torch import Tensor

from rankkit.objectives.options import check_number
from rankkit.ranking import prepare_lists


def tempered_lists(
    where: str, scores: Tensor, labels: Tensor, mask: Tensor | None, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The lists made safe to compute with, scores divided by the temperature.

    Above 1 it flattens the distribution over documents, below 1 it sharpens it: the inverse of ``sigma`` in
    :func:`rankkit.ranknet_loss`. Labels are never divided, save where they are the scores of a teacher.
    """
    check_number(where, "temperature", temperature, above=0.0)
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    return scores / temperature, labels, mask
