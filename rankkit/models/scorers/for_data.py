"""scorer_for(): a scorer for training data, whatever the kinds of its columns; options_for(): what it is built with."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any, TypeVar

import numpy as np

from rankkit.data.columns.kinds import Bag, Category, Column, Number, Time
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.sides import columns_of_queries
from rankkit.errors import ConfigError, check_given
from rankkit.models.priors import key_columns, resolved
from rankkit.models.scorers.columns import compares
from rankkit.remarks import say
from rankkit.transforms import Spec

Made = TypeVar("Made")


def scorer_for(made: type[Made], train: RankingDataset, min_count: int, options: Mapping[str, Any]) -> Made:
    """A scorer for training data, which keeps nothing of it but the schema and the names of the features.

    Args:
        made: The class of the scorer.
        train: The training data.
        min_count: As :func:`options_for` has it.
        options: What it is built with besides.
    """
    scorer = made(**{**options, **options_for(f"{made.__name__}.for_data", train, min_count, made, options)})
    scorer.feature_names = train.feature_names  # type: ignore[attr-defined]
    return scorer


def options_for(
    where: str, train: RankingDataset, min_count: int, made: Callable[..., Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """What a scorer for training data is built with: as many features, and their schema.

    Its vocabularies are narrowed to the values that the training rows have, so that nothing of validation rows that
    were read with them is in the model; rarer ones share the row of unseen values, which is so learnt. That is said.

    Where the transform or its context compares the documents of a query, numbers that are the same for all of them are
    taken as those of the query, which is said too.

    Args:
        where: For messages.
        train: The training data.
        min_count: Training rows that a value has to have to get a code of its own.
        made: What makes the scorer.
        given: Options that it will be made with besides.

    Raises:
        DataError: If the training data was not read by rankkit.
        ConfigError: If ``min_count`` is below 1, or all columns are of the query, so that no document differs.
    """
    check_given(where, "train", train, RankingDataset)
    if not isinstance(min_count, int) or isinstance(min_count, bool) or min_count < 1:
        raise ConfigError(f"{where}: expected min_count of at least 1; got {min_count!r}. Pass a whole number.")
    prior = {} if given.get("prior") is None else {"prior": resolved(where, given["prior"], train)}
    if train.schema is None:
        return {"n_features": train.n_features, **prior}
    unused = {column.name for column in key_columns(train.schema)}
    for key in prior["prior"]["keys"] if prior else []:
        unused -= {train.schema.names[place].removesuffix("[hash]") for place in key}
    if unused:
        say(f"{where}: read as keys, and no prior looks at them: {', '.join(sorted(unused))}. Pass prior=[...].")
    if not train.schema.on_side("document"):
        raise ConfigError(
            f"{where}: expected a column of documents, to rank them by; got columns of the query alone. Add one."
        )
    of_queries: tuple[str, ...] = ()
    if compares(_spec_of(made, given), given.get("context")):
        known = {one.name for one in train.schema.columns if isinstance(one, Number | Time) and one.side == "document"}
        of_queries = tuple(name for name in columns_of_queries(train) if name in known)
    if of_queries:
        say(
            f"{where}: the same for all documents of a query, so that comparing these would leave nothing: "
            f"{', '.join(of_queries)}. They are taken as columns of the query, which are compared with no document, as "
            "those are that were read with side='query'."
        )
    narrowed: list[Column] = []
    lines: list[str] = []
    for column in train.schema.columns:
        if isinstance(column, Category | Bag) and column.vocabulary is not None:
            codes = np.asarray(train.features[:, train.schema.spans[column.name]]).ravel()
            codes = codes[~np.isnan(codes)].astype(np.int64)
            counts = np.bincount(codes, minlength=column.n_codes + 1)[: column.n_codes]
            kept = tuple(word for word, count in zip(column.vocabulary, counts, strict=True) if count >= min_count)
            n_rare = int(((counts > 0) & (counts < min_count)).sum())
            if n_rare:
                lines.append(f"{column.name} ({n_rare:,} of {int((counts > 0).sum()):,})")
            narrowed.append(replace(column, vocabulary=kept))
        else:
            narrowed.append(replace(column, side="query") if column.name in of_queries else column)
    if lines:
        say(
            f"{where}: values in fewer than {min_count} training rows count as unseen: {', '.join(lines)}. "
            "Pass min_count=1, or hash the column with n_buckets, to give them codes."
        )
    return {"n_features": train.n_features, "schema": Schema(tuple(narrowed)), **prior}


def _spec_of(made: Callable[..., Any], given: Mapping[str, Any]) -> Spec:
    """The transform that a scorer will have; "none" for one without."""
    option = signature(made).parameters.get("transform")
    default: Any = "none" if option is None or option.default is Parameter.empty else option.default
    spec: Spec = given.get("transform", default)
    return spec
