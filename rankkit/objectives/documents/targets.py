"""chances_wanted(): from labels to the chance of being relevant that a cross entropy asks for."""

from torch import Tensor

from rankkit.objectives.options import check_labels, check_number


def chances_wanted(where: str, labels: Tensor, mask: Tensor, relevant_from: float, max_label: float | None) -> Tensor:
    """1 from a label on and 0 below it, or the share of the greatest label: ``[query, list]``, 0 in padded places.

    Args:
        where: The objective, for messages.
        labels: Prepared, of the type of the scores.
        mask: ``[query, list]``.
        relevant_from: The least relevant label.
        max_label: The top of the scale, or None.

    Raises:
        ConfigError: If ``max_label`` is not above 0.
        DataError: If a label is below 0 or above it.
    """
    if max_label is None:
        return ((labels >= relevant_from) & mask).to(labels.dtype)
    check_number(where, "max_label", max_label, above=0.0)
    good = (labels >= 0) & (labels <= max_label)
    check_labels(where, labels, good, f"labels from 0 to max_label={max_label:g}", "Raise max_label.")
    return labels / max_label
