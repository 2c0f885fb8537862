"""Siamese and Triplet: one encoder applied two or three times, never copies of it."""

from torch import Tensor, nn

from rankkit.models.encoders.encoder import Encoder


class Siamese(nn.Module):
    """One encoder over both inputs of a pair, and the distance of the two embeddings.

    There is one set of weights; their gradient is the sum over both branches. With the distance ``"verification"`` this
    is the network of Koch et al.: it gives the logit of "same". Batch normalization, in training, sees one branch at a
    time.

    Example:
        >>> import torch
        >>> from rankkit.models.encoders import MLPEncoder
        >>> siamese = Siamese(MLPEncoder(4, hidden=(8,), distance="l1", seed=0))
        >>> siamese(torch.eye(4), torch.eye(4))
        tensor([0., 0., 0., 0.], grad_fn=...)

    References:
        Bromley et al., "Signature Verification using a 'Siamese' Time Delay Neural Network", NIPS 1993; Koch, Zemel,
        Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition", ICML Deep Learning Workshop 2015.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Two times ``[n, *input_shape]`` to ``[n]``, in the unit and direction of ``encoder.distance``."""
        return self.encoder.distance.pairwise(self.encoder(x), self.encoder(y))

    def __repr__(self) -> str:
        return f"Siamese({self.encoder!r})"


class Triplet(nn.Module):
    """One encoder over anchor, positive and negative.

    There is one set of weights; their gradient is the sum over the three branches. Batch normalization, in training,
    sees one branch at a time.

    References:
        Hoffer, Ailon, "Deep Metric Learning Using Triplet Network", SIMBAD 2015.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Three times ``[n, *input_shape]`` to three times ``[n, n_dims]``, ready for a triplet objective."""
        return self.encoder(anchor), self.encoder(positive), self.encoder(negative)

    def __repr__(self) -> str:
        return f"Triplet({self.encoder!r})"
