"""``rankkit train --from RUN``: a training begins with a saved scorer, in place of one that has learnt nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankkit.errors import ConfigError

if TYPE_CHECKING:
    from rankkit.tasks.task import Built

WHERE = "rankkit train --from"
DISTILLED = "distilled.json"  # what rankkit distill leaves, whose student learnt more than labels


def scorer_of(run: Path, others: Mapping[str, Any]) -> dict[str, Any]:
    """The scorer of a run as an experiment file has it: its name and options.

    Args:
        run: The folder of the run.
        others: Options that name another model, those that were given not None.

    Raises:
        ConfigError: If one was given.
        BundleError: If there is no saved scorer.
    """
    from rankkit.bundle.model_json import read_model_json
    from rankkit.options import PASSED

    for name, value in others.items():
        if value is not None:
            raise ConfigError(f"{WHERE}: expected no {name}, which the run has; got {value!r}. Leave it out.")
    if not run.is_dir():
        raise ConfigError(f"{WHERE}: expected the folder of a run with a scorer; got {run}. Check the path.")
    said = read_model_json(run)
    if "scorer" not in said:
        raise ConfigError(f"{WHERE}: expected a run with a scorer; got another in {run}. Name a run of a ranker.")
    options = {name: value for name, value in said["scorer"]["options"].items() if name not in PASSED["scorer"]}
    if options.get("prior") is not None:
        raise ConfigError(
            f"{WHERE}: expected a run without prior, whose memory is of its own training data; got one in {run}. "
            "Train a new scorer on all data."
        )
    return {"name": said["scorer"]["name"], **options}


def objective_of(run: Path) -> Any:
    """The objective of a run as an experiment file has it; None where none says how it learnt from labels."""
    from rankkit import registry
    from rankkit.bundle.model_json import read_model_json

    said = read_model_json(run).get("objective")
    name = said.get("name") if isinstance(said, dict) else said
    is_of_labels = name in registry.names("objective") and not (run / DISTILLED).exists()
    return said if is_of_labels else None


def begun_with(built: "Built", run: Path) -> "Built":
    """What was built with the scorer of a run in the place of the one without weights.

    Raises:
        ConfigError: If that has other options.
        BundleError: If it cannot be read.
    """
    from rankkit import bundle
    from rankkit.options import PASSED

    scorer, _ = bundle.read(run, "scorer")
    plain = [
        {name: value for name, value in one.options.items() if name not in PASSED["scorer"]}
        for one in (scorer, built.model)
    ]
    if type(scorer) is not type(built.model) or plain[0] != plain[1]:
        differing = ", ".join(sorted(name for name in plain[1] if plain[0].get(name) != plain[1][name]))
        raise ConfigError(
            f"start: expected the scorer of {run}, {type(scorer).__name__}, with its options; got "
            f"{type(built.model).__name__} with {differing or 'others'}. Leave its options out."
        )
    return replace(built, model=scorer)
