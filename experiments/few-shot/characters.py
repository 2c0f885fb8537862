"""The characters of experiments/few-shot/run.py: which are trained on, validated on, held back."""

import os
from functools import cache
from pathlib import Path

import numpy as np

import rankkit as rk

ALPHABETS = ["Balinese", "Early_Aramaic", "Greek", "Korean", "Latin"]


@cache
def glyphs(quick=False):
    """Training, validation and test characters: four scripts, Armenian, Greek; quick, Cyrillic alone to train on."""
    examples = rk.read_labelled("glyphs")
    scripts = ["cyrillic"] if quick else ["cyrillic", "digit", "georgian", "latin"]
    return [of_groups(examples, wanted) for wanted in (scripts, ["armenian"], ["greek"])]


@cache
def omniglot(held_back, turns=True):
    """Three alphabets with their quarter turns, the alphabet that follows the one held back, and the held-back one."""
    examples = small1()
    validation = ALPHABETS[(ALPHABETS.index(held_back) + 1) % len(ALPHABETS)]
    seen = [alphabet for alphabet in ALPHABETS if alphabet not in (held_back, validation)]
    train, valid, test = (of_groups(examples, wanted) for wanted in (seen, [validation], [held_back]))
    return [with_turns(train) if turns else train, valid, test]


@cache
def small1():
    """All five alphabets, ink 1 on 0."""
    path = Path(os.environ["RANKKIT_DATA"]) / "omniglot" / "images_background_small1.zip"
    return rk.read_labelled(path, size=28, ink="dark")


def of_groups(examples, wanted):
    """The classes of some scripts or alphabets."""
    return examples.of_classes(np.flatnonzero(np.isin(examples.class_groups, wanted)))


def with_turns(examples):
    """Each character turned by 90, 180 and 270 degrees is one more class (Santoro et al. 2016)."""
    turned = [np.rot90(examples.inputs, quarter, axes=(2, 3)) for quarter in range(4)]
    labels = [examples.labels + quarter * examples.n_classes for quarter in range(4)]
    names = [f"{name}/turned {90 * quarter}" for quarter in range(4) for name in examples.class_names]
    return rk.from_labelled_arrays(np.concatenate(turned), np.concatenate(labels), class_names=names)
