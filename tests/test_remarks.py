"""rankkit.remarks: warnings point to the line that called rankkit."""

import warnings

import numpy as np

from rankkit import LinearScorer, predict
from rankkit.errors import DataWarning
from rankkit.remarks import say


def test_a_remark_points_to_the_line_outside_rankkit():
    scorer = LinearScorer(2, transform="none", seed=0)
    scorer.feature_names = ("a", "b")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        predict(scorer, np.ones((3, 2)))
        say("straight from here")
    assert [(found.category, found.filename) for found in caught] == [(DataWarning, __file__)] * 2
