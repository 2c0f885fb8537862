"""``rankkit pretrain``: a network learns from documents without labels, before it is trained on few that have some."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import Reading, reads_data
from rankkit.cli.next_step import suggest
from rankkit.cli.training.run_folder import BUSY, interruptible, refuse_run, trained
from rankkit.files.occupied import alone_at_work_in


@reads_data(without={"group_file"})
def pretrain(
    train: Annotated[
        Path,
        typer.Option(
            help="Documents of queries: LETOR text, Parquet, Arrow, CSV, a cache; labels are not looked at.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run: metrics, checkpoint, scorer.", show_default=False)],
    scorer: Annotated[str, typer.Option(help="Name of the scorer: mlp, dcn, attention, tabm.")] = "mlp",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other option, as 'scorer.hidden=[256, 128]', pretraining.epochs=3. Repeatable.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the weights, the batches and the views.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run in --out stopped.")] = False,
    *,
    reading: Reading,
) -> None:
    """Train all layers of a network but the last on documents without labels.

    rankkit train --from goes on with those that have labels; rankkit options pretraining shows what can be set.
    """
    refuse_absent(train)
    from rankkit import bundle
    from rankkit.cli.experiments.config import load_as
    from rankkit.cli.kinds.ranking.pretraining_file import Pretraining
    from rankkit.files.places import check_place
    from rankkit.loaders.parts import check_part, read_parts
    from rankkit.models.building import shown
    from rankkit.tasks.ranking.build import build_scorer
    from rankkit.training.pretraining import COMMAND, METHOD
    from rankkit.training.pretraining import pretrain as run

    check_place(out, "folder")
    data: dict[str, Any] = {"train": str(train)}
    data |= {name: "" if value is None else value for name, value in reading.items()}
    values = {"data": data, "scorer": scorer, "out": str(out), "seed": seed}
    asked = load_as(Pretraining, {}, None, values, settings or [])
    check_part(train)
    if not resume:
        refuse_run(out)
    with interruptible(), alone_at_work_in(out, BUSY):
        documents = read_parts({"train": train}, asked.data.reading)["train"]
        typer.echo(f"train  {documents!r}")
        model = build_scorer(asked.scorer.name, asked.scorer.options, "", documents, seed=asked.seed)
        method = asked.pretraining.get("method", METHOD)
        typer.echo(f"{method} pretrains {shown(model)}\n")
        history = run(model, documents, **asked.pretraining, seed=asked.seed, out=out, resume=resume)
        ran = f"{len(history)} epoch{'' if len(history) == 1 else 's'} in {history.seconds:.1f} s"
        typer.echo(f"{ran}, loss by epoch: {_losses(history)}")
        with trained(out, COMMAND):
            objective = {"name": method, "options": {k: v for k, v in asked.pretraining.items() if k != "method"}}
            bundle.save(model, out, objective=objective, data_fingerprint=documents.fingerprint)
    typer.echo(f"\nSaved in {out}")
    suggest("rankkit", "train", "--from", out, "--train", "LABELLED-DATA", "--out", "RUN")


def _losses(history: Any) -> str:
    """The loss of each epoch, of many the first and the last."""
    losses = [f"{record.loss:.4f}" for record in history.epochs]
    return " ".join(losses if len(losses) <= 6 else [*losses[:3], "...", *losses[-2:]])
