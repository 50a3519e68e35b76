"""Tests a timed step: its parts, the order of timing, and the counts."""

import copy
from pathlib import Path

import pytest
import torch

from mmmask.timing.step_timing import Step, compare, peak_memory, summary, time_steps
from mmmask.utils.errors import UserError
from mmmask.utils.progress import Progress

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
DINO = str(CONFIGS / 'demo/dino_vit-demo_material-scenes.py')
ATTMASK = str(CONFIGS / 'demo/attmask-high-ibot_vit-demo_material-scenes.py')
RANDOM = str(CONFIGS / 'demo/random-ibot_vit-demo_material-scenes.py')


@pytest.fixture(scope='module')
def step():
    return Step(ATTMASK, batch_size=2)


def weights(step):
    return copy.deepcopy(step.model.state_dict())


def test_a_step_is_a_training_step(step):
    """Every student's parameter moves, and the teacher by the rest of its momentum."""
    assert sorted(step.hooks) == ['EMATeacherHook', 'PerParameterGradClipHook']
    clip = step._optimizer.clip_func
    assert clip.__name__ == 'clip_grad_norm_per_parameter_'
    before = weights(step)
    assert step.take(seed=3) > 0
    after = weights(step)
    name = 'backbone.layers.0.attn.qkv.weight'
    assert not torch.equal(before[name], after[name])
    momentum = step.model.teacher.momentum
    expected = momentum * before[f'teacher.{name}'] + (1 - momentum) * after[name]
    torch.testing.assert_close(after[f'teacher.{name}'], expected)


def test_the_batch_has_the_views_of_the_config(step):
    """Two global ones of 32 pixels and two local ones of 16."""
    assert [tuple(view.shape) for view in step._batch['inputs']] == [
        *[(2, 3, 32, 32)] * 2,
        *[(2, 3, 16, 16)] * 2,
    ]
    assert Step(DINO).batch_size == 64  # the config's own


def test_equal_seeds_give_equal_steps():
    steps = [Step(RANDOM, batch_size=2) for _ in range(2)]
    for step in steps:
        step.take(seed=5)
    first, second = map(weights, steps)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_options_and_parameters():
    options = {'model.backbone.arch.num_layers': 2, 'model.head.patch_weight': 0.0}
    step = Step(ATTMASK, options, batch_size=2)
    assert len(step.model.backbone.layers) == 2 and step.model.head.patch_weight == 0
    student = sum(p.numel() for p in step.model.backbone.parameters())
    student += sum(p.numel() for p in step.model.neck.parameters())
    frozen = step.model.neck.last_layer.parametrizations.weight.original0.numel()  # its gain
    positions = 0 if step.model.backbone.pos_embed.requires_grad else 17 * 64
    assert step.parameters() == dict(all=2 * student, trained=student - frozen - positions)


@pytest.mark.parametrize(
    'config, options, message',
    [
        ('nothing.py', {}, "no config 'nothing.py'"),
        (str(CONFIGS / 'frozen/knn_vit-small-p16_in1k.py'), {}, 'has no train_dataloader'),
        (DINO, {'model.backbone.patch_siz': 4}, "takes no 'patch_siz'"),
        (DINO, {'model.head.out_channels': 7}, "can't take a step: "),
        (
            str(CONFIGS / 'demo/mask-rcnn_vit-demo_material-scenes.py'),
            {'train_dataloader.batch_size': 1},
            "can't take a step: .*labels",
        ),
    ],
)
def test_mistakes_are_one_line(config, options, message):
    with pytest.raises(UserError, match=message) as info:
        Step(config, options, batch_size=1)
    assert '\n' not in str(info.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason='only a CPU is without mixed precision')
def test_mixed_precision_is_left_out_on_a_cpu(tmp_path):
    config = tmp_path / 'amp.py'
    wrapper = "dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale='dynamic')"
    config.write_text(f'_base_ = {DINO!r}\noptim_wrapper = {wrapper}\n')
    step = Step(str(config), batch_size=1)
    assert type(step._optimizer).__name__ == 'OptimWrapper'


