"""framed(): what every network has in front and behind: inputs of columns of every kind, how outputs are read."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from rankkit.data.columns.schema import Schema
from rankkit.models.priors import Prior, Priors, prior_options, priors_from
from rankkit.models.scorers.columns import ColumnInputs, column_options, inputs_of, schema_from
from rankkit.models.scorers.layers import weights_from
from rankkit.models.scorers.outputs import TiedOutputs, output_layer
from rankkit.models.scorers.readout import check_readout
from rankkit.models.scorers.scorer import check_count
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
