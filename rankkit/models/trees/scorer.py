"""TreeScorer: a model of LightGBM or XGBoost that scores documents as the scorers of rankkit do."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rankkit.errors import ShapeError
from rankkit.models.trees.model import TreeModel


class TreeScorer(nn.Module):
    """The trees of another library as a scorer: for ``predict``, ``evaluate``, ``permutation_importance`` and export.

    Its scores are the library's raw ones: what ``predict(raw_score=True)`` gives in LightGBM, and
    ``predict(output_margin=True)`` in XGBoost. They have no gradient: it is neither trained nor explained by gradients.

    Args:
        model: What :func:`rankkit.load` reads from a file of the library.

    Attributes:
        n_features: Columns of the features.
        feature_names: One a column, or None where the file has none.
    """

    n_outputs = 1
    readout: str | None = None

    def __init__(self, model: TreeModel) -> None:
        super().__init__()
        self.model = model
        self.n_features = model.n_features
        self.feature_names = model.feature_names

    @property
    def options(self) -> dict[str, Any]:
        """What there is to know of it: the objective of the library, and how many trees there are."""
        return {"objective": self.model.objective, "n_trees": len(self.model.trees)}

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``features [doc, feature]`` to ``[doc]``, computed on the CPU, in the precision of the library."""
        if features.ndim != 2 or features.shape[1] != self.n_features:
            raise ShapeError(
                f"TreeScorer: expected features [doc, {self.n_features}]; got {list(features.shape)}. "
                "Pass the features that the trees were trained on."
            )
        rows = features.detach().to("cpu", torch.float32).numpy()
        return torch.from_numpy(np.asarray(self.model.scores(rows))).to(features.device)

    def extra_repr(self) -> str:
        """The library, and the size."""
        model = self.model
        return f"{model.library}, {model.objective}, {len(model.trees)} trees, {model.n_features} features"
