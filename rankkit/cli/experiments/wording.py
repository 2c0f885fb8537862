"""Messages of the library in the words of the command line: what Python calls a keyword is an option of the command.

An error names what to change as Python has it (``pass qid=``). Here it becomes what the command that was typed has: its
own option (``--qid``) or a key behind ``--set``. Where it has neither, the other of two things to do is left.
"""

import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from rankkit.cli.experiments.keys import ENCODER_TRAINING, READING, TRAINING
from rankkit.errors import CompilationWarning, ConfigError, DataWarning, RankkitError

_QUOTED = r"'[^']*'|\"[^\"]*\""
_VALUE = rf"\[[^\]]*\]|{_QUOTED}|[^\s,;()]*[^\s,;().]"
# One of two things to do, where a command may have no option for it.
_FIRST = re.compile(rf"\bPass (?P<keyword>[a-z][a-z_]*)=(?:{_VALUE})?, or (?P<other>\w)")
_SECOND = re.compile(rf", or pass (?P<keyword>[a-z][a-z_]*)=(?:{_VALUE})?[^.;]*(?=\.)")
# What is quoted came from the user and stays as it is; a value that ends a sentence leaves the full stop to it.
# Parts of paths and of addresses such as training.epochs=2 are no keywords; what stands in a call is Python.
_CALL = r"\w\([^()]*\)"
_WORDS = re.compile(rf"(?<![\w./\\-])(?P<keyword>[a-z][a-z_]*)=(?P<value>{_VALUE})?|{_QUOTED}|{_CALL}")
# Where a sentence ends outside quotes, and the next one begins.
_SENTENCE = re.compile(rf"(?:{_QUOTED}|.)*?\. (?=[A-Z])", re.DOTALL)
_PLACE = re.compile(r"\S[^:]*: ")
# What a function is called, which says nothing to somebody who called none.
_PLACES = {"fit: ": "training: ", "fit_encoder: ": "training: ", "read_letor: ": "data: "}
# Functions that are commands here.
_CALLS = {
    "Read it with rankkit.read_interactions(path)": "Give it to rankkit split or rankkit train --log",
    "rankkit.predict()": "rankkit score",
    "rankkit.read_folds()": "rankkit train --folds",
}
# Arguments of rankkit.fit and rankkit.read as sections of an experiment file have them.
_SECTIONS = {"data": READING, "training": (*TRAINING, *ENCODER_TRAINING)}
_TOML = {"True": "true", "False": "false", "None": "''"}
_KEYS = {name: f"{section}.{name}" for section, names in _SECTIONS.items() for name in names}


def in_words_of(options: Mapping[str, tuple[str, ...]], text: str) -> str:
    """A message with the options of a command in place of keywords.

    Args:
        options: What the command calls each of its arguments; of a flag also what turns it off.
        text: The message.

    >>> in_words_of({"qid": ("--qid",), "regroup": ("--regroup",)}, "d.csv: ... Pass qid= or regroup=True.")
    'd.csv: ... Pass --qid or --regroup.'
    >>> in_words_of({"settings": ("--set",)}, "fit: ... Pass features=[...], not features.")
    'training: ... Pass --set data.features=VALUE, not features.'
    >>> in_words_of({}, "ndcg: ... Pass gain='linear', or make grades of the labels.")
    'ndcg: ... Make grades of the labels.'
    """

    def is_known(name: str) -> bool:
        return name in options or ("settings" in options and name in _KEYS)

    def option_of(match: re.Match[str]) -> str:
        name, value = match["keyword"], match["value"]
        if name is None:
            return match[0]
        words = options.get(name)
        if words is not None:
            return _typed(words, value)
        if not is_known(name):
            return match[0]
        shown = "VALUE" if value is None or "..." in value else _TOML.get(value, value)
        return f"{'--set ' if name in _SECTIONS['data'] else ''}{_KEYS[name]}={shown}"

    for place, here in _PLACES.items():
        text = here + text.removeprefix(place) if text.startswith(place) else text
    begin = _action_of(text)
    said, action = text[:begin], text[begin:]
    action = _FIRST.sub(lambda match: match[0] if is_known(match["keyword"]) else match["other"].upper(), action)
    action = _SECOND.sub(lambda match: match[0] if is_known(match["keyword"]) else "", action)
    for call, command in _CALLS.items():
        action = action.replace(call, command)
    return said + _WORDS.sub(option_of, action)


def _action_of(text: str) -> int:
    """Where a message begins to say what to do: behind its place, and behind what came."""
    _, got, _ = text.partition("; got ")
    begin = text.index("; got ") if got else 0
    sentence = _SENTENCE.match(text, begin) if got or _PLACE.match(text) else None
    return begin if sentence is None else sentence.end()


def _typed(words: tuple[str, ...], value: str | None) -> str:
    """An option as one types it."""
    if value == "True":
        return words[0]
    if value == "False" and len(words) > 1:
        return words[1]
    if value == "None":
        return f"{words[0]} ''"
    if value is None or "..." in value:
        return words[0]
    return f"{words[0]} {value if value.startswith('[') else shlex.quote(value.strip(chr(39) + chr(34)))}"


def refuse_value(error: typer.BadParameter) -> None:
    """Raise ConfigError for a value of an option that is not of its type; other mistakes are said as they are.

    Raises:
        ConfigError: With what was expected and what was typed.
    """
    problems = getattr(error.__cause__, "errors", None)  # of pydantic, which reads the values
    if problems is None or error.param is None:
        return
    from rankkit.schemas import expected_by

    problem = problems()[0]
    _, is_choice, choices = str(problem["msg"]).rstrip(".").partition(" is not one of ")
    expected = choices.replace("', '", "' or '") if is_choice else expected_by(problem)
    option = error.param.opts[-1] if error.param.opts else error.param.name
    raise ConfigError(f"{option}: expected {expected}; got {problem['input']!r}. Change it.") from None


@contextmanager
def speaking_as(options: Mapping[str, tuple[str, ...]]) -> Iterator[None]:
    """Errors of rankkit in the words of a command, and what it warns of as lines on stderr, each once.

    Args:
        options: As in :func:`in_words_of`.
    """
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, DataWarning | CompilationWarning):
            show_others(message, category, *place, **more)
            return
        line = f"rankkit: warning: {in_words_of(options, str(message))}"
        if line not in said:
            said.add(line)
            typer.echo(line, err=True)

    with warnings.catch_warnings():
        show_others, warnings.showwarning = warnings.showwarning, show
        for category in (DataWarning, CompilationWarning):
            warnings.simplefilter("always", category)
        try:
            yield
        except RankkitError as error:
            error.args = (in_words_of(options, str(error)),)
            raise
