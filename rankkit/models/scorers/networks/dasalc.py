"""DASALCScorer: what attention saw of the list multiplies what a network made of the document."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError
from rankkit.models.priors import Prior
from rankkit.models.scorers.layers import GaussianNoise, fresh
from rankkit.models.scorers.networks.attention import over_lists
from rankkit.models.scorers.networks.frame import Network, framed
from rankkit.models.scorers.networks.hidden import DocumentBatchNorm, check_dropout, check_widths, dropout_of
from rankkit.models.scorers.scorer import check_count
from rankkit.transforms import Spec

_EPS, _MOMENTUM = 1e-3, 0.1  # of batch normalization in the authors' code, whose momentum is 1 - that of torch
_LAYER_NORM_EPS = 1e-12


class DASALCScorer(Network):
    r"""Data-augmented self-attentive latent cross: attention over the list scales the hidden values of a document.

    .. math:: h = W_n \, \mathrm{layers}(\mathrm{norm}(x) + e), \quad
        s = h + h \odot (W_c \, \mathrm{norm}(a) + b_c), \quad \text{score} = w^\top \mathrm{relu}(s) + b

    x are the transformed features of a document, e is Gaussian noise in training, and a hidden layer is linear, relu,
    batch normalization, dropout. a is what the documents of the query saw of each other: from
    :math:`\mathrm{relu}(W_p x + b_p) + e`, each block adds multi-head attention and takes a layer norm. The order of
    documents changes no score, and a query none of another.

    It computes what the authors' code does (``dasalc.py`` of TF-Ranking), whose numbers for MSLR-WEB30K are the
    defaults. Batch normalization here counts each document once, where the code repeats some to fill lists up.

    Args:
        n_features: Columns of the data.
        hidden: Widths of the hidden layers; the last is that of the product too.
        n_blocks: Layers of attention.
        n_heads: Heads of each, every one ``head_size`` wide.
        head_size: Width of a document while it looks at others.
        input_noise: Standard deviation of the noise.
        dropout: Share of values set to 0 in training, in hidden layers, attention and before the last layer.
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
        >>> scorer = DASALCScorer(2, hidden=(4,), n_blocks=1, head_size=3, seed=0).eval()
        >>> scorer(torch.zeros(3, 2), torch.tensor([0, 1, 3])).shape
        torch.Size([3])

    References:
        Qin et al., *Are Neural Rankers still Outperformed by Gradient Boosted Decision Trees?*, ICLR 2021; attention:
        Pasumarthi et al., *Permutation Equivariant Document Interaction Network for Neural Learning to Rank*, ICTIR
        2020.
    """

    learning_rate: ClassVar[float] = 1e-3  # what fit() takes unless told
    listwise: ClassVar[bool] = True

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int] = (512, 512),
        *,
        n_blocks: int = 4,
        n_heads: int = 2,
        head_size: int = 100,
        input_noise: float = 1.5,
        dropout: float = 0.4,
        transform: Spec = "log1p",
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
        counts = {"n_blocks": n_blocks, "n_heads": n_heads, "head_size": head_size}
        for name, count in counts.items():
            check_count("DASALCScorer", name, count)
        if isinstance(input_noise, bool) or not isinstance(input_noise, int | float) or not 0 <= input_noise < math.inf:
            raise ConfigError(
                f"DASALCScorer: expected input_noise of 0 or more; got {input_noise!r}. Pass a standard deviation."
            )
        check_dropout("DASALCScorer", dropout)
        widths = check_widths("DASALCScorer", hidden)
        if not widths:
            raise ConfigError("DASALCScorer: expected widths of hidden layers; got none. Pass for example [512, 512].")
        frame = framed(
            "DASALCScorer",
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
        n_inputs, drawn = self.transform.n_outputs, frame.generator
        self.noise = GaussianNoise(input_noise) if input_noise else nn.Identity()
        self.norm = DocumentBatchNorm(n_inputs, eps=_EPS, momentum=_MOMENTUM)
        sizes = [n_inputs, *widths]
        self.hidden = nn.ModuleList(CrossedLayer(n_in, n_out, dropout, drawn) for n_in, n_out in pairwise(sizes))
        self.mixed = fresh(nn.Linear, widths[-1], widths[-1], generator=drawn)
        self.start = fresh(nn.Linear, n_inputs, head_size, generator=drawn)
        self.blocks = nn.ModuleList(ListAttention(head_size, n_heads, dropout, drawn) for _ in range(n_blocks))
        self.seen_norm = DocumentBatchNorm(head_size, eps=_EPS, momentum=_MOMENTUM)
        self.scale = fresh(nn.Linear, head_size, widths[-1], generator=drawn)
        self.dropout = dropout_of(dropout)
        self.output = frame.output(widths[-1], tied=tied_outputs)
        own = {"hidden": widths, **counts, "input_noise": input_noise, "dropout": dropout}
        self.options = frame.options(own, tied_outputs=tied_outputs)

    def hidden_values(self, features: Tensor, offsets: Tensor) -> Tensor:
        """What the last layer scores: ``[doc, feature]`` to ``[doc, width]``."""
        values, start = self._parts(self.rows(features, offsets))
        return self._crossed(values, over_lists(self.looked, start, offsets))

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        return self.scored(self.hidden_values(features, offsets))

    def rows(self, features: Tensor, offsets: Tensor) -> Tensor:
        """What documents are before they look at each other: ``[doc, feature]`` to ``[doc, width + head_size]``."""
        inputs: Tensor = self.transform(features, offsets)
        values = self.noise(self.norm(inputs))
        for layer in self.hidden:
            values = layer(values)
        return torch.cat([self.mixed(values), self.noise(functional.relu(self.start(inputs)))], dim=-1)

    def of_lists(self, rows: Tensor, mask: Tensor) -> Tensor:
        """The scores of padded lists out of training: ``[query, list, ...]`` to ``[query, list]``, or with K behind.

        Args:
            rows: What :meth:`rows` gave; padding may be anything finite.
            mask: ``[query, list]``, where documents are.
        """
        values, start = self._parts(rows)
        flat = self._crossed(values.flatten(0, 1), self.looked(start, mask).flatten(0, 1))
        found: Tensor = self.scored(flat).unflatten(0, rows.shape[:2])
        return found

    def _parts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        width = self.mixed.out_features
        return rows[..., :width], rows[..., width:]

    def _crossed(self, values: Tensor, seen: Tensor) -> Tensor:
        """``[doc, width]`` and ``[doc, head_size]`` to ``[doc, width]``."""
        crossed = torch.addcmul(values, values, self.scale(self.seen_norm(seen)))
        found: Tensor = self.dropout(functional.relu(crossed))
        return found

    def looked(self, rows: Tensor, mask: Tensor) -> Tensor:
        """What documents saw of each other: ``[query, list, head_size]`` to the same; ``mask`` is ``[query, list]``."""
        # A list without documents looks at its padding: a softmax over nothing would be NaN.
        seen = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None, :]
        for block in self.blocks:
            rows = block(rows, seen)
        return rows


class CrossedLayer(nn.Module):
    """Linear, relu, batch normalization, dropout, in the order of the authors' code."""

    def __init__(self, n_inputs: int, n_outputs: int, dropout: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.linear = fresh(nn.Linear, n_inputs, n_outputs, generator=generator)
        self.normalization = DocumentBatchNorm(n_outputs, eps=_EPS, momentum=_MOMENTUM)
        self.dropout = dropout_of(dropout)

    def forward(self, inputs: Tensor) -> Tensor:
        """``[doc, n_inputs]`` to ``[doc, n_outputs]``."""
        outputs: Tensor = self.dropout(self.normalization(functional.relu(self.linear(inputs))))
        return outputs


class ListAttention(nn.Module):
    """``norm(x + attention(x))``: heads as wide as the rows themselves, weights dropped out in training.

    Args:
        width: Of a row, and of each head.
        n_heads: How many heads there are.
        dropout: Share of the weights, and of what is added, that is set to 0 in training.
        generator: Of the initial weights; None: torch's global one.
    """

    def __init__(self, width: int, n_heads: int, dropout: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query, self.key, self.value = (
            fresh(nn.Linear, width, n_heads * width, generator=generator) for _ in range(3)
        )
        self.mix = fresh(nn.Linear, n_heads * width, width, generator=generator)
        self.norm = nn.LayerNorm(width, eps=_LAYER_NORM_EPS)
        self.of_weights, self.dropout = dropout_of(dropout), dropout_of(dropout)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """``[list, row, width]`` to the same; ``mask`` ``[list, 1, 1, row]`` says which rows there are."""
        query, key, value = (
            part(rows).unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        products = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        weights = self.of_weights(products.masked_fill(~mask, -math.inf).softmax(dim=-1))
        added = self.dropout(self.mix((weights @ value).transpose(1, 2).flatten(-2)))
        found: Tensor = self.norm(rows + added)
        return found
