"""LETOR / SVMlight text with qids: ``<label> qid:<id> <feature>:<value> ... # comment``."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.cache.folder import Remarks, write_array
from rankkit.loaders.cache.reading import cached
from rankkit.loaders.letor.beside import SideFiles, beginning_of, side_files
from rankkit.loaders.sources import Readable, as_file, refuse_cache
from rankkit.numbers import is_whole
from rankkit.remarks import say

if TYPE_CHECKING:
    from rankkit.loaders.letor.lines import Layout
    from rankkit.loaders.letor.reader import Reader

Missing = Literal["keep", "error"]
Labels = Literal["grades", "any"]
OnBadLine = Literal["error", "skip"]


def read_letor(
    path: Readable,
    *,
    n_features: int | None = None,
    features: Sequence[int] | None = None,
    drop: Sequence[int] | None = None,
    zero_based: bool | None = None,
    group_file: str | os.PathLike[str] | None = None,
    regroup: bool = False,
    missing: Missing = "keep",
    labels: Labels = "any",
    on_bad_line: OnBadLine = "error",
    doc_ids: bool = True,
    n_threads: int | None = None,
    cache: bool | str | os.PathLike[str] = False,
) -> RankingDataset:
    r"""Read LETOR / SVMlight text: one document a line, ``<label> qid:<id> <feature>:<value> ...``.

    The file is plain or compressed: gzip, bzip2, xz or zstd, known by its first bytes.

    Values are exactly ``numpy.float32(float(text))``; features that a line leaves out are 0. Blank lines and lines
    that begin with ``#`` are skipped. A comment behind the features names the document: of
    ``#docid = GX000-00 inc = 1 prob = 0.5`` the id, of any other comment its text. What is allowed but unusual
    (missing values, features out of order, rows without features, a byte order mark, a last line cut short) is
    reported in one warning a kind. Weights of the rows in ``train.txt.weight``, as LightGBM has them, are read along,
    which a warning says too. Lines that all begin with ``qid:`` are documents without labels, to be scored.

    The loops are compiled on the first call on a machine, which takes some seconds, is said through the logger
    "rankkit", and is kept on disk.

    Args:
        path: The file; ``"-"``, a pipe, bytes or an open file as in :func:`rankkit.read`.
        n_features: Number of columns, for files that lack the last features in every row; a larger index is an error.
            Without it, the largest index of the file.
        features: The indices, as the file has them, of the features to read, one a column; None for all. The values of
            others are passed over, so that a sparse file with many columns takes little memory.
        drop: The indices, as the file has them, of features to leave out of those that are read; None for none.
        zero_based: Whether the first feature has index 0, not 1; None: as a comment above the rows says, such as
            scikit-learn's "# Column indices are zero-based", or else 1.
        group_file: A file with the number of rows of each query, one a line, for rows without ``qid:`` (LightGBM's
            ``.query`` and XGBoost's ``.group`` files). The queries are numbered from 1. None: ``train.txt.query`` or
            the like beside the file, if there is one and the rows have no qid, which a warning says.
        regroup: Bring the rows of a qid that comes back after another one together; ``rows`` of the result then holds
            the order. Without it that is an error.
        missing: What to do with the values ``NULL`` and ``nan``: keep them as NaN, or raise an error.
        labels: What labels may be: any finite number from 0 on, as in every other format, or grades (whole numbers
            from 0 to 31), so that a shifted column is found.
        on_bad_line: What to do with a row that cannot be read: raise an error; or leave it out, with one warning that
            counts such rows and names the first five. What touches other rows too is an error either way: a missing
            or misplaced qid, a qid that comes back, text that is no UTF-8, features that begin with index 0.
        doc_ids: Read the comments.
        n_threads: Threads that parse; the default is one for each processor that this process may use.
        cache: True to keep the arrays in a folder beside the file (``train.txt.rkcache``); or the folder in which to
            keep such folders; or one with a name that ends in .rkcache. From then on they are opened from there,
            memory-mapped and read-only, until the file changes.

    Returns:
        The documents; qids are int64 where all of them are plain integers, else str.

    Raises:
        DataError: For a file or a line that is not as expected; the message names file, line, column and text.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "train.txt")
        ...     _ = path.write_text("2 qid:1 1:0.5 2:3 # a\n0 qid:1 2:1e-3 # b\n")
        ...     data = read_letor(path)
        >>> data
        RankingDataset(1 query, 2 docs, 2 features, labels 0..2)
        >>> data.features.tolist()[0], data.doc_ids.tolist()
        ([0.5, 3.0], ['a', 'b'])

    References:
        T. Joachims, SVM-light, https://www.cs.cornell.edu/people/tj/svm_light/; T. Qin and T.-Y. Liu, Introducing
        LETOR 4.0 Datasets, arXiv:1306.2597, 2013.
    """
    request = Request(
        n_features=n_features,
        features=_indices("features", features),
        drop=_indices("drop", drop),
        zero_based=zero_based,
        group_file=None if group_file is None else os.fspath(group_file),
        regroup=regroup,
        missing=missing,
        labels=labels,
        on_bad_line=on_bad_line,
        doc_ids=doc_ids,
    )
    check_request(request, n_threads)
    refuse_cache(path, cache)
    with as_file(path, ".txt") as file:
        settled = settle(file, request)
        return _read(file, settled, n_threads or n_processors(), cache)


def _read(path: Path, request: "Request", n_threads: int, cache: bool | str | os.PathLike[str]) -> RankingDataset:
    if cache is not False:
        files = (request.group_file, request.weight_file)
        also = [Path(file) for file in files if file is not None]
        return cached(path, request.options, lambda to: _build_cache(to, path, request, n_threads), cache, also=also)
    # Here and not above, so that numba is loaded only where a file is read.
    from rankkit.loaders.letor.assembly import assemble, findings

    reader = _parse(path, request, n_threads, lambda reader: reader.read())
    data = assemble(reader, request.regroup, request.beside)
    remarks = (*request.notes, *findings(reader, are_named=request.drop is None))
    for remark in remarks:
        say(f"{path}: {remark}")
    return replace(data, remarks=remarks)


@dataclass(frozen=True)
class Request:
    """The keywords of :func:`read_letor` that change what comes out."""

    n_features: int | None = None
    features: tuple[int, ...] | None = None
    drop: tuple[int, ...] | None = None
    zero_based: bool | None = None
    group_file: str | None = None
    weight_file: str | None = None
    regroup: bool = False
    missing: Missing = "keep"
    labels: Labels = "any"
    on_bad_line: OnBadLine = "error"
    doc_ids: bool = True
    has_labels: bool = True
    notes: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """Those that are not as by default."""
        values = {
            field.name: (getattr(self, field.name), field.default)
            for field in fields(self)
            if field.name not in ("has_labels", "notes")  # which the file itself says, or other options
        }
        return {name: value for name, (value, default) in values.items() if value != default}

    @property
    def is_declared(self) -> bool:
        """Whether the features are known before the file is read: as many, these, or all but these."""
        return any(given is not None for given in (self.n_features, self.features, self.drop))

    @property
    def base(self) -> int:
        """The index of the first feature."""
        return 0 if self.zero_based else 1

    @property
    def beside(self) -> SideFiles:
        """The files that are read along."""
        return SideFiles(
            None if self.group_file is None else Path(self.group_file),
            None if self.weight_file is None else Path(self.weight_file),
        )


def settle(path: Path, request: Request, *, with_weights: bool = True) -> Request:
    """What the file itself and the files beside it say, where it was not asked for.

    Raises:
        ConfigError: If that does not go with what was asked for.
    """
    begins = beginning_of(path)
    beside = side_files(path, request.beside.group_file, begins.has_qids, with_weights=with_weights)
    zero_based = begins.is_zero_based if request.zero_based is None else request.zero_based
    settled = replace(
        request,
        zero_based=zero_based or None,
        group_file=None if beside.group_file is None else str(beside.group_file),
        weight_file=None if beside.weight_file is None else str(beside.weight_file),
        has_labels=begins.has_labels,
        notes=beside.notes,
    )
    file = settled.group_file or settled.weight_file
    if file is not None and request.on_bad_line == "skip":
        raise ConfigError(
            f"{path}: expected on_bad_line='error' with {file}, which counts all rows; got 'skip'. Correct the rows."
        )
    if settled.features is not None:
        _check_features(settled.features, settled)
    return settled


def _without_dropped(path: Path, request: Request) -> Request:
    """The request with the features that are left as the chosen ones, so that no others are parsed or kept.

    Raises:
        ConfigError: If one to drop is not there, or none would be left.
        DataError: If there are more features than were asked for.
    """
    if request.drop is None:
        return request
    dropped, base = set(request.drop), request.base
    indices = request.features or tuple(range(base, base + _exact_width(path, request)))
    absent = [index for index in request.drop if index not in indices]
    if absent or set(indices) <= dropped:
        got = f"{absent[0]}, which is not among them" if absent else "all of them"
        raise ConfigError(
            f"{path}: expected to drop some of the features {_span(indices)}; got {got}. Name others, or fewer."
        )
    return replace(request, features=tuple(index for index in indices if index not in dropped), n_features=None)


def _exact_width(path: Path, request: Request) -> int:
    """How many features there are, of which none has an index behind those that were asked for."""
    from rankkit.loaders.letor.survey import exact_width, largest_index

    if request.n_features is None:
        return exact_width(path, request.base)
    largest, line = largest_index(path)
    last = request.n_features - 1 + request.base
    if largest > last:
        raise DataError(
            f"{path}:{line}: expected feature indices up to {last}, as many as are asked for; got {largest}. "
            "Correct the row, or pass n_features= of the largest index."
        )
    return request.n_features


def _span(indices: tuple[int, ...]) -> str:
    is_run = indices == tuple(range(indices[0], indices[0] + len(indices)))
    return f"{indices[0]} to {indices[-1]}" if is_run else ", ".join(map(str, indices))


def _indices(name: str, given: Sequence[int] | None) -> tuple[int, ...] | None:
    """Indices of features as plain numbers, or ConfigError where one is none."""
    if given is None:
        return None
    if not all(is_whole(index) for index in given):
        raise ConfigError(f"read_letor: expected {name} as whole numbers; got {given!r}. Pass them as in [1, 3].")
    return tuple(int(index) for index in given)


def check_request(request: Request, n_threads: int | None) -> None:
    """Raise ConfigError for keywords that cannot work."""
    for name, number in (("n_features", request.n_features), ("n_threads", n_threads)):
        if number is not None and not (is_whole(number) and number >= 1):
            raise ConfigError(
                f"read_letor: expected {name} of 1 or more; got {number!r}. Pass a positive whole number or None."
            )
    if request.zero_based not in (None, True, False):
        raise ConfigError(
            f"read_letor: expected zero_based=True, False or None; got {request.zero_based!r}. Pass one of the three."
        )
    choices = (
        ("missing", request.missing, get_args(Missing)),
        ("labels", request.labels, get_args(Labels)),
        ("on_bad_line", request.on_bad_line, get_args(OnBadLine)),
    )
    for name, value, (first, second) in choices:
        if value not in (first, second):
            raise ConfigError(
                f"read_letor: expected {name}={first!r} or {second!r}; got {value!r}. Pass one of the two."
            )


def _check_features(features: tuple[int, ...], request: Request) -> None:
    base = request.base
    if not features or min(features) < base or len(set(features)) < len(features):
        raise ConfigError(
            f"read_letor: expected features as different indices from {base} on; got {list(features)}. "
            "Pass the indices as they stand in the file."
        )
    from rankkit.loaders.letor.kernels import MAX_INDEX

    if max(features) >= MAX_INDEX:
        raise ConfigError(
            f"read_letor: expected features of indices below {MAX_INDEX:,}; got {max(features)}. "
            "Renumber the features of the file."
        )
    if request.n_features is not None:
        raise ConfigError(
            f"read_letor: expected n_features or features; got both, {request.n_features} and {list(features)}. "
            "Pass features alone: the width is their number."
        )


def _parse(path: Path, request: Request, n_threads: int, read: "Callable[[Reader], None]") -> "Reader":
    """A reader that has read the file."""
    from rankkit.loaders.letor.lines import announced_compilation
    from rankkit.loaders.letor.reader import Reader, WiderError
    from rankkit.loaders.letor.survey import exact_width

    with announced_compilation():
        reader = new_reader(path, request, n_threads)
        try:
            read(reader)
        except WiderError:  # the file looked dense, but features with larger indices come behind its first lines
            layout = reader.options.layout
            layout = replace(layout, width=exact_width(path, layout.base))
            reader = Reader(replace(reader.options, layout=layout, is_declared=True))
            read(reader)
    check_rows(reader, is_declared=request.is_declared)
    return reader


def new_reader(path: Path, request: Request, n_threads: int) -> "Reader":
    """A reader that has not begun; its width is a guess unless the request declares it."""
    from rankkit.loaders.letor.reader import Options, Reader
    from rankkit.loaders.letor.survey import guess_width

    request = _without_dropped(path, request)
    width = request.n_features or len(request.features or ()) or guess_width(path, request.base)
    layout = _layout(path, request, width)
    return Reader(Options(path, layout, n_threads, request.is_declared, request.on_bad_line == "skip"))


def check_rows(reader: "Reader", is_declared: bool) -> None:
    """Raise DataError if a reader that has read a file found no rows, or no features where none are declared."""
    from rankkit.loaders.letor.assembly import first_skipped

    path, n_rows = reader.options.path, sum(part.n_rows for part in reader.parts)
    if n_rows == 0:
        skipped = first_skipped(reader.parts)
        found = f"none that can be read: {skipped}" if skipped else "none. Check the file."
        raise DataError(f"{path}: expected rows '<label> qid:<id> <feature>:<value> ...'; got {found}")
    if not is_declared and not any(part.has_features for part in reader.parts):
        raise DataError(f"{path}: expected features; got {n_rows:,} rows without any. Pass n_features if so meant.")


def _layout(path: Path, request: Request, width: int) -> "Layout":
    from rankkit.loaders.letor import kernels
    from rankkit.loaders.letor.lines import Layout

    form = 0 if request.group_file is None else kernels.WITHOUT_QID
    if request.group_file is None and not request.has_labels:
        form = kernels.WITHOUT_LABEL
    return Layout(
        form=form
        | (kernels.ANY_LABEL if request.labels == "any" else 0)
        | (kernels.WITHOUT_MISSING if request.missing == "error" else 0),
        base=request.base,
        width=width,
        chosen=request.features,
        keep_doc_ids=request.doc_ids,
    )


def _build_cache(folder: Path, path: Path, request: Request, n_threads: int) -> Remarks:
    from rankkit.loaders.letor.assembly import feature_names, findings, group, row_weights
    from rankkit.loaders.letor.cache import CacheStream

    stream = CacheStream(folder)
    reader = _parse(path, request, n_threads, stream.read)
    offsets, qids, rows = group(reader, request.regroup, request.beside.group_file)
    stream.finish(offsets, qids, rows)
    weights = row_weights(reader, request.beside.weight_file, rows)
    if weights is not None:
        write_array(folder / "weights.npy", weights)
    return Remarks(
        feature_names=feature_names(reader),
        warnings=(*request.notes, *findings(reader, are_named=request.drop is None)),
        weights_per=None if weights is None else "doc",
    )


def n_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
