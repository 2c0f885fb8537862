"""What a caller hands to fit(), as training takes it: names become objects, losses of torch objectives over lists."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.objectives.documents.torch_losses import from_torch
from rankkit.registry import SCORERS
from rankkit.training.build import build_objective

_CALL = "(scores, labels, mask) -> loss"


def objective_of(given: Any, kind: str = "objective") -> Callable[..., Tensor]:
    """The objective that was handed over: by its name, as a function or module, or as a loss of torch.

    Args:
        given: ``"ranknet"``, :func:`rankkit.ranknet_loss`, ``nn.MSELoss()``, a function of one's own, ...
        kind: In the catalogue, for names: as :func:`rankkit.training.build.build_objective`.

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
            f"objective: expected a name such as 'ranknet', or a function {_CALL}; got {given!r}. Pass one of these."
        )
    given_objective: Callable[..., Tensor] = given
    if kind != "objective":
        return given_objective
    objective = from_torch(given_objective)
    check_takes_lists(objective)
    return objective


def check_takes_lists(
    objective: Callable[..., Tensor], action: str = "Take the mask too: it is True where a document is real."
) -> None:
    """Raise ConfigError, with what to do, if an objective over lists cannot be called so as its signature tells."""
    called = objective.forward if isinstance(objective, nn.Module) else objective
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):  # of compiled code: the first step will show
        return
    try:
        signature.bind(None, None, None, **({"weights": None} if "weights" in signature.parameters else {}))
    except TypeError:
        name = getattr(objective, "__name__", type(objective).__name__)
        raise ConfigError(f"objective: expected a function {_CALL}; got {name}{signature}. {action}") from None


def checked_loss(loss: Any, source: str = "scores", mean: str = "lists") -> Tensor:
    """What an objective gave, if training can learn from it: asked at each step, before any weight changes.

    Args:
        loss: Of a batch.
        source: What the objective was called with, for the message.
        mean: What a loss is the mean of, for the message.

    Raises:
        ConfigError: If it is not one number with a gradient.
    """
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        got = type(loss).__name__ if not isinstance(loss, Tensor) else f"a tensor {list(loss.shape)}"
        why = " without gradient" if isinstance(loss, Tensor) and loss.numel() == 1 else ""
        raise ConfigError(
            f"objective: expected one number, computed from the {source} by functions of torch; got {got}{why}. "
            f"Return the mean over the {mean}."
        )
    return loss


def check_scorer(where: str, scorer: object) -> None:
    """Raise ConfigError unless a scorer is a module of torch."""
    if isinstance(scorer, nn.Module):
        return
    if isinstance(scorer, str) and scorer in SCORERS:
        action = f"Build it: rankkit.{SCORERS[scorer].__name__}(data.n_features)."
    elif isinstance(scorer, type):
        action = f"Build it: {scorer.__name__}(data.n_features)."
    else:
        action = "Pass one such as rankkit.MLPScorer(data.n_features)."
    got = repr(scorer) if isinstance(scorer, str) else getattr(scorer, "__name__", type(scorer).__name__)
    raise ConfigError(f"{where}: expected a scorer, a torch module; got {got}. {action}")


def check_is_dataset(where: str, name: str, data: object) -> None:
    """Raise DataError unless documents are a data set that was read."""
    if isinstance(data, RankingDataset):
        return
    action = (
        "Read it: rankkit.read(path)." if isinstance(data, str) else "Make it one: rankkit.from_pandas(table, ...)."
    )
    got = repr(data) if isinstance(data, str) else type(data).__name__
    raise DataError(f"{where}: expected a RankingDataset as {name}; got {got}. {action}")
