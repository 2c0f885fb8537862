"""``rankkit split``: training, validation and test data: of rankers from one file, of recommenders from a log."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import Reading, reads_data, refuse_reading
from rankkit.cli.next_step import suggest
from rankkit.numbers import how_many

if TYPE_CHECKING:
    from rankkit.data.ranking_dataset import RankingDataset

_PARTS = ("train", "vali", "test")
_TAKEN = "{target}: expected no such file yet; got one. Choose another --out, or delete it."


@reads_data()
def split(
    source: Annotated[
        Path, typer.Argument(help="Ranking data of any format, or the folder of a log.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for train, vali and test.", show_default="of a log split, in its folder"),
    ] = None,
    fractions: Annotated[
        tuple[float, float, float] | None,
        typer.Option(
            help="Shares of the queries for train, vali and test; 0 leaves the part out.", show_default="0.8 0.1 0.1"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal data, fractions and seed give equal parts.")] = 0,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="time|leave-last|ratio",
            help="Of a log: all events in order of time, the last of each user, or a share of each user.",
            show_default="time",
        ),
    ] = None,
    test: Annotated[
        float | None, typer.Option(help="Of a log: share of the events of the test part.", show_default="0.2")
    ] = None,
    valid: Annotated[
        float | None,
        typer.Option(help="Of a log: share of the validation part; 0 leaves it out.", show_default="0.1"),
    ] = None,
    leave_last: Annotated[
        int | None, typer.Option(min=1, metavar="COUNT", help="Of a log: so many events of each user in a part.")
    ] = None,
    ratio: Annotated[bool, typer.Option("--ratio", help="Of a log: as --by ratio.")] = False,
    random: Annotated[
        bool, typer.Option("--random", help="With --ratio: at random, which learns from the future.")
    ] = False,
    by_time: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="In order of this column of dates or numbers: no query of train is later than one of test.",
        ),
    ] = None,
    suffix: Annotated[
        str | None,
        typer.Option(help="Ending of the names of the parts, which says their format.", show_default="as the source"),
    ] = None,
    *,
    reading: Reading,
) -> None:
    """Deal the queries of a file out, every query with all its documents; or split a log, and say what that means.

    What is there is never replaced; parts that the same command wrote before it was cut off are taken as they are.
    """
    refuse_absent(source)
    from rankkit.cli.data.log_split import split_log
    from rankkit.data import views
    from rankkit.errors import ConfigError
    from rankkit.files.places import check_place
    from rankkit.loaders.files import check_target, column_names, read
    from rankkit.loaders.formats import check_is_there
    from rankkit.loaders.interactions.folders import is_log

    of_logs = {"by": by, "test": test, "valid": valid, "leave_last": leave_last}
    if is_log(source):
        refuse_reading(f"{source}, a log", reading)
        _refuse(f"{source}, a log", {"--fractions": fractions, "--by-time": by_time, "--suffix": suffix})
        split_log(source, out, {**of_logs, "ratio": ratio, "random": random}, seed)
        return
    said = {f"--{name.replace('_', '-')}": value for name, value in of_logs.items()}
    _refuse(f"{source}, ranking data", {**said, "--ratio": ratio or None, "--random": random or None})
    if out is None:
        raise ConfigError("rankkit split: expected --out, a folder for the parts; got none. Name one.")
    fractions = fractions or (0.8, 0.1, 0.1)
    check_place(out, "folder")
    check_is_there(source)
    ending = _ending(source) if suffix is None else suffix
    targets = {out / f"{part}{ending}": share for part, share in zip(_PARTS, fractions, strict=True) if share != 0}
    if not ending:
        raise ConfigError(f"{source}: expected a name with an extension; got none. Pass --suffix, such as .txt.")
    views.check_shares(list(targets.values()))
    for target in targets:
        check_target(target)
    there = [target for target in targets if target.exists()]
    if len(there) == len(targets) or any(target.resolve() == source.resolve() for target in there):
        raise ConfigError(_TAKEN.format(target=there[0]))
    if by_time is not None and column_names(source) is not None:
        reading = {"time": by_time, **reading}
    parts = views.split(read(source, **reading), list(targets.values()), seed=seed, by=by_time)
    for target, part in zip(targets, parts, strict=True):
        _write(part, target)
        typer.echo(f"{target}: {how_many(part.n_docs, 'row')} of {how_many(part.n_queries, 'query')}")
    options = {"train": "--train", "vali": "--valid", "test": "--test"}
    files = [word for target in targets for word in (options[target.name.split(".")[0]], target)]
    suggest("rankkit", "train", *files, "--out", "runs/first")


def _refuse(where: str, others: dict[str, Any]) -> None:
    from rankkit.errors import ConfigError

    for option, value in others.items():
        if value is not None:
            raise ConfigError(f"{where}: expected no {option}, which is of other data; got it. Leave it out.")


def _write(part: "RankingDataset", target: Path) -> None:
    """Write a part, unless a run that was cut off has written it already.

    Raises:
        ConfigError: If another file is there.
    """
    from rankkit.errors import ConfigError
    from rankkit.files.atomic import beside
    from rankkit.files.disk import writing
    from rankkit.loaders.files import write

    if not target.exists():
        write(part, target)
        return
    with beside(target.with_name("split")) as folder, writing(target, at=folder):
        folder.mkdir()
        again = folder / target.name
        write(part, again)
        if not _is_same(again, target):
            raise ConfigError(_TAKEN.format(target=target))


def _is_same(one: Path, other: Path) -> bool:
    """Whether two parts are the same, byte for byte; of two caches, whether they hold the same data."""
    import filecmp

    from rankkit.errors import DataError
    from rankkit.loaders.cache.reading import read_cache

    if one.is_file():
        return other.is_file() and filecmp.cmp(one, other, shallow=False)
    try:
        return read_cache(one).fingerprint == read_cache(other).fingerprint
    except DataError:
        return False


def _ending(source: Path) -> str:
    """The format of the source as an ending; names such as "fold.train" would make a part "test.train"."""
    from rankkit.loaders.compression import SUFFIXES

    packed = source.suffix if source.suffix in SUFFIXES else ""
    kind = Path(source.name.removesuffix(packed)).suffix
    return (".txt" if kind in (".train", ".vali", ".valid", ".test") else kind) + packed
