"""Recommendation: recommenders learn from a log what a user may like, and list items."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions import Interactions
from rankkit.data.interactions import Split as HeldOut
from rankkit.errors import ConfigError
from rankkit.evaluation.catalogue import evaluate_scored
from rankkit.evaluation.catalogue.parts import table_of
from rankkit.models.building import build as build_model
from rankkit.tasks.recommendation.answering import example_body, recommend_body
from rankkit.tasks.recommendation.job import METRICS, RecommendationJob, evaluate
from rankkit.tasks.recommendation.splits import (
    LogSource,
    check_log,
    few_users,
    load_split,
    split_names,
    write_facts,
)
from rankkit.tasks.splitting import Split
from rankkit.tasks.task import Built, Measured, Predicting, Route, Task, milliseconds
from rankkit.tasks.words import Words

N_USERS = 100
"""Users whose scoring is timed."""
_WARM_UP, _TIMED = 2, 20


def build(
    name: str,
    options: Mapping[str, Any],
    objective: str,
    objective_options: Mapping[str, Any],
    train: Interactions,
    *,
    seed: int,
) -> Built:
    """A recommender by its name.

    Raises:
        ConfigError: If an objective is named.
    """
    if objective:
        raise ConfigError(f"recommender {name}: expected no objective; got {objective!r}. Leave it out.")
    return Built(build_model("recommender", name, **options, seed=seed), None, {})


def predict(model: Any, data: Any) -> Iterator[NDArray[np.float32]]:
    """Scores of every item in blocks of users: of histories, or of the users of whom something is held out."""
    histories = data.history.select(data.users) if isinstance(data, HeldOut) else data
    scores: Iterator[NDArray[np.float32]] = model.scores(histories)
    return scores


def measure(fitted: Predicting, split: Split[Any], rules: Any) -> Measured:
    """Rank all items for each user with something held out; lists are kept, what they are like, and what is cold."""
    import pandas as pd

    def scored(histories: Interactions) -> NDArray[np.float32]:
        return np.concatenate(list(fitted.predict(histories)))

    found = evaluate_scored(
        scored,
        split.test,
        [*rules.metrics, *rules.lists],
        features=list(rules.features) or None,
        protocol=rules.protocol,
        empty=rules.empty,
        ties=rules.ties,
        learnt=split.train,
    )
    if found.accuracy is None:
        raise ConfigError(f"compare: expected a metric of what is held out; got {', '.join(rules.metrics)}. Add one.")
    tables = {"lists": found.lists.to_pandas(), "parts": table_of(found.parts)}
    if found.beyond:
        tables["of_lists"] = pd.DataFrame({"metric": [*found.beyond], "mean": [*found.beyond.values()]})
    return Measured(found.accuracy, tables)


def scoring_milliseconds(scored: Callable[[Any], Any], data: HeldOut) -> dict[str, float]:
    """How long it takes to score all items for 100 users: median and 99th percentile of 20 calls, warm."""
    histories = data.history.select(np.resize(data.users, N_USERS))
    return milliseconds(lambda: list(scored(histories)), _WARM_UP, _TIMED)


def check_saved(about: Mapping[str, Any], split: Split[Any]) -> None:
    """Refuse a saved recommender that learnt from other events: its split has other rules, or it knows more.

    Raises:
        ConfigError: If it did.
    """
    if about.get("data_fingerprint") != split.train.fingerprint:
        raise ConfigError(
            "compare: expected a recommender that learnt from the training part of this split "
            f"({split.test.rule}); got one of other events, whose numbers cannot stand in this table. Train it on "
            "this split."
        )
    if ((about.get("about") or {}).get("split") or {}).get("refit"):
        raise ConfigError(
            "compare: expected a recommender that learnt from the training part alone, as all others of the table do; "
            "got one that learnt from the validation part too. Train it without --refit."
        )


RECOMMENDATION = Task(
    name="recommendation",
    systems="recommenders",
    model="recommender",
    objective="objective",
    data="interactions",
    data_type=(Interactions, HeldOut),
    metric=METRICS[0],
    words=Words(
        query="user",
        queries="users",
        a_query="a user",
        answered="every test user has an item to be found",
        unanswered="test users without an item that could be found",
        documents="users",
        same="event for event",
        group="items to be found",
        rate="users_per_second",
        rate_head="users/s",
        timed="scoring_100_users",
        timing="scoring all items for 100 users",
        fastest="scores fastest",
        counts={"n_users": "users", "n_events": "events"},
        of_cost="parameters are numbers that were learnt, with the log; ",
    ),
    job=RecommendationJob,
    build=build,
    as_objects=dict,
    few=few_users,
    noted=lambda train, reading: {"split": {name: value for name, value in reading.items() if name != "log"}},
    predict=predict,  # type: ignore[arg-type]  # blocks of scores, as all of them are too many
    evaluate=evaluate,
    source=LogSource,
    check_files=check_log,
    split_names=split_names,
    load=load_split,
    write=write_facts,
    measure=measure,
    time=scoring_milliseconds,
    commands="rankkit.cli.kinds.recommendation.commands:RecommendationCommands",
    routes={"recommend": Route(recommend_body, "List items for a user or a history", example_body)},
    check_saved=check_saved,
)
