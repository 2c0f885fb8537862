"""DCNScorer: products of features, learnt by cross layers, and a feed-forward network."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError, did_you_mean
from rankkit.models.priors import Prior
from rankkit.models.scorers.layers import fresh
from rankkit.models.scorers.networks.frame import Network, framed
from rankkit.models.scorers.networks.hidden import check_hidden, hidden_layers
from rankkit.models.scorers.scorer import check_count
from rankkit.transforms import Spec

STRUCTURES = ("parallel", "stacked")


class DCNScorer(Network):
    r"""Deep & Cross Network, version 2: cross layers multiply features, hidden layers stand beside or behind them.

    .. math:: x_{l+1} = x_0 \odot (W_l x_l + b_l) + x_l

    :math:`x_0` are the transformed features. After L cross layers the values are polynomials of degree L + 1 in them.
    In ``parallel`` the hidden layers look at :math:`x_0` too and the last layer at both; in ``stacked`` they look at
    :math:`x_L`. With ``rank`` r the matrix is :math:`W_l = U_l V_l^\top`, of r columns each, which is much smaller
    where there are many features; the paper's mixture of several such products, with gates, is not here.

    Args:
        n_features: Columns of the data.
        hidden: Widths of the hidden layers; none leaves the cross layers alone.
        n_cross: How many cross layers there are.
        rank: Columns of the two factors of each cross matrix; None: a full matrix.
        structure: ``parallel`` (hidden layers beside the cross layers) or ``stacked`` (behind them).
        activation: Of hidden layers: ``relu``, ``leaky_relu``, ``elu``, ``tanh``, ``gelu``, ``silu`` or ``sigmoid``.
        dropout: Share of hidden values set to 0 in training, from 0 to below 1.
        normalization: ``none``, ``batch`` (over the documents of a batch) or ``layer`` (over the values of a document).
        transform: What is done to the features first, fitted on training rows (:class:`rankkit.transforms.Transform`).
        context: Beside each number of documents how it compares within the query, as ``"z+rank"``: ``z`` ((x - mean) /
            std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one); None: without.
        prior: Keys of which is remembered how their documents were labelled, as ``["doc_id", "brand+color"]``: three
            numbers each beside the features; None: without.
        n_outputs: 1, or K for an objective of K outputs: ``forward`` then gives ``[doc, K]``.
        readout: How K outputs become the ranking score; ``expected_grade`` if left out, ``sum_of_sigmoids`` for
            ``ordinal_loss``, ``first_output`` for ``listwide_softmax_loss``.
        tied_outputs: For ``ordinal_loss``: one shared score plus K biases (CORAL) instead of K free outputs.
        schema: What the columns stand for, where some are no numbers, as :meth:`rankkit.Schema.to_dict` has it;
            :meth:`for_data` passes it. Categories become embeddings, those of a bag are averaged; missing and unseen
            values have rows of their own, at 0 until they are learnt.
        embedding_size: Width of embeddings; None: of n values the smaller one of 50 and 1.6 n ** 0.56, rounded up.
        missing_indicators: Beside each number that is missing in some training rows, 1 where it is missing.
        seed: Seed of the initial weights; None draws them from torch's global generator.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> scorer = DCNScorer(2, hidden=(), n_cross=1, transform="none", seed=0)
        >>> scorer(torch.zeros(3, 2), torch.tensor([0, 1, 3])).shape
        torch.Size([3])

    References:
        Wang et al., *DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning to Rank
        Systems*, WWW 2021, section 3 and figure 1.
    """

    learning_rate: ClassVar[float] = 2e-3  # what fit() takes unless told

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int] = (256, 256, 128),
        *,
        n_cross: int = 2,
        rank: int | None = None,
        structure: str = "parallel",
        activation: str = "relu",
        dropout: float = 0.3,
        normalization: str = "layer",
        transform: Spec = "log1p+standardize",
        context: str | None = None,
        prior: Prior | None = None,
        n_outputs: int = 1,
        readout: str | None = None,
        tied_outputs: bool = False,
        schema: Mapping[str, Any] | Schema | None = None,
        embedding_size: int | None = None,
        missing_indicators: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        check_count("DCNScorer", "n_cross", n_cross)
        if rank is not None:
            check_count("DCNScorer", "rank", rank)
        if structure not in STRUCTURES:
            raise ConfigError(
                f"DCNScorer: expected structure as parallel or stacked; got {structure!r}. "
                f"{did_you_mean(str(structure), STRUCTURES)}"
            )
        layers: dict[str, Any] = {"activation": activation, "dropout": dropout, "normalization": normalization}
        widths = check_hidden("DCNScorer", hidden, **layers)
        frame = framed(
            "DCNScorer",
            n_features,
            transform=transform,
            context=context,
            prior=prior,
            n_outputs=n_outputs,
            readout=readout,
            schema=schema,
            embedding_size=embedding_size,
            missing_indicators=missing_indicators,
            seed=seed,
        )
        self.take_frame(frame)
        self.structure = structure
        n_inputs = self.transform.n_outputs
        self.cross = nn.ModuleList(CrossLayer(n_inputs, rank, frame.generator) for _ in range(n_cross))
        self.hidden = hidden_layers([n_inputs, *widths], **layers, generator=frame.generator)
        n_last = [n_inputs, *widths][-1]
        self.output = frame.output(n_inputs + n_last if self.is_parallel else n_last, tied=tied_outputs)
        own = {"hidden": widths, "n_cross": n_cross, "rank": rank, "structure": structure, **layers}
        self.options = frame.options(own, tied_outputs=tied_outputs)

    @property
    def is_parallel(self) -> bool:
        """Whether hidden layers stand beside the cross layers; where there are none, nothing does."""
        return self.structure == "parallel" and len(self.hidden) > 0

    def hidden_values(self, features: Tensor, offsets: Tensor) -> Tensor:
        """What the last layer scores: ``[doc, feature]`` to ``[doc, width]``."""
        start: Tensor = self.transform(features, offsets)
        values = start
        for layer in self.cross:
            values = layer(values, start)
        deep = cast(Tensor, self.hidden(start if self.is_parallel else values))
        return torch.cat([values, deep], dim=1) if self.is_parallel else deep

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        return self.scored(self.hidden_values(features, offsets))


class CrossLayer(nn.Module):
    """``start * (W x + b) + x``, with a full matrix W or one of two factors.

    Args:
        width: Of the inputs.
        rank: Columns of the factors; None: a full matrix.
        generator: Of the initial weights; None: torch's global one.
    """

    def __init__(self, width: int, rank: int | None, generator: torch.Generator | None) -> None:
        super().__init__()
        self.inner: nn.Module = nn.Identity()
        if rank is not None:
            self.inner = fresh(nn.Linear, width, rank, bias=False, generator=generator)
        self.linear = fresh(nn.Linear, width if rank is None else rank, width, generator=generator)

    def forward(self, values: Tensor, start: Tensor) -> Tensor:
        """``[doc, width]`` twice to ``[doc, width]``."""
        return torch.addcmul(values, start, self.linear(self.inner(values)))
