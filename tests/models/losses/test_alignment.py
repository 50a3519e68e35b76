"""ccMIM's losses against double loops written from Eq. 7 and 8, and by hand."""

import math

import pytest
import torch

from mmmask.models.losses import negative_cosine, visible_masked_nce

TEMPERATURE = 0.3


def random_sides(images=5, channels=7):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, images, channels, generator=generator, dtype=torch.float64)


def cosine(a, b):
    dot = sum(float(x) * float(y) for x, y in zip(a, b))
    lengths = [math.sqrt(sum(float(x) ** 2 for x in vector)) for vector in (a, b)]
    return dot / (lengths[0] * lengths[1])


def eq_7_as_printed(visible, masked, temperature):
    total = 0.0
    for i in range(len(visible)):
        positive = math.exp(cosine(masked[i], visible[i]) / temperature)
        others = sum(
            math.exp(cosine(visible[i], visible[j]) / temperature)
            for j in range(len(visible))
            if j != i
        )
        across = sum(
            math.exp(cosine(masked[i], visible[j]) / temperature) for j in range(len(visible))
        )
        total -= math.log(positive / (others + across))
    return total / len(visible)


def queries_against_masked_keys(visible, masked, temperature):
    total = 0.0
    for i in range(len(visible)):
        keys = [math.exp(cosine(visible[i], masked[j]) / temperature) for j in range(len(masked))]
        total -= math.log(keys[i] / sum(keys))
    return total / len(visible)


REFERENCES = dict(masked=queries_against_masked_keys, visible=eq_7_as_printed)


@pytest.mark.parametrize('negatives', REFERENCES)
def test_double_loop(negatives):
    visible, masked = random_sides()
    expected = REFERENCES[negatives](visible, masked, TEMPERATURE)
    found = visible_masked_nce(visible, masked, TEMPERATURE, negatives, scale=False)
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_the_published_normaliser_is_the_default():
    visible, masked = random_sides()
    expected = queries_against_masked_keys(visible, masked, 0.5)
    assert visible_masked_nce(visible, masked).item() == pytest.approx(expected, rel=1e-12)


def test_two_images_by_hand():
    # Visible sides at 0 and 90 degrees, masked sides at 0 and 60; the lengths don't count.
    # Image 0: sim(M0, V0) = 1, sim(V0, M1) = 1/2; image 1: sim(V1, M0) = 0, sim(V1, M1) = r3 / 2.
    half_root = math.sqrt(3) / 2
    visible = torch.tensor([[2.0, 0.0], [0.0, 5.0]], dtype=torch.float64)
    masked = torch.tensor([[3.0, 0.0], [0.5, half_root]], dtype=torch.float64)
    first = math.log(1 + math.exp((0.5 - 1) / 0.5))
    second = math.log(1 + math.exp((0 - half_root) / 0.5))
    found = visible_masked_nce(visible, masked, 0.5)
    assert found.item() == pytest.approx((first + second) / 2, rel=1e-12)
    # As printed, sim(V0, V1) = 0, sim(M0, V1) = 0 and sim(M1, V0) = 1/2.
    e = math.exp
    first = -math.log(e(2) / (e(0) + e(2) + e(0)))
    second = -math.log(e(2 * half_root) / (e(0) + e(1) + e(2 * half_root)))
    found = visible_masked_nce(visible, masked, 0.5, 'visible')
    assert found.item() == pytest.approx((first + second) / 2, rel=1e-12)
    # Eq. 8: 1 - 1 and 1 - r3 / 2.
    found = negative_cosine(visible, masked).item()
    assert found == pytest.approx((0 + 1 - half_root) / 2, rel=1e-12)


@pytest.mark.parametrize('negatives', REFERENCES)
@pytest.mark.parametrize('temperature', [0.1, 0.5, 2.0])
def test_scaled_by_twice_the_temperature(negatives, temperature):
    visible, masked = random_sides()
    plain = visible_masked_nce(visible, masked, temperature, negatives, scale=False)
    scaled = visible_masked_nce(visible, masked, temperature, negatives)
    assert scaled.item() == pytest.approx(2 * temperature * plain.item(), rel=1e-12)


def test_nothing_in_common_costs_the_logarithm_of_the_choices():
    """All similarities equal: 4 keys; as printed 4 across and 3 among the visible sides."""
    same = torch.ones(4, 3)
    assert visible_masked_nce(same, same).item() == pytest.approx(math.log(4))
    assert visible_masked_nce(same, same, negatives='visible').item() == pytest.approx(math.log(7))


@pytest.mark.parametrize('negatives', REFERENCES)
def test_ranks_average_to_the_joint_loss(negatives):
    visible, masked = random_sides(images=6)
    joint = visible_masked_nce(visible, masked, TEMPERATURE, negatives)
    pool = masked if negatives == 'masked' else visible
    parts = [
        visible_masked_nce(
            visible[i : i + 2], masked[i : i + 2], TEMPERATURE, negatives, pool, first=i
        )
        for i in (0, 2, 4)
    ]
    assert torch.stack(parts).mean().item() == pytest.approx(joint.item(), rel=1e-12)


LOSSES = dict(
    masked=lambda v, m: visible_masked_nce(v, m, TEMPERATURE, 'masked'),
    visible=lambda v, m: visible_masked_nce(v, m, TEMPERATURE, 'visible'),
    cosine=negative_cosine,
)


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES.keys())
def test_only_the_visible_side_learns(loss):
    visible, masked = (side.clone().requires_grad_() for side in random_sides())
    loss(visible, masked).backward()
    assert masked.grad is None
    assert visible.grad.norm(dim=1).min() > 1e-3
    # Lengths don't count, so the gradient is perpendicular.
    assert (visible.grad * visible.detach()).sum(dim=1).abs().max() < 1e-12


def test_as_printed_the_negatives_learn_too():
    """Differences of the double loop over the visible side give the gradient."""
    visible, masked = random_sides(images=3, channels=2)
    leaf = visible.clone().requires_grad_()
    visible_masked_nce(leaf, masked, TEMPERATURE, 'visible', scale=False).backward()
    step = 1e-6
    for index in range(visible.numel()):
        moved = []
        for sign in (1, -1):
            other = visible.clone()
            other.view(-1)[index] += sign * step
            moved.append(eq_7_as_printed(other, masked, TEMPERATURE))
        slope = (moved[0] - moved[1]) / (2 * step)
        assert leaf.grad.view(-1)[index].item() == pytest.approx(slope, abs=1e-7)


def test_negative_cosine_of_the_double_loop():
    predicted, masked = random_sides()
    expected = sum(1 - cosine(p, m) for p, m in zip(predicted, masked)) / len(masked)
    assert negative_cosine(predicted, masked).item() == pytest.approx(expected, rel=1e-12)
    assert negative_cosine(masked, -masked).item() == pytest.approx(2)


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES.keys())
def test_half_precision_is_compared_in_float32(loss):
    visible, masked = random_sides().bfloat16()
    found = loss(visible, masked)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(loss(visible.double(), masked.double()).item(), rel=1e-5)


def test_unknown_negatives():
    with pytest.raises(ValueError, match="negatives must be 'masked' or 'visible', got 'all'"):
        visible_masked_nce(torch.ones(2, 2), torch.ones(2, 2), negatives='all')
