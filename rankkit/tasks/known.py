"""The tasks that are known, and which of them something belongs to."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from rankkit.errors import ConfigError
from rankkit.tasks.ranking.task import RANKING
from rankkit.tasks.similarity.task import SIMILARITY
from rankkit.tasks.task import Task

TASKS: dict[str, Task] = {task.name: task for task in (RANKING, SIMILARITY)}


def task_of(source: Any) -> Task:
    """The task that a source of data is of.

    Raises:
        ConfigError: If it is of none.
    """
    for task in TASKS.values():
        if isinstance(source, task.source):
            return task
    known = " or ".join(task.source.__name__ for task in TASKS.values())
    raise ConfigError(f"data: expected {known}; got {type(source).__name__}. Say where the data lies.")


def source_from_dict(values: Mapping[str, Any]) -> Any:
    """A source from its JSON values: tasks differ in their fields."""
    for task in TASKS.values():
        if {field.name for field in fields(task.source)} == set(values):
            return task.source(**values)
    raise ConfigError(f"data: expected the fields of a source; got {', '.join(values)}. Compare anew.")
