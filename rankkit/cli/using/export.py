"""``rankkit export``: a trained ranker or encoder as a file or folder for where it serves, and a check of one."""

import os
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import BESIDE, Reading, reads_data, refuse_reading
from rankkit.errors import CompilationWarning, DataWarning

if TYPE_CHECKING:
    from rankkit.export import EncoderManifest, Manifest

NEXT = {
    "onnx": "score with onnxruntime: session.run(['score'], {'features': float32 [n, F]})",
    "onnx lists": "score with onnxruntime: inputs features [lists, docs, F] and mask [lists, docs], output score",
    "onnx strings": "score with onnxruntime: session.run(['score'], inputs), which the manifest lists",
    "torch": "score with torch alone: torch.export.load(path).module()(features)",
    "numpy": "copy the folder and score with numpy alone: from ranker import score",
    "solr": "edit features.json, then PUT it to /solr/CORE/schema/feature-store and model.json to .../model-store",
    "elasticsearch": "edit featureset.json, POST it to _ltr/_featureset/NAME and model.json to .../NAME/_createmodel",
    "opensearch": "edit featureset.json, POST it to _ltr/_featureset/NAME and model.json to .../NAME/_createmodel",
    "vespa": "copy models/ and schemas/ into the application package, and deploy it",
    "triton": "tritonserver --model-repository=FOLDER, then POST to /v2/models/NAME/infer",
    "kserve": "copy the content of models/ to storageUri, then kubectl apply -f inferenceservice.yaml",
}
NEXT_OF_ENCODERS = {
    "onnx": "use onnxruntime: session.run(['OUTPUT'], {'inputs': float32 SHAPE})",
    "torch": "use torch alone: torch.export.load(path).module()(inputs)",
}


@reads_data(known_to="as in training", without={"n_features", *BESIDE})
def export(
    run: Annotated[
        Path | None,
        typer.Argument(help="Folder of a saved ranker or encoder, or file of a tree model.", show_default=False),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="onnx, torch, numpy, solr, elasticsearch, opensearch, vespa, triton or kserve; encoders: onnx, torch.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File or folder to write.", show_default=False)] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help="In place of exporting: verify the files of an artefact and replay its samples.",
            show_default=False,
        ),
    ] = None,
    opset: Annotated[int | None, typer.Option(help="ONNX operator set, 18 to 23.", show_default="18")] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="ONNX with int8 weights, if --data says it ranks as well.")
    ] = False,
    strings: Annotated[
        bool,
        typer.Option(
            "--strings", help="ONNX that takes the columns themselves: text as text, times in seconds, numbers."
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Rows to compare scores on as well; with --int8, labelled. For an encoder, labelled examples.",
            show_default=False,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Option of the target, as name=value; may be repeated.", show_default=False),
    ] = None,
    *,
    reading: Reading,
) -> None:
    """Export a ranker, feature transform included, or an encoder, and prove that it gives the same there.

    Nothing is written unless each score is within 1e-5 * max(1, |score|) of the ranker's and no pair is inverted, or
    each embedding as near to the encoder's, as a share of its largest number.
    """
    from rankkit.errors import ConfigError

    if check is not None:
        if any((run, to, out, opset, int8, strings, data, set_, reading)):
            raise ConfigError(
                "--check: expected it by itself; got a ranker or options to export as well. Run one after the other."
            )
        _check(check)
        return
    missing = [name for name, value in (("RUN", run), ("--to", to), ("--out", out)) if value is None]
    if run is None or to is None or out is None:
        raise ConfigError(f"rankkit export: expected RUN, --to and --out; got no {' and no '.join(missing)}. Add it.")
    options = _options(set_ or [])
    if opset is not None:
        options["opset"] = opset
    if int8:
        options["int8"] = True
    if strings:
        options["strings"] = True
    if data is None:
        refuse_reading("rankkit export without --data", reading)
    if not os.path.lexists(out):  # what is there may be of another kind than the target writes, which is told first
        refuse_absent(model=run, out=out, kind="either")
    _export(run, to, out, data, reading, options)


def _export(run: Path, to: str, out: Path, data: Path | None, reading: Reading, options: dict[str, Any]) -> None:
    from rankkit import export as exporting
    from rankkit.export.checking import find_artefact

    with _own_warnings_alone():
        rows = None if data is None else lambda: _read(run, data, reading)
        manifest = exporting.export(run, to, out, data=rows, **options)
    # Both kinds of target have the suffix: what a ranker is exported to as one file, an encoder is as well.
    single = exporting.find_target(to).suffix is not None
    artefact = find_artefact(out if not single or out.is_file() else out / next(iter(manifest.files)))
    _show(manifest, artefact)


