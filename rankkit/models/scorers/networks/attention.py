"""AttentionScorer: the documents of a query look at each other before each gets its score."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError
from rankkit.models.priors import Prior
from rankkit.models.scorers.layers import fresh, fresh_parameter
from rankkit.models.scorers.networks.frame import Network, framed
from rankkit.models.scorers.networks.hidden import check_hidden, dropout_of, hidden_layers, run_hidden
from rankkit.models.scorers.scorer import check_count
from rankkit.placement import known_offsets, sent
from rankkit.transforms import Spec
from rankkit.transforms.tracing import tracing

_FIRST_STD = 0.1  # of inducing points


class AttentionScorer(Network):
    r"""Self-attention over the documents of a query: hidden layers, encoder blocks, one linear layer.

    .. math:: X' = X + \mathrm{attention}(\mathrm{norm}(X)), \quad
        X'' = X' + W_2 \, \mathrm{relu}(W_1 \, \mathrm{norm}(X') + b_1) + b_2

    X are the documents of a query after the hidden layers, one a row; the score of a document is a linear layer of its
    row after the last block and one more norm. There is no encoding of positions: the order in which documents come
    changes no score. A query never changes the scores of another. Within a batch lists of like length are padded
    together.

    A block looks at each pair of documents. With ``inducing`` M it looks at M learnt points instead: they look at the
    documents, and the documents at them, so that time and memory grow with the list and not with its square.

    The form is that of allRank, with the norm before each part. Two things differ: the norms are those of torch, and no
    attention weight is dropped out, only what the parts add.

    Args:
        n_features: Columns of the data.
        hidden: Widths of the layers before the blocks, each for a document by itself; the last is that of the blocks.
        n_blocks: Encoder blocks.
        n_heads: Parts that the width is divided into, each with attention of its own.
        n_inner: Width inside the two layers of a block.
        inducing: Points M that documents look at each other through; None: at each other directly.
        activation: Of hidden layers: ``relu``, ``leaky_relu``, ``elu``, ``tanh``, ``gelu``, ``silu`` or ``sigmoid``.
        dropout: Share of values set to 0 in training, in hidden layers and blocks, from 0 to below 1.
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
        >>> scorer = AttentionScorer(2, hidden=(4,), n_heads=2, transform="none", seed=0).eval()
        >>> scorer(torch.zeros(3, 2), torch.tensor([0, 1, 3])).shape
        torch.Size([3])

    References:
        Pobrotyn, Bartczak, Synowiec, Bialobrzeski, Bojar, *Context-Aware Learning to Rank with Self-Attention*, SIGIR
        eCom 2020. Points: Lee et al., *Set Transformer*, ICML 2019, section 3.1 (ISAB), here with the norm first.
    """

    learning_rate: ClassVar[float] = 1e-3  # what fit() takes unless told
    listwise: ClassVar[bool] = True

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int] = (128,),
        *,
        n_blocks: int = 2,
        n_heads: int = 2,
        n_inner: int = 256,
        inducing: int | None = None,
        activation: str = "relu",
        dropout: float = 0.3,
        normalization: str = "layer",
        transform: Spec = ("log1p+standardize", "piecewise:32"),
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
        blocks = {"n_blocks": n_blocks, "n_heads": n_heads, "n_inner": n_inner}
        counts = blocks if inducing is None else {**blocks, "inducing": inducing}
        for name, count in counts.items():
            check_count("AttentionScorer", name, count)
        layers: dict[str, Any] = {"activation": activation, "dropout": dropout, "normalization": normalization}
        widths = check_hidden("AttentionScorer", hidden, **layers)
        frame = framed(
            "AttentionScorer",
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
        sizes = [self.transform.n_outputs, *widths]
        width = sizes[-1]
        if width % n_heads:
            raise ConfigError(
                f"AttentionScorer: expected a width of the blocks that n_heads={n_heads} divides; got {width}. "
                f"Pass for example hidden=[{n_heads * max(1, width // n_heads)}]."
            )
        self.hidden = hidden_layers(sizes, **layers, generator=frame.generator)
        block: dict[str, Any] = {
            "n_heads": n_heads,
            "n_inner": n_inner,
            "dropout": dropout,
            "generator": frame.generator,
        }
        self.blocks = nn.ModuleList(
            SelfBlock(width, **block) if inducing is None else InducedBlock(width, inducing, **block)
            for _ in range(n_blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.output = frame.output(width, tied=tied_outputs)
        own = {"hidden": widths, **blocks, "inducing": inducing, **layers}
        self.options = frame.options(own, tied_outputs=tied_outputs)

    def hidden_values(self, features: Tensor, offsets: Tensor) -> Tensor:
        """What the last layer scores: ``[doc, feature]`` to ``[doc, width]``."""
        return over_lists(self.looked, self.rows(features, offsets), offsets)

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        return over_lists(self.of_lists, self.rows(features, offsets), offsets)

    def rows(self, features: Tensor, offsets: Tensor) -> Tensor:
        """What documents are before they look at each other: ``[doc, feature]`` to ``[doc, width]``."""
        return run_hidden(self.transform, self.hidden, features, offsets)

    def of_lists(self, rows: Tensor, mask: Tensor) -> Tensor:
        """The scores of padded lists: ``[query, list, width]`` to ``[query, list]``, or ``[query, list, K]``.

        Args:
            rows: What :meth:`rows` gave; padding may be anything finite.
            mask: ``[query, list]``, where documents are.
        """
        return self.scored(self.looked(rows, mask))

    def looked(self, rows: Tensor, mask: Tensor) -> Tensor:
        """What documents are after they looked at each other: ``[query, list, width]`` to the same."""
        # A list without documents looks at its padding: a softmax over nothing would be NaN.
        seen = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None, :]
        for block in self.blocks:
            rows = block(rows, seen)
        found: Tensor = self.norm(rows)
        return found


class AttentionBlock(nn.Module):
    """Rows look at other rows, then each passes through two layers; both parts add to the row, the norm comes first.

    Args:
        width: Of a row.
        n_heads: Parts of the width, each with attention of its own.
        n_inner: Width between the two layers.
        dropout: Share of what is added that is set to 0 in training.
        looks_elsewhere: Whether the rows that are looked at are others, with a norm of their own.
        generator: Of the initial weights; None: torch's global one.
    """

    def __init__(
        self,
        width: int,
        *,
        n_heads: int,
        n_inner: int,
        dropout: float,
        looks_elsewhere: bool,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.seen_norm = nn.LayerNorm(width) if looks_elsewhere else nn.Identity()
        self.query, self.key, self.value, self.mix = (
            fresh(nn.Linear, width, width, generator=generator) for _ in range(4)
        )
        self.inner_norm = nn.LayerNorm(width)
        self.inner = fresh(nn.Linear, width, n_inner, generator=generator)
        self.outer = fresh(nn.Linear, n_inner, width, generator=generator)
        self.dropout = dropout_of(dropout)

    def forward(self, rows: Tensor, others: Tensor | None, mask: Tensor | None) -> Tensor:
        """``[list, row, width]`` to the same.

        Args:
            rows: They look.
            others: They are looked at, ``[list, other, width]``; None: the rows themselves.
            mask: Which of these there are, ``[list, 1, 1, other]``; None: all.
        """
        looking = self.norm(rows)
        seen = looking if others is None else self.seen_norm(others)
        query, key, value = self.query(looking), self.key(seen), self.value(seen)
        rows = rows + self.dropout(self.mix(attention(query, key, value, mask, self.n_heads)))
        inner = self.dropout(functional.relu(self.inner(self.inner_norm(rows))))
        added: Tensor = self.dropout(self.outer(inner))
        return rows + added


class SelfBlock(nn.Module):
    """Documents look at each other."""

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__()
        self.own = AttentionBlock(width, looks_elsewhere=False, **options)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """``[list, row, width]`` to the same."""
        found: Tensor = self.own(rows, None, mask)
        return found


class InducedBlock(nn.Module):
    """Learnt points look at the documents of a list, then the documents at what the points saw.

    Args:
        width: Of a row.
        n_points: How many there are.
        **options: Of both :class:`AttentionBlock`.
    """

    def __init__(self, width: int, n_points: int, **options: Any) -> None:
        super().__init__()
        drawn = options["generator"]
        self.points = fresh_parameter((n_points, width), lambda values: values.normal_(0, _FIRST_STD, generator=drawn))
        self.gather = AttentionBlock(width, looks_elsewhere=True, **options)
        self.spread = AttentionBlock(width, looks_elsewhere=True, **options)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """``[list, row, width]`` to the same."""
        points = self.points.expand(rows.shape[0], -1, -1)
        found: Tensor = self.spread(rows, self.gather(points, rows, mask), None)
        return found


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, n_heads: int) -> Tensor:
    """Scaled dot-product attention in parts: ``[list, row, width]`` and ``[list, other, width]`` to the first shape."""
    query, key, value = (part.unflatten(-1, (n_heads, -1)).transpose(1, 2) for part in (query, key, value))
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).flatten(-2)


def over_lists(of_lists: Callable[[Tensor, Tensor], Tensor], rows: Tensor, offsets: Tensor) -> Tensor:
    """What padded lists give, of flat documents ``[doc, width]``: lists of like length are padded together.

    Args:
        of_lists: From ``[query, list, width]`` and the mask of documents ``[query, list]`` to ``[query, list, ...]``.
        rows: The documents; each is one in its own list alone.
        offsets: ``[query + 1]``.
    """
    if tracing():
        # No shape may depend on the lengths of lists: each list is all documents with those of others masked.
        places = torch.arange(rows.shape[0], device=rows.device)
        mask = (places >= offsets[:-1, None]) & (places < offsets[1:, None])
        outputs = of_lists(rows.expand(mask.shape[0], -1, -1), mask)
        belongs = mask if outputs.dim() == 2 else mask[:, :, None]
        return (outputs * belongs).sum(dim=0)
    sizes = known_offsets(offsets).diff()
    groups = list(_alike(sizes))
    if not groups:
        return of_lists(rows[None], rows.new_ones(1, len(rows), dtype=torch.bool))[0]
    longest = [int(sizes[queries].max()) for queries in groups]
    # Of each query the place where its list begins among the padded lists of all groups, one behind the other.
    begins, n_padded = torch.zeros_like(sizes), 0
    for queries, length in zip(groups, longest, strict=True):
        begins[queries] = n_padded + length * torch.arange(len(queries))
        n_padded += length * len(queries)
    told = sent(torch.cat([begins, *groups]), rows.device).split([len(sizes), *map(len, groups)])
    starts, sizes = offsets[:-1], offsets.diff()
    found = []
    for queries, length in zip(told[1:], longest, strict=True):
        places = torch.arange(length, device=rows.device)
        mask = places < sizes[queries, None]
        where = torch.where(mask, starts[queries, None] + places, starts[queries, None])
        found.append(of_lists(rows[where], mask).flatten(0, 1))
    moves = torch.repeat_interleave(told[0] - starts, sizes, output_size=len(rows))
    return torch.cat(found).index_select(0, torch.arange(len(rows), device=rows.device) + moves)


def _alike(sizes: Tensor) -> Iterator[Tensor]:
    """The queries by length, none more than twice as long as another of its group; those without documents in none.

    >>> [queries.tolist() for queries in _alike(torch.tensor([5, 0, 8, 1, 4]))]
    [[3], [4], [0, 2]]
    """
    powers = torch.where(sizes > 0, torch.ceil(torch.log2(sizes.clamp(min=1).double())), -1)
    for power in powers.unique().tolist():
        if power >= 0:
            yield torch.nonzero(powers == power)[:, 0]
