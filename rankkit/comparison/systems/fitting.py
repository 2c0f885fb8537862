"""The system of a run, trained or external, fitted; and whether the systems of a plan are for its data."""

from pathlib import Path
from typing import Any

from rankkit.comparison.plan import Plan, RunSpec
from rankkit.comparison.systems.externals import check_external, find_external
from rankkit.comparison.systems.fitted import Fitted, Report
from rankkit.comparison.systems.trained import fit_trained
from rankkit.errors import ConfigError
from rankkit.registry import find
from rankkit.tasks.known import task_of


def fit_system(spec: RunSpec, split: Any, folder: Path, report: Report) -> Fitted:
    """Fit the system of a run, trained or external."""
    if spec.system.external is not None:
        return find_external(spec.system.external.name).fit(spec, split, folder, report)
    return fit_trained(spec, split, folder, report)


def check_systems(plan: Plan) -> None:
    """Raise ConfigError if a system is not of the kind that the data of a plan is for."""
    task = task_of(plan.source)
    for system in plan.systems:
        if system.external is not None:
            check_external(system.external, task.systems)
        elif (part := system.part(task.model)) is None:
            raise ConfigError(
                f"{system.name}: expected {task.model} and objective, since the data is {task.data}; got another "
                "system. Compare rankers with rankers, encoders with encoders."
            )
        elif system.objective is None and not hasattr(find(task.model, part.name), "learn"):
            raise ConfigError(f"{system.name}: expected an objective to train it with; got none. Name one.")
