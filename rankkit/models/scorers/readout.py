"""How several outputs a document become the one score that ranks it."""

from collections.abc import Callable

import torch
from torch import Tensor

from rankkit.errors import ConfigError, did_you_mean
from rankkit.models.scorers.scorer import Scorer, check_count


def expected_grade(logits: Tensor) -> Tensor:
    """The mean grade under the softmax of one logit a grade: ``[..., K]`` to ``[...]``, from 0 to K - 1.

    >>> expected_grade(torch.tensor([[0.0, 0.0, 0.0]]))
    tensor([1.])
    """
    grades = torch.arange(logits.shape[-1], device=logits.device, dtype=torch.float32)
    return logits.float().softmax(dim=-1) @ grades


def sum_of_sigmoids(logits: Tensor) -> Tensor:
    """The mean grade where output k is the log odds of grade k or better: ``[..., K]`` to ``[...]``, from 0 to K.

    >>> sum_of_sigmoids(torch.tensor([[0.0, 0.0, 0.0]]))
    tensor([1.5000])
    """
    return logits.float().sigmoid().sum(dim=-1)


def first_output(outputs: Tensor) -> Tensor:
    """The first output, where the others say something of the whole list: ``[..., K]`` to ``[...]``.

    >>> first_output(torch.tensor([[2.0, 0.0, 1.0]]))
    tensor([2.])
    """
    return outputs[..., 0].float()


READOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "expected_grade": expected_grade,
    "sum_of_sigmoids": sum_of_sigmoids,
    "first_output": first_output,
}


def n_outputs_for(readout: str, n_grades: int) -> int:
    """How many outputs a document that readout needs for the grades from 0 to ``n_grades - 1``.

    >>> n_outputs_for("expected_grade", 5), n_outputs_for("sum_of_sigmoids", 5)
    (5, 4)
    """
    return n_grades - 1 if readout == "sum_of_sigmoids" else n_grades


def ranking_scores(scorer: Scorer, outputs: Tensor) -> Tensor:
    """The one score ``[doc]`` a document is ranked by, from what the scorer gave.

    Args:
        scorer: The scorer that gave the outputs.
        outputs: ``[doc]``, returned as they are, or ``[doc, K]``, read as ``scorer.readout`` says.
    """
    readout = getattr(scorer, "readout", None)  # a module of one's own need not have it
    return outputs if readout is None else READOUTS[readout](outputs)


def check_readout(where: str, n_outputs: int, readout: str | None) -> str | None:
    """The readout of a scorer with that many outputs: None for one, ``expected_grade`` unless told for several."""
    check_count(where, "n_outputs", n_outputs)
    if n_outputs == 1:
        if readout is not None:
            raise ConfigError(
                f"{where}: expected no readout for one output; got {readout!r}. Leave readout out, or raise n_outputs."
            )
        return None
    readout = readout or "expected_grade"
    if readout not in READOUTS:
        raise ConfigError(
            f"{where}: expected the name of a readout; got {readout!r}. {did_you_mean(readout, READOUTS)}"
        )
    return readout
