"""check_splits(): what search engines have no split for."""

from rankkit.errors import ExportError
from rankkit.models.trees import TreeModel


def check_splits(target: str, model: TreeModel) -> None:
    """Refuse splits by category, and those that send zeros where missing values go.

    Raises:
        ExportError: If there is one; the message says how to train without.
    """
    for number, tree in enumerate(model.trees):
        if tree.categories:
            raise ExportError(
                f"{target}: expected splits by numbers; got a split by category in tree {number}, which no search "
                "engine has. Train without categorical features."
            )
        # A plain split does that only where it is the zeros' own way.
        own_way = tree.missing_left == (tree.threshold >= 0)
        if tree.zero_is_missing is not None and (tree.zero_is_missing & ~own_way).any():
            raise ExportError(
                f"{target}: expected zeros to be split by their value; got a split in tree {number} that sends them "
                "where missing values go. Train with zero_as_missing=false."
            )
