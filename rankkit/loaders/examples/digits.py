"""The handwritten digits that scikit-learn ships: 1,797 images of 8 x 8 pixels."""

import numpy as np

from rankkit.data.labelled_examples import LabelledExamples


def digits() -> LabelledExamples:
    """The 1,797 handwritten digits of scikit-learn, 8 x 8 pixels in [0, 1], ink 1, in ten classes "0" to "9".

    They are the test part of the Optical Recognition of Handwritten Digits of UCI, by 13 writers, and the smallest data
    set on which a few epochs of similarity learning show anything.

    Example:
        >>> digits()
        LabelledExamples(1,797 examples, 10 classes, inputs [1 x 8 x 8], 174 to 183 a class)

    References:
        E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return LabelledExamples(
        inputs=(bunch.images[:, None] / 16).astype(np.float32),
        labels=bunch.target.astype(np.int64),
        class_names=tuple("0123456789"),
    )
