"""What every network has in front and behind: inputs of columns of every kind, how outputs are read."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

import torch
from torch import Tensor, nn

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.models.priors import Prior, Priors, prior_options, priors_from
from rankkit.models.scorers.columns import MIN_COUNT, ColumnInputs, column_options, inputs_of, schema_from
from rankkit.models.scorers.for_data import scorer_for
from rankkit.models.scorers.layers import weights_from
from rankkit.models.scorers.outputs import TiedOutputs, output_layer
from rankkit.models.scorers.readout import check_readout
from rankkit.models.scorers.scorer import check_count, describe
from rankkit.transforms import Spec, Transform


class Frame(NamedTuple):
    """The options that all networks share, checked, with what is built of them.

    Args:
        where: The scorer, for messages.
        n_features: Columns of the data.
        n_outputs: 1, or K.
        readout: How K outputs become the ranking score; None for one.
        schema: Of the columns; None where they are numbers alone.
        inputs: From features to the first values of a document.
        generator: Of the initial weights; None: torch's global one.
        columns: Options of the columns that are not as by default.
        seed: As it was given.
    """

    where: str
    n_features: int
    n_outputs: int
    readout: str | None
    schema: Schema | None
    inputs: Transform | ColumnInputs
    generator: torch.Generator | None
    columns: dict[str, Any]
    seed: int | None

    @property
    def spans(self) -> list[range]:
        """Of each column the places that it has among the inputs' columns, numbers of keys behind the features."""
        priors = cast("Priors | None", self.inputs.before)
        schema = self.schema if priors is None else priors.widened
        if schema is None:
            return [range(place, place + 1) for place in range(self.n_features)]
        return [range(span.start, span.stop) for span in schema.spans.values()]

    def output(self, n_inputs: int, *, tied: bool = False) -> nn.Linear | TiedOutputs:
        """The last layer, over values of that width."""
        return output_layer(
            self.where, n_inputs, self.n_outputs, readout=self.readout, tied=tied, generator=self.generator
        )

    def options(self, own: Mapping[str, Any], **of_outputs: Any) -> dict[str, Any]:
        """The keywords that build the scorer again, from those of its own and those of its output."""
        return {
            "n_features": self.n_features,
            **own,
            "transform": self.inputs.spec,
            "n_outputs": self.n_outputs,
            "readout": self.readout,
            **of_outputs,
            **self.columns,
            "seed": self.seed,
        }


def framed(
    where: str,
    n_features: int,
    *,
    transform: Spec,
    context: str | None,
    prior: Prior | None,
    n_outputs: int,
    readout: str | None,
    schema: Mapping[str, Any] | Schema | None,
    embedding_size: int | None,
    missing_indicators: bool,
    seed: int | None,
) -> Frame:
    """The frame of a network; its docstring describes each option.

    Raises:
        ConfigError: If an option cannot work.
    """
    check_count(where, "n_features", n_features)
    readout = check_readout(where, n_outputs, readout)
    generator = weights_from(where, seed)
    known = schema_from(where, schema, n_features)
    if embedding_size is not None:
        check_count(where, "embedding_size", embedding_size)
    priors = priors_from(where, prior, known, n_features)
    inputs = inputs_of(
        known,
        transform,
        n_features,
        priors=priors,
        context=context,
        missing_indicators=missing_indicators,
        embedding=embedding_size,
        generator=generator,
    )
    columns = column_options(
        known, context=context, missing_indicators=missing_indicators, embedding_size=embedding_size
    )
    columns |= prior_options(priors)
    return Frame(where, n_features, n_outputs, readout, known, inputs, generator, columns, seed)


class Network(nn.Module):
    """A scorer with a :class:`Frame` around its layers, of which ``output`` is the last.

    Attributes:
        options: The keywords that build it again.
    """

    options: dict[str, Any]

    def take_frame(self, frame: Frame) -> None:
        """Take what comes before the layers; to be called before they are made, in whose order weights are saved."""
        self.n_features, self.n_outputs, self.readout = frame.n_features, frame.n_outputs, frame.readout
        self.schema, self.transform = frame.schema, frame.inputs
        self.feature_names: tuple[str, ...] | None = None

    @classmethod
    def for_data(cls, train: RankingDataset, *, min_count: int = MIN_COUNT, **options: Any) -> Self:
        """A scorer for the columns of training data, whatever their kinds.

        Args:
            train: The training data; nothing of it but the schema and the number of features is kept.
            min_count: Training rows that a value of a category has to have to get an embedding of its own; the rarer
                ones share that of unseen values.
            **options: Of the scorer.

        Example:
            >>> import rankkit as rk
            >>> rk.MLPScorer.for_data(rk.make_ranking(5, n_features=3), hidden=(4,)).n_features
            3
        """
        return scorer_for(cls, train, min_count, options)

    def scored(self, values: Tensor) -> Tensor:
        """What the last layer makes of them: ``[..., width]`` to ``[...]``, or ``[..., K]``."""
        outputs: Tensor = cast(Any, self).output(values)  # of a class that each network has of its own
        return outputs.squeeze(-1) if self.n_outputs == 1 else outputs

    def __repr__(self) -> str:
        return describe(self, self.options)
