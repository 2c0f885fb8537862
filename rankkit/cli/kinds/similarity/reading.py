"""Examples read in the form that a saved encoder takes: its size and channels, and the ink that training noted."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rankkit.data.labelled_examples import LabelledExamples
    from rankkit.models.encoders.encoder import Encoder

Examples = Annotated[
    Path,
    typer.Argument(
        help="Class folders of images, .zip or .tar.gz of such, .npz, Parquet, idx file; or digits or glyphs.",
        show_default=False,
    ),
]
EncoderRun = Annotated[Path, typer.Argument(help="Folder of a saved encoder.", show_default=False)]
LabelColumn = Annotated[str, typer.Option(help="Class column of a Parquet file.")]
InkOption = Annotated[
    Literal["light", "dark"] | None,
    typer.Option(
        metavar="light|dark",
        help="Of image files: dark turns brightness round, for dark strokes on white.",
        show_default="as in training",
    ),
]


def read_examples_for(
    encoder: "Encoder", run: Path, path: Path, *, label: str = "label", ink: Literal["light", "dark"] | None = None
) -> "LabelledExamples":
    """Read examples for an encoder: images in its height, width and channels, everything else as it is.

    Args:
        encoder: What is to embed them.
        run: Its folder; ``about.ink`` of its ``model.json`` is the ink where none is given.
        path: As in :func:`rankkit.loaders.examples.files.read_labelled`.
        label: The class column of a Parquet file.
        ink: "light" or "dark", or None for that of training.
    """
    from rankkit.bundle.model_json import read_model_json
    from rankkit.errors import ShapeError
    from rankkit.loaders.examples.files import read_labelled, takes_form

    options: dict[str, Any] = {} if ink is None else {"ink": ink}
    if takes_form(path):
        shape = encoder.input_shape or ()
        if len(shape) == 3:
            options |= {"size": shape[1:], "colour": shape[0] == 3}
        about = read_model_json(run).get("about")
        noted = about.get("ink") if isinstance(about, dict) else None
        if ink is None and noted in ("light", "dark"):
            options["ink"] = noted
    examples = read_labelled(path, label=label, **options)
    if encoder.input_shape is not None and examples.input_shape != tuple(encoder.input_shape):
        raise ShapeError(
            f"{path}: expected inputs {_by(encoder.input_shape)}, as {run} was trained on; got "
            f"{_by(examples.input_shape)}. Pass image files, which are brought to size, or arrays of that shape."
        )
    return examples


def _by(shape: Iterable[int]) -> str:
    return f"[{' x '.join(map(str, shape))}]"


def refuse_overwriting(out: Path, *data: Path | None) -> None:
    """Refuse an --out that is one of the files read.

    Raises:
        ConfigError: If it is.
    """
    from rankkit.errors import ConfigError

    for path in data:
        if path is not None and out.resolve() == path.resolve():
            raise ConfigError(
                f"--out: expected another file than the data; got {str(out)!r} for both. Choose another name."
            )
