"""What images contribute to a mean of ratios: by hand, and by a bootstrap over images."""

import numpy as np
import pytest

from mmmask.evaluation.metrics import ratio_outcomes


def test_two_images_by_hand():
    """The ratios are 3 / 4 and 1 / 4. Image 0 gives 0.75 + 2 (1 - 1.5) / 4 and so on."""
    found = ratio_outcomes([[1, 0], [2, 1]], [[2, 1], [2, 3]])
    assert found == pytest.approx([(0.5 + 0.125) / 2, (1.0 + 0.375) / 2])
    assert found.mean() == pytest.approx((3 / 4 + 1 / 4) / 2)


def test_a_mean_of_values_is_itself():
    """Where every whole is 1, the ratio is the mean, and each value contributes itself."""
    assert ratio_outcomes([[3], [5], [10]], np.ones((3, 1))) == pytest.approx([3, 5, 10])


def test_a_class_without_a_whole():
    parts, wholes = [[1, 0], [2, 0]], [[2, 0], [2, 0]]
    assert ratio_outcomes(parts, wholes) == pytest.approx([0.5, 1.0])
    assert ratio_outcomes(parts, wholes, absent=0.5) == pytest.approx([0.5, 0.75])
    assert ratio_outcomes(parts, wholes, absent=0) == pytest.approx([0.25, 0.5])


def test_the_standard_error_is_that_of_a_bootstrap():
    """300 images of 6 classes of very different sizes, 4000 draws of 300 of them."""
    rng = np.random.default_rng(0)
    wholes = rng.poisson(rng.gamma(0.7, 2000, (300, 6)) / np.arange(1, 7) ** 2).astype(float)
    parts = rng.binomial(wholes.astype(int), rng.beta(3, 2, (300, 6)))
    own = ratio_outcomes(parts, wholes)
    assert own.mean() == pytest.approx((parts.sum(0) / wholes.sum(0)).mean(), rel=1e-12)
    draws = rng.multinomial(300, np.full(300, 1 / 300), 4000)
    drawn = ((draws @ parts) / (draws @ wholes)).mean(axis=1)
    assert own.std(ddof=1) / 300**0.5 == pytest.approx(drawn.std(), rel=0.05)
