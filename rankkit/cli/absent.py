"""Paths that lead nowhere are refused at once, before torch is loaded for what cannot be."""

from pathlib import Path
from typing import Literal

from rankkit.files.places import check_place
from rankkit.files.presence import check_data_is_there, check_model_is_there

Kind = Literal["file", "folder", "either"]


def refuse_absent(
    *data: Path | str | None, model: Path | None = None, out: Path | None = None, kind: Kind = "file"
) -> None:
    """Refuse a saved model, or files of data, that are not there; pipes and standard input may come yet.

    Args:
        *data: Files of data.
        model: A saved model.
        out: Where to write, which is looked at first; None: nowhere.
        kind: What will be there.

    Raises:
        BundleError: If there is no model.
        DataError: If there is no file of data.
        DiskError: If nothing can be written there.
    """
    from rankkit.loaders.sources import is_stream

    if out is not None:
        check_place(out, kind)
    if model is not None:
        check_model_is_there(model)
    for path in data:
        if path is not None and not is_stream(Path(path)):
            check_data_is_there(Path(path))
