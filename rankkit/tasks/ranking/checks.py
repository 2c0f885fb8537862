"""What a scorer, an objective and lists must be to go together, checked before any work; names become objects."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from rankkit import registry
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.matching import check_count, matched
from rankkit.models.model import boosts, learns_in_one_go
from rankkit.models.scorers import n_features_of
from rankkit.models.scorers.listwise import is_own
from rankkit.models.scorers.readout import n_outputs_for
from rankkit.objectives.documents.torch_losses import from_torch
from rankkit.registry import BOOSTED_SCORERS, SCORERS
from rankkit.remarks import say
from rankkit.tasks.gradient.objectives import (
    CALL,
    build_objective,
    check_takes_lists,
    objective_name,
    readout_of,
    takes_weights,
)


def objective_of(given: Any, kind: str = "objective") -> Callable[..., Tensor]:
    """The objective that was handed over: by its name, as a function or module, or as a loss of torch.

    Args:
        given: ``"ranknet"``, :func:`rankkit.ranknet_loss`, ``nn.MSELoss()``, a function of one's own, ...
        kind: In the catalogue, for names: as :func:`rankkit.tasks.gradient.objectives.build_objective`.

    Raises:
        ConfigError: If it is unknown, or cannot be called as an objective.

    >>> objective_of("ranknet"), objective_of(nn.MSELoss())
    (Objective(ranknet_loss), MSELoss(reduction='mean'))
    """
    if isinstance(given, str):
        return build_objective(given, {}, kind)
    if isinstance(given, type):
        raise ConfigError(
            f"objective: expected an objective that is built; got the class {given.__name__}. Pass {given.__name__}()."
        )
    if not callable(given):
        raise ConfigError(
            f"objective: expected a name such as 'ranknet', or a function {CALL}; got {given!r}. Pass one of these."
        )
    given_objective: Callable[..., Tensor] = given
    if kind != "objective":
        return given_objective
    objective = from_torch(given_objective)
    check_takes_lists(objective)
    return objective


def check_scorer(where: str, scorer: object) -> None:
    """Raise ConfigError unless a scorer is a module of torch."""
    if isinstance(scorer, nn.Module):
        return
    if isinstance(scorer, str) and scorer in {**SCORERS, **BOOSTED_SCORERS}:
        action = f"Build it: rankkit.{registry.find('scorer', scorer).__name__}(data.n_features)."
    elif isinstance(scorer, type):
        action = f"Build it: {scorer.__name__}(data.n_features)."
    else:
        action = "Pass one such as rankkit.MLPScorer(data.n_features)."
    got = repr(scorer) if isinstance(scorer, str) else getattr(scorer, "__name__", type(scorer).__name__)
    raise ConfigError(f"{where}: expected a scorer, a torch module; got {got}. {action}")


def check_data(
    scorer: nn.Module, train: RankingDataset, valid: RankingDataset | None
) -> tuple[RankingDataset, RankingDataset | None]:
    """Check that there is something to learn from and that the scorer takes it.

    Returns:
        Both parts with their features in one order, matched by name where names are known.

    Raises:
        DataError: If a part is empty, has no labels, labels that are not finite, or features that do not fit.
    """
    for name, data in (("train", train), ("valid", valid)):
        if data is None:
            continue
        if data.n_docs == 0:
            raise DataError(f"fit: expected documents in {name}; got {data!r}. Pass data with at least one query.")
        if data.labels is None:
            raise DataError(
                f"fit: expected labels in {name}; got {data!r}. Name its label column with label=, or add one."
            )
        if not np.isfinite(data.labels).all():
            doc = int(np.flatnonzero(~np.isfinite(data.labels))[0])
            qid = data.qids[np.searchsorted(data.offsets, doc, side="right") - 1]
            raise DataError(
                f"fit: expected finite labels in {name}; got {data.labels[doc]} in query {qid!s}. "
                "Drop or mend that document."
            )
    train = check_columns("fit", scorer, train)
    return train, None if valid is None else matched("fit: valid", train, valid)


def check_columns(where: str, scorer: nn.Module, train: RankingDataset) -> RankingDataset:
    """Training data with the features that a scorer takes, in its order.

    Args:
        where: The function that a person called, for messages.
        scorer: That is to learn from it.
        train: The data.

    Raises:
        ConfigError: If the scorer does not know columns that are no numbers.
        DataError: If a feature is missing, or there is another number of them.
    """
    _check_knows_schema(where, scorer, train)
    if getattr(scorer, "feature_names", None) is not None:  # it goes on from an earlier training, or was told
        train = matched(f"{where}: train", scorer, train)
    check_count(f"{where}: train", n_features_of(scorer, train.n_features), train)
    return train


def _check_knows_schema(where: str, scorer: nn.Module, train: RankingDataset) -> None:
    """Refuse scorers that would take codes for numbers; a module of one's own may know what to do with them.

    Raises:
        ConfigError: If one of rankkit has no schema.
    """
    if train.schema is None or getattr(scorer, "schema", None) is not None:
        return
    coded = [f"{column.name} ({column.kind})" for column in train.schema.columns if column.kind in ("category", "bag")]
    if not coded:
        return
    if is_own(scorer) and not learns_in_one_go(scorer):
        raise ConfigError(
            f"{where}: expected a scorer that knows the columns of train; got {type(scorer).__name__} of numbers "
            f"alone, to which the codes of {', '.join(coded[:5])} would be numbers. Build it with "
            f"{type(scorer).__name__}.for_data(train), or leave the columns out with drop=[...]."
        )
    say(f"{where}: {type(scorer).__name__} gets the codes of {', '.join(coded[:5])} as numbers.")


def check_objective(scorer: nn.Module, objective: Callable[..., Any], train: RankingDataset) -> None:
    """Check that the scorer gives the outputs that the objective takes, and the objective the weights of the data.

    Raises:
        ConfigError: If they do not fit, or nothing in the scorer can be trained.
    """
    if not (boosts(scorer) or any(parameter.requires_grad for parameter in scorer.parameters())):
        action = "Set requires_grad on some." if list(scorer.parameters()) else "Pass another, such as MLPScorer."
        raise ConfigError(f"fit: expected a scorer with weights to train; got {type(scorer).__name__}. {action}")
    name = objective_name(objective)
    wanted, given = readout_of(objective), getattr(scorer, "readout", None)
    n_outputs = getattr(scorer, "n_outputs", 1)
    if wanted is not None and (n_outputs < 2 or given != wanted):
        best = 0 if train.labels is None else int(train.labels.max(initial=0))
        raise ConfigError(
            f"fit: expected a scorer with several outputs, read as {wanted!r}, for {name}; got {n_outputs} output(s), "
            f"read as {given!r}. Build the scorer with n_outputs={max(2, n_outputs_for(wanted, best + 1))}, "
            f"readout={wanted!r} for labels 0..{best}."
        )
    if wanted is None and n_outputs != 1:
        raise ConfigError(
            f"fit: expected a scorer with one output for {name}; got n_outputs={n_outputs}. "
            "Leave n_outputs out, or train with an objective over grades."
        )
    if train.weights is not None and not takes_weights(objective):
        raise ConfigError(
            f"fit: expected an objective that takes weights=, since train has weights; got {name}. "
            "Add the argument, or drop the weights from the data."
        )
