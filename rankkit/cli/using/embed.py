"""``rankkit embed``: the embeddings of examples, with their classes and names, in the order in which they were read."""

from pathlib import Path
from typing import Annotated

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.kinds.similarity.reading import (
    EncoderRun,
    Examples,
    InkOption,
    LabelColumn,
    read_examples_for,
    refuse_overwriting,
)
from rankkit.cli.next_step import suggest


def embed(
    run: EncoderRun,
    data: Examples,
    out: Annotated[
        Path,
        typer.Option(
            help="Where to write: .npz (embeddings, labels, class_names, ids), .parquet (id, label, embedding) or .npy "
            "(embeddings only).",
            show_default=False,
        ),
    ],
    label: LabelColumn = "label",
    ink: InkOption = None,
) -> None:
    """Embed examples with a saved encoder."""
    refuse_absent(model=run, out=out)
    from rankkit import bundle
    from rankkit.loaders.examples.embeddings import check_embeddings_target, write_embeddings
    from rankkit.models import encoders

    refuse_overwriting(out, data)
    check_embeddings_target(out)
    encoder = bundle.load_encoder(run)
    examples = read_examples_for(encoder, run, data, label=label, ink=ink)
    embeddings = encoders.embed(encoder, examples.inputs)
    write_embeddings(embeddings, examples, out)
    classes = f"{examples.n_classes:,} class{'es' * (examples.n_classes != 1)}"
    typer.echo(
        f"{out}: {len(embeddings):,} embeddings of {encoder.n_dims} dimensions, {classes}; "
        f"compare them by {encoder.distance.name}"
    )
    suggest("rankkit", "neighbours", run, data)
