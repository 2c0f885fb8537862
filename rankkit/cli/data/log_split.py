"""``rankkit split`` of a log: what is learnt from, chosen on and reported, and what that split means."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from rankkit.cli.next_step import suggest
from rankkit.errors import ConfigError


def split_log(source: Path, out: Path | None, asked: Mapping[str, Any], seed: int) -> None:
    """Split a log, print the audit, and write the parts.

    Args:
        source: Folder of the log.
        out: Of the split; None: in the folder of the log, where training looks for it.
        asked: by, test, valid, leave_last and ratio, as the command has them; None where one was left out.
        seed: Of a random order.

    Raises:
        ConfigError: If options do not go together.
        DataError: If a part would be empty.
    """
    from rankkit.data.interactions import audit_split
    from rankkit.loaders.interactions.folders import SPLIT_FOLDER, SPLIT_NAMES, check_free, write_split
    from rankkit.tasks.recommendation.splits import LogSource, splits_of

    place = source / SPLIT_FOLDER if out is None else out
    check_free(place, SPLIT_NAMES)
    by = _rule(asked)
    source_of = LogSource(
        str(source),
        by=by,  # type: ignore[arg-type]
        valid=asked["valid"],
        test=asked["test"],
        n=asked["leave_last"],
        order="random" if asked["random"] else "time",
        split_seed=seed,
    )
    splits = splits_of(source_of)
    write_split(splits, place, **source_of.reading)
    typer.echo(str(audit_split(splits)))
    for remark in splits.remarks:
        typer.echo(f"remark: {remark}")
    typer.echo(f"Written to {place}")
    suggest(
        "rankkit", "train", "--log", source if out is None else place, "--recommender", "ease", "--out", "runs/ease"
    )


def _rule(asked: Mapping[str, Any]) -> str:
    """By what it is split; by time where nothing says it."""
    by = None if asked["by"] is None else str(asked["by"]).replace("-", "_")
    said = {"--by": by, "--leave-last": asked["leave_last"] and "leave_last", "--ratio": asked["ratio"] and "ratio"}
    rules = {rule for rule in said.values() if rule}
    if len(rules) > 1:
        named = " and ".join(option for option, rule in said.items() if rule)
        raise ConfigError(f"split: expected one rule; got {named}. Leave one out.")
    rule = rules.pop() if rules else "time"
    if rule not in ("time", "leave_last", "ratio"):
        raise ConfigError(f"--by: expected time, leave-last or ratio; got {asked['by']!r}. Pass one of them.")
    if asked["random"] and rule != "ratio":
        raise ConfigError(f"--random: expected it with --ratio alone; got {rule}. Leave it out.")
    return rule
