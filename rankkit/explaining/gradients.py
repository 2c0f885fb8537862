"""attribute(): integrated gradients through captum, from the mean document of a query to one of its documents.

Trees have no gradient; theirs are the Shapley values of :mod:`rankkit.explaining.tree_shares`.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import id_texts
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.matching import documents_for, feature_names_of, matched
from rankkit.explaining.attribution import TOLERANCE, Attributions
from rankkit.explaining.tree_shares import by_column, check_library, tree_shares
from rankkit.models.priors import key_columns
from rankkit.models.scorers import LinearScorer, Scorer, outputs_of, ranking_scores
from rankkit.models.scorers.columns import CodeTable
from rankkit.models.trees import BoostedTrees, TreeScorer
from rankkit.naming import named
from rankkit.transforms import Transform

_STEPS = (64, 256, 1024, 4096)
_DOCS_AT_ONCE = 4096


def attribute(scorer: Scorer, data: Any, docs: Sequence[tuple[Any, int]], *, qids: Any | None = None) -> Attributions:
    r"""What each feature adds to the score of a document, compared with the mean document of its query.

    .. math:: a_f = \sum_{k \in f} (z_k - \bar z_k) \int_0^1 \frac{\partial s(\bar z + t (z - \bar z))}{\partial z_k} dt

    z is the document as the scorer's transform gives it, :math:`\bar z` the mean of these over the documents of its
    query, and k runs over the outputs of the transform that come from feature f. So a missing value can be explained,
    and a step of a transform that has no slope. The attributions add up to the score less that of the mean document; a
    feature on which the documents of the query agree adds nothing. Where a scorer looks at whole lists, the other
    documents stay as they are. Steps are added, up to 4,096, until the sum is right to a thousandth.

    Of trees they are Shapley values, which their library computes by TreeSHAP (:func:`tree_shares`): they add up
    to the score less the mean score of the training documents, a column of several features as one.

    Args:
        scorer: A trained scorer; it is left as it is.
        data: The documents; labels are not needed. What :func:`predict` takes.
        docs: The documents to explain, as ``(qid, row)``: the row counts from 0 among the documents of the query.
        qids: As of :func:`predict`.

    Raises:
        ConfigError: If captum is not installed, or of trees their library.
        DataError: If there is no such document, or the features are not those of the scorer.

    References:
        Sundararajan, Taly, Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017, equation 1 and proposition 1.
    """
    check_explainable(scorer)
    data = documents_for("attribute", scorer, data, qids=qids)
    feature_names = feature_names_of(scorer, data)
    data = matched("attribute", scorer, data)
    priors = getattr(getattr(scorer, "transform", None), "before", None)
    places = [_find(data, qid, row) for qid, row in docs]
    if not places:
        raise DataError("attribute: expected documents to explain; got none. Pass docs=[(qid, row)].")
    if isinstance(scorer, TreeScorer | BoostedTrees):
        return _of_trees(scorer, feature_names, data, places)
    keys: list[int] = []
    integrate = _integrated_gradients()
    network = copy.deepcopy(cast(nn.Module, scorer)).eval()
    if isinstance(network, LinearScorer) and network.schema is not None:
        network = _LinearOverCodes(network)
    transform = cast(Transform, getattr(network, "transform", _Transformed()))  # a scorer of one's own may have none
    if priors is not None:  # whose numbers stand beside the features
        data = priors.applied(data)
        feature_names, keys = named(data.feature_names, data.n_features), priors.hidden
    source = torch.from_numpy(_feature_of_output(cast(Scorer, network), data.n_features))
    network.transform = _Transformed()
    network.double()
    found = []
    for query, row in places:
        start, stop = data.offsets[query : query + 2]
        with torch.no_grad():
            rows = torch.from_numpy(np.array(data.features[start:stop])).to(_device(network))
            documents = transform(rows, _offsets(1, len(rows)).to(rows.device)).double()
        value, *numbers = _explain(integrate, cast(Scorer, network), documents, row)
        by_feature = torch.zeros(data.n_features, dtype=torch.float64).index_add_(0, source, value.cpu())
        found.append((by_feature.numpy(), *numbers))
    at = [int(data.offsets[query]) + row for query, row in places]
    return _assemble(feature_names, data, places, np.array(data.features[at]), found, "query", keys)


def check_explainable(scorer: Scorer) -> None:
    """Refuse, before data is read, where what explains the scores is not installed.

    Raises:
        ConfigError: Saying what to install, or that trees are not grown yet.
    """
    if isinstance(scorer, TreeScorer | BoostedTrees):
        check_library(scorer.model)
    else:
        _integrated_gradients()


def _of_trees(
    scorer: TreeScorer | BoostedTrees, names: tuple[str, ...], data: RankingDataset, places: list[tuple[int, int]]
) -> Attributions:
    at = np.array([data.offsets[query] + row for query, row in places])
    features = np.array(data.features[at], np.float32)
    schema = getattr(scorer, "schema", None)
    if isinstance(scorer, BoostedTrees):  # which may see more than the features
        seen = [scorer.seen(data[query]) for query, _ in places]
        features = np.stack([one.features[row] for one, (_, row) in zip(seen, places, strict=True)])
        names, schema = named(seen[0].feature_names, seen[0].n_features), seen[0].schema
    values, means = tree_shares(scorer.model, features)
    scores = np.asarray(scorer.model.scores(features), np.float64)
    keys: list[int] = []
    if schema is not None:
        names, features, values = by_column(schema, features, values)
    if schema is not None and getattr(scorer, "priors", None) is not None:
        keys = [schema.columns.index(column) for column in key_columns(schema)]
    found = list(zip(values, scores, means, [0] * len(at), strict=True))
    return _assemble(names, data, places, features, found, "training", keys)


class _Transformed(nn.Module):
    """In place of a transform, for documents that have been through it."""

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        return features


class _InputsAndCodes(nn.Module):
    """What a linear scorer adds up: its transformed features, and behind them the weights of its codes."""

    def __init__(self, scorer: LinearScorer) -> None:
        super().__init__()
        self.inputs, self.codes = scorer.transform, scorer.codes

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        return torch.cat([self.inputs(features, offsets), *(table(features) for table in self.codes)], dim=1)

    def sources(self) -> list[int]:
        tables = [cast(CodeTable, table) for table in self.codes]
        return self.inputs.sources() + [table.first for table in tables for _ in range(table.size)]


class _LinearOverCodes(nn.Module):
    """A linear scorer whose codes are read in its transform, so that they can be explained as features are."""

    def __init__(self, scorer: LinearScorer) -> None:
        super().__init__()
        self.n_features, self.n_outputs, self.readout = scorer.n_features, scorer.n_outputs, scorer.readout
        self.output = scorer.output
        self.widths = [scorer.transform.n_outputs, *(cast(CodeTable, table).size for table in scorer.codes)]
        self.transform: nn.Module = _InputsAndCodes(scorer)

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        inputs, *codes = self.transform(features, offsets).split(self.widths, dim=1)
        outputs: Tensor = self.output(inputs)
        for weights in codes:
            outputs = outputs + weights
        return outputs.squeeze(-1) if self.n_outputs == 1 else outputs


def _integrated_gradients() -> Callable[..., Any]:
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise ConfigError(
            f"attribute: expected captum, which integrates the gradients; got an error on import: {error}. "
            "Install it: pip install 'rankkit-torch[explain]'."
        ) from error
    return cast(Callable[..., Any], IntegratedGradients)


def _find(data: RankingDataset, qid: Any, row: int) -> tuple[int, int]:
    """The place of a query, and that of a document in it."""
    queries = np.flatnonzero(id_texts(data.qids) == str(qid))
    if not len(queries):
        raise DataError(
            f"attribute: expected the id of a query of the data, such as {data.qids[:1].tolist()}; got {qid!r}. "
            "Name one that is there."
        )
    size = int(data.list_sizes[queries[0]])
    if not 0 <= row < size:
        raise DataError(f"attribute: expected a row of query {qid} from 0 to {size - 1}; got {row}. Name one of them.")
    return int(queries[0]), int(row)


def _feature_of_output(scorer: Scorer, n_features: int) -> NDArray[np.int64]:
    """``[output]``: the feature that each output of the transform comes from."""
    if not hasattr(scorer, "transform"):
        return np.arange(n_features)
    return np.array(scorer.transform.sources(), np.int64)


def _explain(
    integrate: Callable[..., Any], network: Scorer, documents: Tensor, row: int
) -> tuple[Tensor, float, float, int]:
    """Attributions of the outputs of the transform, the two scores, and how many steps it took."""
    document, mean = documents[row : row + 1], documents.mean(dim=0, keepdim=True)
    if not _sees_others(network, documents, row):
        documents, row = document, 0
    before, after = documents[:row], documents[row + 1 :]
    n_docs = len(documents)

    def score(versions: Tensor) -> Tensor:
        """``[version, output]`` of the one document to ``[version]``, each within its list."""
        n_versions = len(versions)
        parts = [before.expand(n_versions, -1, -1), versions[:, None], after.expand(n_versions, -1, -1)]
        lists = torch.cat(parts, dim=1).flatten(0, 1)
        outputs = outputs_of(network, lists, _offsets(n_versions, n_docs).to(lists.device))
        return ranking_scores(network, outputs).view(n_versions, n_docs)[:, row]

    with torch.no_grad():
        value, mean_value = float(score(document)), float(score(mean))
    allowed = TOLERANCE * max(1.0, abs(value - mean_value))
    method = integrate(score)
    batch = max(1, _DOCS_AT_ONCE // n_docs)
    for n_steps in _STEPS:
        # The gradient jumps at the kinks of a network, where captum's Gauss-Legendre gains nothing and costs more.
        options = {"n_steps": n_steps, "method": "riemann_middle", "internal_batch_size": batch}
        found = method.attribute(document, mean, **options)[0].detach()
        if abs(float(found.sum()) - (value - mean_value)) <= allowed:
            break
    return found, value, mean_value, n_steps


def _sees_others(network: Scorer, documents: Tensor, row: int) -> bool:
    """Whether the score of a document changes with the other documents of its list."""
    documents = documents.clone().requires_grad_()
    with torch.enable_grad():
        score = ranking_scores(
            network, outputs_of(network, documents, _offsets(1, len(documents)).to(documents.device))
        )[row]
        (slopes,) = torch.autograd.grad(score, documents)
    return bool(slopes.any(dim=1).sum() > slopes[row].any())


def _offsets(n_lists: int, list_size: int) -> Tensor:
    return torch.arange(n_lists + 1) * list_size


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def _assemble(
    names: tuple[str, ...],
    data: RankingDataset,
    places: list[tuple[int, int]],
    features: NDArray[np.float32],
    found: list[tuple[Any, ...]],
    mean_of: Literal["query", "training"],
    keys: Sequence[int],
) -> Attributions:
    """All of it as one value, without the columns that are keys: no scorer looks at their values."""
    queries, rows = (np.array(numbers, np.int64) for numbers in zip(*places, strict=True))
    at = data.offsets[queries] + rows
    values, scores, mean_scores, n_steps = zip(*found, strict=True)
    shown = np.setdiff1d(np.arange(len(names)), keys)
    return Attributions(
        tuple(names[place] for place in shown),
        data.qids[queries],
        rows,
        None if data.doc_ids is None else data.doc_ids[at],
        data.list_sizes[queries],
        np.array(scores),
        np.array(mean_scores),
        features[:, shown],
        np.stack(values)[:, shown],
        np.array(n_steps),
        mean_of,
    )
