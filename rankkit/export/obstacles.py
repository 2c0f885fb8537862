"""refuse_together(): all that a target cannot express in one message, since mended one by one each costs a training."""

from collections.abc import Callable

from rankkit.errors import ExportError


class _SeveralError(ExportError):
    """Several things that a target cannot express.

    Args:
        where: The target.
        lines: What it refuses, a line each.
    """

    def __init__(self, where: str, lines: list[str]) -> None:
        self.lines = lines
        numbered = "".join(f"\n{place}. {line}" for place, line in enumerate(lines, start=1))
        super().__init__(
            f"{where}: expected what {where} can express; got {len(lines)} things that it cannot. Mend each of them:"
            f"{numbered}"
        )

    def __reduce__(self) -> tuple[type[ExportError], tuple[str]]:  # pickle would call __init__ with the text
        return ExportError, (str(self),)


def refuse_together(where: str, *checks: Callable[[], object]) -> None:
    """Make every check, and refuse in one message what all of them refuse.

    Raises:
        ExportError: As the one check that refuses, or with a line for each.

    >>> def refuse(): raise ExportError("solr: expected this; got that. Mend it.")
    >>> try:
    ...     refuse_together("solr", refuse, lambda: refuse_together("solr", refuse, refuse))
    ... except ExportError as error:
    ...     print(error)
    solr: expected what solr can express; got 3 things that it cannot. Mend each of them:
    1. expected this; got that. Mend it.
    2. expected this; got that. Mend it.
    3. expected this; got that. Mend it.
    """
    refused: list[ExportError] = []
    for check in checks:
        try:
            check()
        except ExportError as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    lines: list[str] = []
    for one in refused:
        lines += one.lines if isinstance(one, _SeveralError) else [str(one).removeprefix(f"{where}: ")]
    if lines:
        raise _SeveralError(where, lines)