def test_operations_of_dino_by_hand():
    """Width 64, 3 blocks, 17 tokens in a global and 5 in a local view of 8 x 8 patches."""
    width, blocks, patch = 64, 3, 3 * 8 * 8

    def embedding(tokens):
        return 2 * (tokens - 1) * patch * width

    def transformer(tokens):
        linear = width * (3 * width + width + 2 * 4 * width)
        attention = 2 * tokens * width  # queries by keys, and their weights by values
        return blocks * 2 * tokens * (linear + attention)

    head = 2 * (64 * 256 + 256 * 256 + 256 * 64 + 64 * 256)  # one token
    inputs = 2 * embedding(17) + 2 * embedding(5)
    student = 2 * transformer(17) + 2 * transformer(5) + 4 * head
    teacher = 2 * (embedding(17) + transformer(17) + head)
    found = Step(DINO, batch_size=2).flops(seeds=[0])
    assert found['forward'] == teacher + student + inputs
    # Backward: by inputs and by weights, each as much; images need no gradient.
    assert found['step'] == found['forward'] + 2 * student + inputs


class Recorded:
    """Takes steps of a given duration and notes who came when."""

    def __init__(self, name, seconds, calls):
        self.name, self.seconds, self.calls = name, seconds, calls

    def take(self, seed):
        self.calls.append((self.name, seed))
        return self.seconds + seed


def test_steps_are_interleaved_and_pairs_share_a_seed():
    calls, progress = [], Progress('rounds', 4)
    steps = [Recorded('a', 10.0, calls), Recorded('b', 20.0, calls)]
    found = time_steps(steps, 3, warmup=1, progress=progress)
    assert calls == [
        *[('b', 0), ('a', 0)],  # not timed
        *[('a', 1), ('b', 1)],
        *[('b', 2), ('a', 2)],
        *[('a', 3), ('b', 3)],
    ]
    assert found == [[11.0, 12.0, 13.0], [21.0, 22.0, 23.0]]
    assert progress.done == 4


def test_one_config_alone():
    calls = []
    assert time_steps([Recorded('a', 1.0, calls)], 2, warmup=1) == [[2.0, 3.0]]


def test_summary():
    found = summary([4.0, 1.0, 3.0, 2.0], batch_size=8)
    assert found == dict(median=2.5, quartiles=[1.75, 3.25], images_per_s=3.2)


def test_ratios_by_hand():
    found = compare([1.0, 2.0, 9.0], [1.0, 4.0, 3.0])
    assert found['of_medians']['ratio'] == pytest.approx(2 / 3)
    assert found['of_pairs']['ratio'] == 1.0  # of 1, 1/2 and 3
    assert (found['of_pairs']['low'], found['of_pairs']['high']) == (0.5, 3.0)


def test_what_a_pair_shares_cancels_in_its_ratio():
    """Durations that drift fivefold, and a config that takes 3 % longer."""
    second = [1.0, 2.0, 3.0, 4.0, 5.0]
    found = compare([1.03 * seconds for seconds in second], second)
    for name in ('ratio', 'low', 'high'):
        assert found['of_pairs'][name] == pytest.approx(1.03)
    assert found['of_medians']['ratio'] == pytest.approx(1.03)


def test_the_interval_holds_the_truth():
    """Independent noise of 5 %: of a hundred repetitions, about 95 intervals hold 1."""
    generator = torch.Generator().manual_seed(0)
    inside = 0
    for _ in range(100):
        first, second = (1 + 0.05 * torch.randn(2, 30, generator=generator)).tolist()
        interval = compare(first, second, resamples=300)['of_medians']
        inside += interval['low'] <= 1 <= interval['high']
    assert 87 <= inside <= 100


@pytest.mark.slow
def test_memory_is_each_configs_own():
    """In a process of its own: a large model here is no part of it, a larger batch is."""
    ballast = torch.ones(256 * 2**20, dtype=torch.uint8)
    small, large = (peak_memory(DINO, batch_size=size) for size in (2, 64))
    assert ballast.sum() == 256 * 2**20
    assert 2**20 < small < 200 * 2**20
    # At the least 10 numbers of 4 bytes per width, token, block and image for the backward pass.
    assert large - small > 62 * (2 * 17 + 2 * 5) * 64 * 3 * 10 * 4
