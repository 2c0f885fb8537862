"""``python -I -S tests/forked_program.py WORDS`` is ``python WORDS``, forked from a process that has imported torch.

It gives its folder, environment and open files to that process (``tests/forking_parent.py``, which it starts if it is
the first), passes signals on, and ends as the program does. What that process cannot do it does itself: without a
folder in ``RANKKIT_TESTS_FORK``, or with options of the interpreter, it becomes ``python WORDS``.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def connect(place, owner):
    """A connection to the process that forks."""
    path = os.path.join(place, "socket")
    found = connected(path)
    if found:
        return found
    with open(os.path.join(place, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = connected(path)
        if found:
            return found
        words = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "forking_parent.py"), place]
        # Each program has a PYTHONPATH of its own; that of a worker of pytest-xdist holds all that is installed.
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        environment["OMP_NUM_THREADS"] = "1"
        with open(os.path.join(place, "said"), "a") as said:
            process = subprocess.Popen(
                [*words, owner], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip
        while not (found := connected(path)):
            if process.poll() is not None:
                raise RuntimeError(open(os.path.join(place, "said")).read())
            time.sleep(0.02)
        process.returncode = 0  # it goes on without this one
        return found


def connected(path):
    found = socket.socket(socket.AF_UNIX)
    try:
        found.connect(path)
    except OSError:
        found.close()
        return None
    return found


def main(words):
    place, _, owner = os.environ.get("RANKKIT_TESTS_FORK", "").rpartition(":")
    known = words and (words[0] in ("-c", "-m") or not words[0].startswith("-"))
    if not (place and known and os.path.isdir(place)):
        os.execv(sys.executable, [sys.executable, *words])
    files = [int(name) for name in os.listdir("/proc/self/fd")]
    files = [number for number in files if is_open(number)]  # not the folder that was just read
    with connect(place, owner) as parent:
        content = json.dumps([words, os.getcwd(), dict(os.environ), files]).encode()
        socket.send_fds(parent, [len(content).to_bytes(4)], files)
        parent.sendall(content)
        answers = parent.makefile("r")
        child = int(answers.readline())
        for number in PASSED_ON:
            signal.signal(number, lambda number, frame: os.kill(child, number))
        code = int(answers.readline())
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
