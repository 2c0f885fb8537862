"""CrossBatchMemory: embeddings of the batches before, as more negatives (and positives) for this one."""

import torch
from torch import Tensor, nn

from rankkit.errors import ConfigError, ShapeError


class CrossBatchMemory(nn.Module):
    """The last ``size`` embeddings, oldest first, without gradient.

    Compare a batch with what is in the memory first and :meth:`add` it afterwards: added before, every example would
    find itself as its nearest neighbour. Tensors read from it are never changed later, so that a backward pass may come
    after ``add``. It moves with ``to`` and is part of ``state_dict``, so that a resumed run goes on as it would have.

    Old embeddings come from old weights: use it once training has settled, or with a slowly moving encoder (MoCo).

    Args:
        size: How many embeddings to keep.
        n_dims: Numbers of an embedding.
        labelled: Whether each embedding has a class; False makes a queue of negatives, as MoCo's.

    Raises:
        ConfigError: If a number is below 1.

    Example:
        >>> memory = CrossBatchMemory(3, n_dims=1)
        >>> memory.add(torch.tensor([[1.0], [2.0]]), torch.tensor([7, 8]))
        >>> memory.add(torch.tensor([[3.0], [4.0]]), torch.tensor([9, 9]))
        >>> memory.embeddings.flatten().tolist(), memory.labels.tolist()
        ([2.0, 3.0, 4.0], [8, 9, 9])

    References:
        Wang, Zhang, Huang, Scott, "Cross-Batch Memory for Embedding Learning", CVPR 2020; He et al., "Momentum Contrast
        for Unsupervised Visual Representation Learning", CVPR 2020 (the queue).
    """

    _embeddings: Tensor
    _labels: Tensor
    _count: Tensor

    def __init__(self, size: int, n_dims: int, *, labelled: bool = True) -> None:
        super().__init__()
        for name, value in (("size", size), ("n_dims", n_dims)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(
                    f"CrossBatchMemory: expected {name} of at least 1; got {value!r}. Pass a whole number."
                )
        self.size, self.n_dims, self.labelled = size, n_dims, labelled
        # The newest stand last. Each addition makes new tensors: those given out before may wait for a backward pass.
        self.register_buffer("_embeddings", torch.zeros(size, n_dims))
        self.register_buffer("_labels", torch.zeros(size if labelled else 0, dtype=torch.int64))
        self.register_buffer("_count", torch.zeros((), dtype=torch.int64))

    def __len__(self) -> int:
        return int(self._count)

    @property
    def embeddings(self) -> Tensor:
        """``[m, n_dims]``, m up to ``size``, oldest first."""
        return self._embeddings[self.size - len(self) :]

    @property
    def labels(self) -> Tensor:
        """int64 ``[m]``, one an embedding.

        Raises:
            ConfigError: If the memory was made without labels.
        """
        if not self.labelled:
            raise ConfigError("CrossBatchMemory: expected a memory with labels; got one without. Pass labelled=True.")
        return self._labels[self.size - len(self) :]

    @torch.no_grad()
    def add(self, embeddings: Tensor, labels: Tensor | None = None) -> None:
        """Take in a batch; the oldest go where there is no room, and of a batch too large its first rows.

        Args:
            embeddings: ``[n, n_dims]``.
            labels: ``[n]``; None only where the memory is without labels.

        Raises:
            ShapeError: If the shapes do not fit.
            ConfigError: If labels are missing or not expected.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.n_dims:
            raise ShapeError(
                f"CrossBatchMemory: expected embeddings [n, {self.n_dims}]; got {list(embeddings.shape)}. "
                "Make it with the n_dims of the encoder."
            )
        if (labels is not None) != self.labelled:
            wanted, got = ("labels", "none") if self.labelled else ("no labels", "some")
            raise ConfigError(f"CrossBatchMemory: expected {wanted}; got {got}. Set labelled accordingly.")
        if labels is not None:
            if labels.shape != embeddings.shape[:1]:
                raise ShapeError(
                    f"CrossBatchMemory: expected {len(embeddings)} labels; got {list(labels.shape)}. Pass one a row."
                )
            self._labels = torch.cat([self._labels, labels.to(self._labels)])[-self.size :]
        self._embeddings = torch.cat([self._embeddings, embeddings.to(self._embeddings)])[-self.size :]
        self._count = (self._count + len(embeddings)).clamp(max=self.size)

    def clear(self) -> None:
        """Forget everything."""
        self._count = torch.zeros_like(self._count)

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        return f"{len(self)} of {self.size}, n_dims={self.n_dims}, labelled={self.labelled}"
