"""Coverage of fixed masks by hand, and of every masker by what it must be."""

import numpy as np
import pytest
import torch

from mmmask.analysis.coverage import (
    Strategy,
    coverage,
    lift_difference,
    measure_each,
    strategies,
    summary,
)
from mmmask.config.read import read_config
from mmmask.probe import Probe
from mmmask.utils.errors import UserError


def test_by_hand():
    objects = np.array([1.0, 0.5, 0.0, 0.5])
    found = coverage(np.array([True, True, False, False]), objects)
    # 1.5 of an area of 2 lies below 2 patches of 4.
    assert found == pytest.approx(dict(share=0.5, recall=0.75, precision=0.75, lift=1.5))
    found = coverage(np.array([False, False, True, False]), objects)
    assert found == pytest.approx(dict(share=0.25, recall=0, precision=0, lift=0))
    found = coverage(np.array([True] * 4), objects)
    assert found == pytest.approx(dict(share=1, recall=1, precision=0.5, lift=1))


def test_lift_is_the_same_for_both_shares():
    generator = np.random.default_rng(0)
    objects = generator.random(50)
    found = coverage(generator.random(50) < 0.3, objects)
    assert found['lift'] == pytest.approx(found['precision'] / objects.mean())


class Fixed:
    """Masks the same patches of every image."""

    def __init__(self, *patches):
        self.patches = list(patches)

    def __call__(self, grid, batch_size, scores=None):
        mask = torch.zeros(batch_size, grid[0] * grid[1], dtype=torch.bool)
        mask[:, self.patches] = True
        return mask


def images(*coverages):
    pixels = np.zeros((32, 32, 3), np.uint8)
    return [(pixels, np.array(covered, float)) for covered in coverages]


def measure_coverage(*args, **kwargs):
    return {name: summary(values) for name, values in measure_each(*args, **kwargs).items()}


def test_the_difference_is_taken_image_by_image(config, checkpoint):
    probe = Probe(str(checkpoint), read_config(str(config)), backbone_only=True)
    some = images([[1, 0], [0, 0]], [[0.5, 0.5], [0.5, 0.5]])
    chosen = [Strategy('first', Fixed(0)), Strategy('second', Fixed(1))]
    found = measure_each(probe, some, chosen)
    # Lifts of 4 and 1, and of 0 and 1: differences of 4 and 0.
    assert lift_difference(found['first'], found['second']) == pytest.approx((2, 2))
    assert lift_difference(found['second'], found['first']) == pytest.approx((-2, 2))


def test_means_over_images_and_their_errors(config, checkpoint):
    probe = Probe(str(checkpoint), read_config(str(config)), backbone_only=True)
    some = images([[1, 0], [0, 0]], [[0.5, 0.5], [0.5, 0.5]])
    found = measure_coverage(probe, some, [Strategy('first', Fixed(0))])['first']
    assert found['share'] == pytest.approx((0.25, 0))
    assert found['recall'] == pytest.approx((0.625, 0.375))  # 1 and 0.25
    assert found['precision'] == pytest.approx((0.75, 0.25))  # 1 and 0.5
    assert found['lift'] == pytest.approx((2.5, 1.5))  # 4 and 1
    with pytest.raises(UserError, match='no pixel of an object'):
        measure_coverage(probe, images([[0, 0], [0, 0]]), [Strategy('first', Fixed(0))])


def test_every_method_masks_the_patches_that_its_scores_say(config, checkpoint):
    probe = Probe(str(checkpoint), read_config(str(config)), backbone_only=True)
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    chosen = {s.name: s for s in strategies(0.25, 16)}
    sorted_ones = ('AttMask-High', 'AttMask-Low', 'MST', 'GPA, all hard', 'ccMIM, top')
    records = probe.read([pixels], {name: chosen[name].tap for name in sorted_ones})
    for name in sorted_ones:
        order = records[name].scores()[0].argsort(descending=True).tolist()
        masked = order[-4:] if name in ('AttMask-Low', 'MST') else order[:4]
        objects = np.zeros(16)
        objects[masked] = 1
        found = measure_coverage(probe, [(pixels, objects.reshape(4, 4))], [chosen[name]])[name]
        means = {key: mean for key, (mean, _) in found.items()}
        assert means == dict(share=0.25, recall=1, precision=1, lift=4), name


def test_random_masks_are_at_chance(config, checkpoint):
    probe = Probe(str(checkpoint), read_config(str(config)), backbone_only=True)
    some = images(*[[[1, 1, 0, 0]] * 4] * 20)
    torch.manual_seed(0)
    random = strategies(0.3, 16)[0]
    found = measure_coverage(probe, some, [random], draws=50)['random']
    assert found['share'] == pytest.approx((0.25, 0))  # int(0.3 * 16) of 16
    # 4 of 16 without replacement, 8 of them objects': the hypergeometric variance of the number is
    # 4 * 1/2 * 1/2 * 12/15 = 0.8, and the recall is the number over 8.
    error = np.sqrt(0.8) / 8 / np.sqrt(20 * 50)
    assert abs(found['recall'][0] - 0.25) < 4 * error
    assert found['recall'][1] == pytest.approx(error, rel=0.6)


@pytest.mark.parametrize(
    'ratio, tokens, num', [(0.3, 256, 3), (0.3, 16, 4), (0.125, 196, 8), (0.9, 196, 2)]
)
def test_the_number_of_candidates_gives_the_nearest_ratio(ratio, tokens, num):
    mst = next(s for s in strategies(ratio, tokens) if s.name == 'MST')
    assert mst.masker.num == num
    least = min(abs(tokens // n - int(ratio * tokens)) for n in range(2, tokens + 1))
    assert abs(tokens // num - int(ratio * tokens)) == least


@pytest.mark.parametrize('ratio, tokens', [(0.05, 16), (0.01, 16)])
def test_a_ratio_that_masks_nothing(ratio, tokens):
    with pytest.raises(UserError, match='masks 0 of 16 patches'):
        strategies(ratio, tokens)
