"""The tasks that are known, and which of them something belongs to."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from rankkit.errors import ConfigError
from rankkit.registry import TASKS, name_of
from rankkit.tasks.task import Task


def tasks() -> Iterator[Task]:
    """Every task, rankkit's own first."""
    yield from TASKS.values()


def task_of(source: Any) -> Task:
    """The task that a source of data is of.

    Raises:
        ConfigError: If it is of none.
    """
    for task in tasks():
        if isinstance(source, task.source):
            return task
    known = " or ".join(task.source.__name__ for task in tasks())
    raise ConfigError(f"data: expected {known}; got {type(source).__name__}. Say where the data lies.")


def task_of_data(data: object) -> Task | None:
    """The task whose data something is, if it is any's."""
    return next((task for task in tasks() if isinstance(data, task.data_type)), None)


def task_of_built(model: object) -> Task | None:
    """The task that a model of the catalogue, or of a registered class, is of."""
    return next((task for task in tasks() if name_of(task.model, type(model)) is not None), None)


def task_of_model(kind: str) -> Task:
    """The task that a kind of models is of: ``"scorer"``, ``"encoder"``, ...

    Raises:
        ConfigError: If it is of none.
    """
    for task in tasks():
        if task.model == kind:
            return task
    raise ConfigError(f"model: expected one of {', '.join(task.model for task in tasks())}; got {kind!r}. Mend it.")


def source_from_dict(values: Mapping[str, Any]) -> Any:
    """A source from its JSON values: tasks differ in their fields."""
    for task in tasks():
        if {field.name for field in fields(task.source)} == set(values):
            return task.source(**values)
    raise ConfigError(f"data: expected the fields of a source; got {', '.join(values)}. Compare anew.")
