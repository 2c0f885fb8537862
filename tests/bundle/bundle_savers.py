"""Processes that save bundles, for tests of what others find meanwhile and afterwards.

    python tests/bundle/bundle_savers.py killed FOLDER  # save over FOLDER in forked children, each killed a step later
    python tests/bundle/bundle_savers.py endless FOLDER  # two forked children save over FOLDER until stdin closes

Steps are the calls that change what a folder holds: a flush of a file, a rename, a removal.
"""

import os
import select
import signal
import sys
from pathlib import Path

import torch

from rankkit.bundle import load, save
from rankkit.models.scorers import LinearScorer

STEPS = ((os, "fsync"), (Path, "replace"), (Path, "unlink"))


def scorer_of(number):
    """A scorer whose weights, size and score of ones tell its number."""
    scorer = LinearScorer(2, bias=number % 2 == 0)
    with torch.no_grad():
        for weights in scorer.parameters():
            weights.fill_(number + 1)
    scorer.transform.fit(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([0, 2]))
    return scorer.eval()


def score_of(scorer):
    return scorer(torch.ones(1, 2), torch.tensor([0, 1])).item()


def die_before(step):
    """Let the process be killed before the step of that number, from 0."""
    count = 0

    def counted(function):
        def wrapper(*args, **kwargs):
            nonlocal count
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
            return function(*args, **kwargs)

        return wrapper

    for owner, name in STEPS:
        setattr(owner, name, counted(getattr(owner, name)))


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def killed(folder):
    """A line for each step: what the folder holds after a save that was killed before it; "done" if none was."""
    for step in range(100):
        save(scorer_of(0), folder)
        pid = os.fork()
        if pid == 0:
            die_before(step)
            save(scorer_of(1), folder)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        say(score_of(load(folder)))
        if status == 0:
            say("done")
            return


def endless(folder):
    children = []
    for seed in (0, 1):
        child = os.fork()
        if not child:
            save_until_asked(folder, seed)
            os._exit(0)
        children.append(child)
    sys.exit(any(os.waitpid(child, 0)[1] for child in children))


def save_until_asked(folder, number):
    save(scorer_of(number % 6), folder)
    say("saving")
    while not select.select([sys.stdin], [], [], 0)[0]:
        number += 1
        save(scorer_of(number % 6), folder)


if __name__ == "__main__":
    {"killed": killed, "endless": endless}[sys.argv[1]](sys.argv[2])
