"""LinearScorer: a weighted sum of transformed features."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from torch import Tensor, nn

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.models.priors import Prior, Priors, prior_options, priors_from
from rankkit.models.scorers.columns import MIN_COUNT, code_tables, code_weights, column_options, inputs_of, schema_from
from rankkit.models.scorers.for_data import scorer_for
from rankkit.models.scorers.layers import weights_from
from rankkit.models.scorers.outputs import output_layer
from rankkit.models.scorers.readout import check_readout
from rankkit.models.scorers.scorer import check_count, describe
from rankkit.naming import named
from rankkit.transforms import Spec


class LinearScorer(nn.Module):
    """A weighted sum of transformed features, one score a document.

    Args:
        n_features: Columns of the data.
        transform: What is done to the features first, fitted on training rows (:class:`rankkit.transforms.Transform`).
        context: Beside each number of documents how it compares within the query, as ``"z+rank"``: ``z`` ((x - mean) /
            std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one); None: without.
        prior: Keys of which is remembered how their documents were labelled, as ``["doc_id", "brand+color"]``: three
            numbers each beside the features; None: without.
        n_outputs: 1, or K for an objective of K outputs: ``forward`` then gives ``[doc, K]``.
        readout: How K outputs become the ranking score; ``expected_grade`` if left out, ``sum_of_sigmoids`` for
            ``ordinal_loss``, ``first_output`` for ``listwide_softmax_loss``.
        tied_outputs: For ``ordinal_loss``: one shared score plus K biases (CORAL) instead of K free outputs.
        bias: Add a constant. It changes no ranking, but pointwise objectives need it.
        schema: What the columns stand for, where some are no numbers, as :meth:`rankkit.Schema.to_dict` has it;
            :meth:`for_data` passes it. Each value of a category has a weight, as if it were one-hot; those of a bag are
            averaged; missing and unseen values have weights of their own. All are 0 at first.
        missing_indicators: Beside each number that is missing in some training rows, 1 where it is missing.
        seed: Seed of the initial weights; None draws them from torch's global generator.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> import torch
        >>> scorer = LinearScorer(2, transform="none", seed=0)
        >>> scorer(torch.zeros(3, 2), torch.tensor([0, 1, 3])).shape
        torch.Size([3])
        >>> list(scorer.weights)
        ['1', '2']
    """

    learning_rate: ClassVar[float] = 0.05  # what fit() takes unless told; far above a network's, as there is one layer

    def __init__(
        self,
        n_features: int,
        *,
        transform: Spec = "log1p+standardize",
        context: str | None = None,
        prior: Prior | None = None,
        n_outputs: int = 1,
        readout: str | None = None,
        tied_outputs: bool = False,
        bias: bool = True,
        schema: Mapping[str, Any] | Schema | None = None,
        missing_indicators: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        check_count("LinearScorer", "n_features", n_features)
        self.n_features = n_features
        self.n_outputs = n_outputs
        self.readout = check_readout("LinearScorer", n_outputs, readout)
        self.feature_names: tuple[str, ...] | None = None
        self.schema = schema_from("LinearScorer", schema, n_features)
        priors = priors_from("LinearScorer", prior, self.schema, n_features)
        self.transform = inputs_of(
            self.schema,
            transform,
            n_features,
            priors=priors,
            context=context,
            missing_indicators=missing_indicators,
            embeds=False,
        )
        if self.schema is not None:
            self.codes = code_tables(self.schema, 1 if tied_outputs else n_outputs)
        self.output = output_layer(
            "LinearScorer",
            self.transform.n_outputs,
            n_outputs,
            readout=self.readout,
            tied=tied_outputs,
            bias=bias,
            generator=weights_from("LinearScorer", seed),
        )
        self.options: dict[str, Any] = {
            "n_features": n_features,
            "transform": self.transform.spec,
            **prior_options(priors),
            "n_outputs": n_outputs,
            "readout": self.readout,
            "tied_outputs": tied_outputs,
            "bias": bias,
            **column_options(self.schema, context=context, missing_indicators=missing_indicators),
            "seed": seed,
        }

    @classmethod
    def for_data(cls, train: RankingDataset, *, min_count: int = MIN_COUNT, **options: Any) -> Self:
        """A scorer for the columns of training data, whatever their kinds.

        Args:
            train: The training data; nothing of it but the schema and the number of features is kept.
            min_count: Training rows that a value of a category has to have to get a weight of its own; the rarer ones
                share that of unseen values.
            **options: Of the scorer.
        """
        return scorer_for(cls, train, min_count, options)

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        outputs: Tensor = self.output(self.transform(features, offsets))
        if self.schema is not None:
            for table in self.codes:
                outputs = outputs + table(features)
        return outputs.squeeze(-1) if self.n_outputs == 1 else outputs

    @property
    def weights(self) -> dict[str, float | list[float]]:
        """The weight of each transformed feature by name; a list of K weights for K free outputs.

        That of a value of a category is called ``brand=oak``, ``brand=<unseen>`` or ``brand=<missing>``.
        """
        weight = self.output.weight.detach()
        values = (weight.squeeze(0) if weight.shape[0] == 1 else weight.t()).tolist()
        found = dict(zip(self.transform.output_names(self._input_names()), values, strict=True))
        return found if self.schema is None else {**found, **code_weights(self.schema, self.codes)}

    def _input_names(self) -> tuple[str, ...]:
        names = named(self.feature_names, self.n_features)
        priors = cast("Priors | None", self.transform.before)
        return names if priors is None else (*names, *priors.names_of(names))

    def __repr__(self) -> str:
        return describe(self, self.options)
