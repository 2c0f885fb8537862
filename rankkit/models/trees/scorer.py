"""TreeScorer: a model of LightGBM, XGBoost or CatBoost that scores documents as the scorers of rankkit do."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import BundleError, ConfigError, ShapeError
from rankkit.models.trees.files.reading import parse_tree_model
from rankkit.models.trees.model import TreeModel


class TreeScorer(nn.Module):
    """The trees of another library as a scorer: for ``predict``, ``evaluate``, ``permutation_importance`` and export.

    Its scores are the library's raw ones: what ``predict(raw_score=True)`` gives in LightGBM,
    ``predict(output_margin=True)`` in XGBoost, and ``predict()`` in CatBoost. They have no gradient: it is neither
    trained nor explained by gradients.

    Args:
        model: What :func:`rankkit.load` reads from a file of the library; None, where :meth:`set_state` follows.

    Attributes:
        n_features: Columns of the features.
        feature_names: One a column, or None where the file has none.
    """

    n_outputs = 1
    readout: str | None = None

    model: TreeModel

    def __init__(self, model: TreeModel | None = None) -> None:
        super().__init__()
        if model is not None:
            self._take(model)

    @property
    def options(self) -> dict[str, Any]:
        """None: all that it is stands in its file."""
        return {}

    def _take(self, model: TreeModel) -> None:
        self.model = model
        self.n_features = model.n_features
        self.feature_names = model.feature_names

    @property
    def n_leaves(self) -> int:
        """Of all trees."""
        return self.model.n_leaves

    def state(self) -> dict[str, NDArray[np.uint8]]:
        """The file of the library, byte for byte.

        Raises:
            ConfigError: If the trees come from no file.
        """
        if not self.model.content:
            raise ConfigError("save: expected trees that were read from a file; got others. Use rankkit.load(file).")
        return {"file": np.frombuffer(self.model.content, np.uint8)}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`state` gave.

        Raises:
            ValueError: If it is no file of trees.
        """
        if set(state) != {"file"} or state["file"].dtype != np.uint8 or state["file"].ndim != 1:
            raise ValueError("a state that is no file of trees")
        try:
            self._take(parse_tree_model("trees", state["file"].tobytes(), suspects=False))
        except BundleError as error:
            raise ValueError(str(error)) from error

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