@contextmanager
def _own_warnings_alone() -> Iterator[None]:
    """Say what rankkit warns of, of the data as well as of the target, and nothing of what it exports with."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            own = [warning for warning in told if issubclass(warning.category, DataWarning | CompilationWarning)]
            others = [warning for warning in told if warning.category is UserWarning]
    for warning in own:  # said again, where the command line hears it
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    for text in dict.fromkeys(str(warning.message) for warning in others):
        typer.echo(f"rankkit: warning: {text}", err=True)


def _read(run: Path, data: Path, reading: Reading) -> Any:
    """What ``--data`` names: rows for a ranker, labelled examples for an encoder."""
    from rankkit import bundle
    from rankkit.cli.kinds.commands import commands_of
    from rankkit.tasks.known import task_of_model

    model, about = bundle.read(run)
    return commands_of(task_of_model(bundle.kind_of(about))).rows(run, model, data, reading)


def _show(manifest: "Manifest | EncoderManifest", artefact: Path) -> None:
    from rankkit.export import EncoderManifest
    from rankkit.export.artefacts.manifest import manifest_path

    rows = _rows_of_encoder(manifest) if isinstance(manifest, EncoderManifest) else _rows(manifest)
    files = [artefact] if artefact.is_file() else [artefact / name for name in manifest.files]
    advice = rows.pop("next", None)
    shown = {
        "target": manifest.target,
        "artefact": str(artefact),
        "manifest": str(manifest_path(artefact)),
        "size": _size(sum(path.stat().st_size for path in files)),
        **rows,
        "check": f"rankkit export --check {shlex.quote(str(artefact))}",
    }
    if advice is not None:
        shown["next"] = advice
    width = max(map(len, shown))
    for name, value in shown.items():
        typer.echo(f"{name:<{width}}  {value}")


def _rows(manifest: "Manifest") -> dict[str, str]:
    from rankkit.data.columns.schema import Schema

    parity = manifest.parity
    rows = {"features": f"{manifest.n_features}, {_missing(manifest)}"}
    if manifest.schema is not None:
        schema = Schema.from_dict(manifest.schema)
        rows["columns"] = f"{schema.summary}; RowEncoder makes features of them, by the schema of the manifest"
    if manifest.inputs:
        hashed = [one["name"] for one in manifest.inputs if "RowEncoder" in one["holds"]]
        rows["columns"] = f"{schema.summary}, each an input" + (
            f"; RowEncoder makes the numbers of {', '.join(hashed)}" if hashed else ""
        )
    if parity is not None:
        rows["compared on"] = f"{parity.n_docs:,} documents"
        rows["max difference"] = f"{parity.max_difference:.2g}"
        rows["inversions"] = f"{parity.inversions:,}"
    if manifest.metric_drop is not None:
        drop = manifest.metric_drop
        rows[drop["metric"]] = f"{drop['before']:.4f} before, {drop['after']:.4f} in int8"
    if manifest.score_map is not None:
        rows["scores there"] = f"in the same order, {manifest.score_map.formula()}"
    key = f"{manifest.target} lists" if manifest.listwise else manifest.target
    key = f"{manifest.target} strings" if manifest.inputs else key
    advice = NEXT.get(key, NEXT.get(manifest.target))
    if advice is not None:
        rows["next"] = advice
    return rows


def _rows_of_encoder(manifest: "EncoderManifest") -> dict[str, str]:
    parity, distance = manifest.parity, manifest.distance
    shape = f"[n, {', '.join(map(str, manifest.input_shape))}]"
    rows = {
        "inputs": shape,
        manifest.output_name: f"[n, {manifest.n_dims}], {manifest.output}",
    }
    if distance is not None:
        where = "not in the file" + (", its weights are in the manifest" if distance.weights else "")
        rows["distance"] = f"{distance.name}, {distance.nearer} is nearer; {where}"
    if parity is not None:
        rows["compared on"] = f"{parity.n_inputs:,} inputs"
        rows["max difference"] = f"{parity.max_difference:.2g}"
    rows["next"] = NEXT_OF_ENCODERS[manifest.target].replace("SHAPE", shape).replace("OUTPUT", manifest.output_name)
    return rows


def _missing(manifest: "Manifest") -> str:
    default = manifest.features[0].missing_default
    return "NaN is a missing value" if default is None else f"a missing one counts as {default:g}"


def _check(path: Path) -> None:
    from rankkit import export as exporting

    parity = exporting.check(path)
    typer.echo(f"{path}: files are as exported; {parity}")


def _options(settings: list[str]) -> dict[str, Any]:
    """``name=value``: numbers, true and false as JSON has them, anything else as text."""
    import json

    from rankkit.errors import ConfigError

    options: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.isidentifier() or name in ("data", "source", "to", "out"):
            raise ConfigError(f"--set: expected an option of the target, as name=value; got {setting!r}. Mend it.")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.1f} kB"
