"""Paths that lead nowhere are refused at once, before torch is loaded for what cannot be."""

from pathlib import Path

from rankkit.files.presence import check_data_is_there, check_model_is_there


def refuse_absent(*data: Path | str | None, model: Path | None = None) -> None:
    """Refuse a saved model, or files of data, that are not there; pipes and standard input may come yet.

    Raises:
        BundleError: If there is no model.
        DataError: If there is no file of data.
    """
    from rankkit.loaders.sources import is_stream

    if model is not None:
        check_model_is_there(model)
    for path in data:
        if path is not None and not is_stream(Path(path)):
            check_data_is_there(Path(path))
