import math
from typing import Literal

import pytest
import torch

from rankkit.errors import ConfigError, DataError
from rankkit.objectives.options import check_choice, check_labels, check_number


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_numbers_out_of_bounds(value):
    with pytest.raises(ConfigError, match=f"f: expected x above 0; got {value!r}. Pass a finite number above 0."):
        check_number("f", "x", value, above=0.0)


def test_numbers_within_bounds():
    check_number("f", "x", 1e-30, above=0.0)
    check_number("f", "x", 0.0, least=0.0)


def test_one_of_two():
    check_choice("f", "x", "a", Literal["a", "b"])
    with pytest.raises(ConfigError, match=r"f: expected x 'a' or 'b'; got 'c'. Pass one of the two."):
        check_choice("f", "x", "c", Literal["a", "b"])


def test_the_first_label_that_is_not_good_is_named():
    labels = torch.tensor([[0.0, 1.0], [7.0, 9.0]])
    check_labels("f", labels, labels < 10, "small labels", "Do.")
    with pytest.raises(DataError, match=r"f: expected small labels; got 7 \(list 1, document 0\). Do."):
        check_labels("f", labels, labels < 5, "small labels", "Do.")
