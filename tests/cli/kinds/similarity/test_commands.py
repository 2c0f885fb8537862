"""What an encoder is measured by on the command line, and what it does not take."""

import pytest

from rankkit.cli.kinds.commands import Asked, commands_of
from rankkit.errors import ConfigError
from rankkit.registry import find


def test_options_of_rankers_are_refused_before_data_is_read(tmp_path):
    commands = commands_of(find("task", "similarity"))
    with pytest.raises(ConfigError, match="expected no --protocol"):
        commands.evaluate(Asked(tmp_path, None, tmp_path / "none", None, {"--protocol": "trec"}))
    with pytest.raises(ConfigError, match="expected no --qid"):
        commands.evaluate(Asked(tmp_path, None, tmp_path / "none", None, {}, {"qid": "q"}))
