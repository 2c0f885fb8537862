"""Learned prototypes, one a class, and their check against a batch."""

import torch
from torch import Tensor, nn

from rankkit.distances import unit
from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives.embedding.inputs import check_classes, check_rows


class Prototypes(nn.Module):
    """One learned vector a class, random directions to begin with; hand its parameters to the optimiser.

    They belong to the classes of training: for unseen classes they are dropped and the encoder alone is kept.

    Args:
        n_classes: How many, numbered from 0.
        n_dims: Of the embeddings.
        seed: Of the initial directions; None draws them from torch's global generator.

    Example:
        >>> Prototypes(10, 4).weight.shape
        torch.Size([10, 4])
    """

    def __init__(self, n_classes: int, n_dims: int, *, seed: int | None = None) -> None:
        super().__init__()
        for name, count in (("n_classes", n_classes), ("n_dims", n_dims)):
            if count < 1:
                raise ConfigError(f"Prototypes: expected {name} of at least 1; got {count}. Pass a whole number.")
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(unit(torch.randn(n_classes, n_dims, generator=generator)))

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        n_classes, n_dims = self.weight.shape
        return f"n_classes={n_classes}, n_dims={n_dims}"


def with_prototypes(
    where: str, embeddings: Tensor, classes: Tensor, prototypes: Tensor | Prototypes
) -> tuple[Tensor, Tensor]:
    """Embeddings and prototypes in one type, checked against each other and against the classes."""
    weight = prototypes.weight if isinstance(prototypes, Prototypes) else prototypes
    (embeddings,) = check_rows(where, embeddings=embeddings)
    if weight.dim() != 2 or weight.shape[0] < 1 or weight.shape[1] != embeddings.shape[1]:
        raise ShapeError(
            f"{where}: expected prototypes [n_classes, {embeddings.shape[1]}]; got {list(weight.shape)}. "
            f"Build Prototypes(n_classes, {embeddings.shape[1]})."
        )
    check_classes(where, classes, embeddings.shape[0], n_classes=weight.shape[0])
    dtype = torch.promote_types(embeddings.dtype, weight.dtype)
    return embeddings.to(dtype), weight.to(dtype)
