"""A program that is forked does what ``python`` would have made of it: words, folder, environment, streams, its end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests import forked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone")


def test_it_has_its_words_folder_environment_and_imports(tmp_path):
    (tmp_path / "own.py").write_text("import os, sys\nprint(__name__, sys.argv[1:], os.getcwd(), os.environ['OWN'])\n")
    environment = {**os.environ, "OWN": "x", "PYTHONPATH": str(tmp_path)}
    for words in (["-m", "own"], ["own.py"], [str(tmp_path / "own.py")]):
        done = forked.python(*words, 1, "--two", cwd=tmp_path, env=environment)
        assert (done.stdout, done.stderr, done.returncode) == (f"__main__ ['1', '--two'] {tmp_path} x\n", "", 0)
    done = forked.python("-c", "import own", cwd="/", env=environment)
    assert done.stdout == "own [] / x\n"


@pytest.mark.parametrize(
    ("code", "ends", "said"),
    [
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import atexit; atexit.register(lambda: print('end')); import os; os.kill(os.getpid(), 9)", -9, ""),
    ],
)
def test_it_ends_as_python_does(code, ends, said):
    done = forked.python("-c", code)
    assert (done.returncode, done.stdout) == (ends, "")
    assert done.stderr.endswith(said)


def test_it_reads_and_writes_the_streams_that_it_is_given(tmp_path):
    (tmp_path / "in").write_text("given")
    code = "import sys; print(sys.stdin.read(), sys.stdout.fileno()); assert sys.stderr is None"
    words = f"{forked.executable()} -c '{code}' < {tmp_path / 'in'} > {tmp_path / 'out'} 2>&-"
    assert subprocess.run(["sh", "-c", words], check=False).returncode == 0
    assert (tmp_path / "out").read_text() == "given 1\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_it(number):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(100)"
    with subprocess.Popen(
        [forked.executable(), "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as asked:
        child = int(asked.stdout.readline())
        asked.send_signal(number)
        assert asked.wait(60) in (-number, 1)
        end = time.monotonic() + 60
        while os.path.exists(f"/proc/{child}"):  # noqa: PTH110
            assert time.monotonic() < end
            time.sleep(0.01)


def test_options_of_the_interpreter_make_it_a_process_of_its_own():
    done = forked.python("-W", "error", "-c", "import sys; print(sys.warnoptions, 'torch' in sys.modules)")
    assert done.stdout == "['error'] False\n"
