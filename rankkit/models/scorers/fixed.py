"""OneFeature and RandomScorer: rankers that any other has to beat. No gradient trains them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rankkit.errors import ConfigError, did_you_mean
from rankkit.models.priors import key_columns
from rankkit.models.scorers.scorer import check_count, describe
from rankkit.naming import named


class OneFeature(nn.Module):
    """One feature as the score, such as a BM25 column; the one that orders best where none is named.

    A missing value says nothing for a document: it comes last.

    Args:
        n_features: Columns of the data.
        feature: Name of the feature; left out, that which is best by the metric on the validation data (without any, on
            the training data) is chosen by :func:`rankkit.fit`, the first of equals.
        descending: Whether high values come first; left out, whichever is better, or true of a feature that is named.

    Example:
        >>> import rankkit as rk
        >>> data = rk.make_ranking(30, n_features=3, seed=0)
        >>> scorer = OneFeature(3)
        >>> rk.fit(scorer, data).chosen
        {'feature': '1', 'order': 'high first'}
    """

    n_outputs = 1
    readout: str | None = None
    listwise = False

    def __init__(self, n_features: int, *, feature: str | None = None, descending: bool | None = None) -> None:
        super().__init__()
        check_count("OneFeature", "n_features", n_features)
        self.n_features = n_features
        self.feature_names: tuple[str, ...] | None = None
        self.options: dict[str, Any] = {"n_features": n_features, "feature": feature, "descending": descending}
        self.column: Tensor
        self.sign: Tensor
        self.register_buffer("column", torch.tensor([0]))
        self.register_buffer("sign", torch.tensor([-1.0 if descending is False else 1.0]))

    def forward(self, features: Tensor) -> Tensor:
        """``[doc, feature]`` to ``[doc]``."""
        values = self.sign * features.index_select(1, self.column)[:, 0]
        return torch.where(torch.isnan(values), torch.finfo(torch.float32).min, values)

    def learn(self, train: Any, choosing: Any, value: Callable[[], float], *, seed: int) -> dict[str, Any]:
        """Choose the feature and its order; a column that is a key is none.

        Raises:
            ConfigError: If the data has no such feature.
        """
        names = named(train.feature_names, self.n_features)
        keys = [] if train.schema is None else key_columns(train.schema)
        hidden = {train.schema.spans[column.name].start for column in keys}
        places = [place for place in range(self.n_features) if place not in hidden]
        known = [names[place] for place in places]
        if not known:
            raise ConfigError("OneFeature: expected a feature; got keys alone, which are none. Add one.")
        feature, descending = self.options["feature"], self.options["descending"]
        if feature is not None:
            if feature not in known:
                raise ConfigError(
                    f"feature: expected the name of a feature; got {feature!r}. {did_you_mean(feature, known)}"
                )
            self._put(names.index(feature), descending is not False)
            return {"feature": feature}
        orders = (True, False) if descending is None else (descending,)
        best: tuple[float, int, bool] | None = None
        for column in places:
            for order in orders:
                self._put(column, order)
                reached = value()
                if best is None or reached > best[0]:
                    best = reached, column, order
        _, column, order = best or (0.0, places[0], True)
        self._put(column, order)
        return {"feature": names[column], "order": "high first" if order else "low first"}

    def _put(self, column: int, descending: bool) -> None:
        self.column.fill_(column)
        self.sign.fill_(1.0 if descending else -1.0)

    def __repr__(self) -> str:
        return describe(self, self.options)


class RandomScorer(nn.Module):
    """Scores that say nothing: numbers from 0 to 1 that follow from the features and a seed as if they were drawn.

    The same document has the same score, alone or in any list.

    Args:
        n_features: Columns of the data.
        seed: Another one gives other numbers; None is 0.
    """

    n_outputs = 1
    readout: str | None = None
    listwise = False

    def __init__(self, n_features: int, *, seed: int | None = None) -> None:
        super().__init__()
        check_count("RandomScorer", "n_features", n_features)
        self.n_features = n_features
        self.feature_names: tuple[str, ...] | None = None
        self.options: dict[str, Any] = {"n_features": n_features, "seed": seed}

    def forward(self, features: Tensor) -> Tensor:
        """``[doc, feature]`` to ``[doc]``: a hash of the bits of the features."""
        one_nan = torch.where(torch.isnan(features), torch.nan, features + 0.0).float().contiguous()
        bits = one_nan.view(torch.int32).long() & 0xFFFFFFFF
        mixed = torch.full((features.shape[0],), (self.options["seed"] or 0) & 0xFFFFFFFF, device=features.device)
        for column in range(self.n_features):
            mixed = _mixed(mixed ^ bits[:, column])
        return _mixed(mixed).double().div(2**32).float()

    def learn(self, train: Any, choosing: Any, value: Callable[[], float], *, seed: int) -> dict[str, Any]:
        """There is nothing to learn."""
        return {}

    def __repr__(self) -> str:
        return describe(self, self.options)


def _mixed(numbers: Tensor) -> Tensor:
    """Each 32-bit number as another one, so that any bit changes all."""
    numbers = (numbers + 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        numbers = ((numbers ^ (numbers >> shift)) * factor) & 0xFFFFFFFF
    return numbers ^ (numbers >> 15)
