"""``rankkit train --update``: a saved recommender learns new events, and is saved as another run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from rankkit.cli.next_step import suggest
from rankkit.errors import ConfigError


def update_run(run: Path, log: str | None, out: Path | None, seed: int | None, others: Mapping[str, Any]) -> None:
    """Update a recommender with the events of a log; how good it is then only later events can tell.

    Args:
        run: The saved recommender.
        log: The new events: a folder, or a file.
        out: Where to save what comes out.
        seed: Of what is drawn at random.
        others: Options of training that an update has not, those that were given not None.

    Raises:
        ConfigError: If an option is missing or one too many.
    """
    from rankkit import bundle
    from rankkit.cli.training.run_folder import refuse_run
    from rankkit.loaders.interactions.reading import read_interactions
    from rankkit.tasks.recommendation.updating import update

    for name, value in others.items():
        if value:
            raise ConfigError(f"rankkit train --update: expected no {name}, which the run has; got it. Leave it out.")
    if log is None or out is None:
        raise ConfigError("rankkit train --update: expected --log, the new events, and --out; got less. Name both.")
    refuse_run(out)
    model, about = bundle.read(run, "recommender")
    new = read_interactions(log)
    typer.echo(f"new    {new!r}")
    how = update(model, new, seed=seed or 0)
    bundle.save(
        model,
        out,
        metrics=about.get("metrics"),
        data_fingerprint=model.log.fingerprint,
        updated={"weights_sha256": about["weights_sha256"], "n_events": new.n_events},
    )
    typer.echo(f"{model!r}, {how}\n\nSaved in {out}")
    suggest("rankkit", "recommend", out, "--k", "10", "--out", "lists.parquet")
