from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from mmmask.models.maskers import (
    HighAttentionMasker,
    RandomMasker,
    SoftToHardMasker,
    ThresholdMasker,
)
from mmmask.pictures import masks
from mmmask.pictures.figure import HIDDEN, Options, Sample, Subject, hidden
from mmmask.probe import Probe, Unavailable
from mmmask.utils.errors import UserError

CLS = np.array([[0.4, 0.1], [0.3, 0.2]], np.float32)
RECEIVED = np.array([[-5.0, 9.0], [1.0, 2.0]], np.float32)
IMAGE = np.random.default_rng(0).integers(0, 256, (160, 160, 3)).astype(np.uint8)


def subject(own=None, own_scores=None, received=True, name='x'):
    """A network of four patches whose attention is known."""

    def read_received(image, block, head):
        if not received:
            raise Unavailable('it is no ViT')
        return RECEIVED

    probe = SimpleNamespace(
        masker=own,
        reads_received=False,
        source='teacher',
        attention_name='attention',
        grid=(2, 2),
        attention=lambda image: CLS[None],
        received_attention=read_received,
        received_name=lambda block, head: 'a head',
        own_scores=lambda image: own_scores,
    )
    probe.mask = partial(Probe.mask, probe)
    return Subject('network', probe, [Sample(name, IMAGE)])


@pytest.fixture
def drawn(monkeypatch):
    """The rows of the last sheet by their labels."""
    rows = {}

    def keep(columns, given, footer):
        rows.clear()
        rows.update({row.label: row.cells for row in given})
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(masks, 'contact_sheet', keep)
    return rows


def covered(picture: np.ndarray) -> list[bool]:
    """Tell which of the four patches are painted. The others must be untouched."""
    found = []
    for y in (0, 80):
        for x in (0, 80):
            patch = picture[y : y + 80, x : x + 80]
            whole = bool((patch == HIDDEN).all())
            assert whole or (patch == IMAGE[y : y + 80, x : x + 80]).all()
            found.append(whole)
    return found


def test_masked_patches_are_painted_and_others_untouched():
    cell = hidden(Sample('x', IMAGE), np.array([[True, False], [False, True]]))
    assert covered(cell.image) == [True, False, False, True]
    assert cell.caption == '2 of 4 (50%)'


def test_each_masker_gets_its_scores(drawn):
    options = Options(ratios=(0.25, 0.5))
    sheets = masks.mask_sheets(subject(name='a/x'), options, say=pytest.fail)
    assert [sheet.name for sheet in sheets] == ['masks-001-a_x']
    pictures = {label: [covered(c.image) for c in cells[1:]] for label, cells in drawn.items()}
    assert pictures['AttMask-High'] == [[True, False, False, False], [True, False, True, False]]
    assert pictures['AttMask-Low'] == [[False, True, False, False], [False, True, False, True]]
    assert [sum(mask) for mask in pictures['ccMIM']] == [1, 2]
    # Half of two tokens is hard: the most received attention; the other one is random.
    assert pictures['GPA at t/T = 1'][1][1] and sum(pictures['GPA at t/T = 1'][1]) == 2
    assert [sum(mask) for mask in pictures['random']] == [1, 2]
    assert len(pictures['MST, p = 0.1 among the lowest 1/8']) == 1  # drawn once
    assert drawn['AttMask-High'][0].caption == '0.1 to 0.4'
    assert drawn['GPA at t/T = 0'][0].caption == '-5 to 9'
    assert (drawn['random'][0].image == IMAGE).all()


def test_a_config_s_own_masker_lends_its_settings_and_scores(drawn):
    own = ThresholdMasker(num=1, token_prob=1.0)
    given = subject(own, own_scores=np.flip(CLS).copy())
    masks.mask_sheets(given, Options(ratios=(0.25,)), say=pytest.fail)
    cells = drawn['MST, p = 1 among the lowest 1/1']
    assert covered(cells[1].image) == [True] * 4
    gpa = SoftToHardMasker(hard=(1.0, 1.0), soft=(0.0, 0.0))
    given = subject(gpa, own_scores=np.flip(CLS).copy())
    masks.mask_sheets(given, Options(ratios=(0.25,)), say=pytest.fail)
    assert covered(drawn['GPA at t/T = 0'][1].image) == [False, False, False, True]
    assert gpa.progress == 0.0 and gpa.ratio == (0.75, 0.75)  # the model's own is untouched


def test_maskers_without_scores_are_left_out_and_told(drawn):
    told = []
    masks.mask_sheets(subject(received=False), Options(), told.append)
    assert told == ['masks: left out those by received scores. it is no ViT']
    assert not any(label.startswith('GPA') for label in drawn) and 'random' in drawn


def test_masks_of_one_seed_are_the_same_and_grow_with_the_ratio(drawn):
    def draw(seed):
        options = Options((0.25, 0.5, 0.75), seed)
        masks.mask_sheets(subject(), options, say=pytest.fail)
        return [covered(cell.image) for cell in drawn['random'][1:]]

    first = draw(0)
    assert draw(0) == first and any(draw(seed) != first for seed in range(1, 6))
    assert all(a <= b for small, large in zip(first, first[1:]) for a, b in zip(small, large))


def test_networks_mask_by_their_own_scores_in_rows(drawn):
    high = HighAttentionMasker(ratio=0.75, prob=0.5)
    networks = [
        subject(high, own_scores=CLS),
        Subject('flipped', subject(high, own_scores=np.flip(CLS).copy()).probe, []),
        Subject('random', subject(RandomMasker()).probe, []),
    ]
    (sheet,) = masks.own_mask_sheets(networks, Options(ratios=(0.25, 0.5)))
    pictures = {label: [covered(c.image) for c in cells[1:]] for label, cells in drawn.items()}
    assert pictures['network'] == [[True, False, False, False], [True, False, True, False]]
    assert pictures['flipped'] == [[False, False, False, True], [False, True, False, True]]
    assert [sum(mask) for mask in pictures['random']] == [1, 2]
    assert drawn['network'][0].caption == '0.1 to 0.4' and not drawn['random'][0].caption
    assert high.ratio == (0.75, 0.75) and high.prob == 0.5  # the model's own is untouched
    with pytest.raises(UserError, match='network has no masker'):
        masks.own_mask_sheets([subject()], Options())
