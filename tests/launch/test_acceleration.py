"""Options that make a step quicker or smaller leave its numbers, or change them by a rounding."""

import pytest
import torch
from mmengine.config import Config

from mmmask.launch.acceleration import compile_model, fuse_optimizer, train_in
from mmmask.launch.acceleration import test_in as run_test_in
from mmmask.timing.step_timing import Step
from mmmask.utils.errors import UserError

ROOT = __file__.rpartition('/tests/')[0]
DEMO = f'{ROOT}/configs/demo/{{}}_vit-demo_material-scenes.py'
AMP = dict(type='AmpOptimWrapper', loss_scale=dict(init_scale=8.0), dtype='bfloat16')
PLAIN = dict(optimizer=dict(type='SGD', lr=1.0), clip_grad=dict(max_norm=1.0))


@pytest.fixture
def gpu(monkeypatch):
    """``gpu(bf16)``: pretend that there is a GPU, which computes in bfloat16 or not."""

    def pretend(bf16):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
        monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda emulated=True: bf16)

    return pretend


def wrapper(amp, **cfg):
    cfg = Config(dict(optim_wrapper={**PLAIN, **cfg}))
    train_in(cfg, amp)
    assert cfg.optim_wrapper.optimizer == PLAIN['optimizer']
    assert cfg.optim_wrapper.clip_grad == PLAIN['clip_grad']
    return {key: value for key, value in cfg.optim_wrapper.items() if key not in PLAIN}


BF16 = dict(type='Bfloat16OptimWrapper')


@pytest.mark.parametrize(
    ('bf16', 'amp', 'cfg', 'expected'),
    [
        (True, 'auto', {}, BF16),
        (False, 'auto', {}, dict(type='AmpOptimWrapper', loss_scale='dynamic', dtype='float16')),
        (True, 'fp16', {}, dict(type='AmpOptimWrapper', loss_scale='dynamic', dtype='float16')),
        (True, 'auto', AMP, AMP),
        (True, 'bf16', AMP, BF16),
        (True, 'fp16', AMP, {**AMP, 'dtype': 'float16'}),
    ],
)
def test_formats_on_a_gpu(gpu, bf16, amp, cfg, expected):
    gpu(bf16)
    assert wrapper(amp, **cfg) == expected


def test_formats_on_a_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert wrapper('auto') == wrapper('bf16') == wrapper('auto', **AMP) == BF16
    with pytest.raises(UserError, match='needs a GPU'):
        wrapper('fp16')
    with pytest.raises(UserError, match="can't be combined"):
        wrapper('auto', type='ApexOptimWrapper')


def adamw(fused, **options):
    torch.manual_seed(0)
    weights = [torch.randn(3, 4, requires_grad=True), torch.randn(5, requires_grad=True)]
    groups = [dict(params=weights[:1]), dict(params=weights[1:], lr=0.02, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=0.1, weight_decay=0.3, fused=fused)
    for step in range(3):
        for weight in weights:
            weight.grad = torch.cos(weight.detach() * 7 + step)
        optimizer.step()
    return weights


def test_fused_adamw_takes_the_same_steps():
    for fused, plain in zip(adamw(True), adamw(False)):
        torch.testing.assert_close(fused, plain)


@pytest.mark.parametrize(
    ('optimizer', 'fused'),
    [
        (dict(type='AdamW', lr=1.0), True),
        (dict(type='AdamW', fused=False), False),
        (dict(type='AdamW', foreach=True), None),
        (dict(type='SGD', lr=1.0), None),
        (dict(type='mmpretrain.LARS', lr=1.0), None),
    ],
)
def test_adamw_is_fused_where_there_is_a_gpu(gpu, monkeypatch, optimizer, fused):
    cfg = Config(dict(optim_wrapper=dict(optimizer=optimizer)))
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    fuse_optimizer(cfg)
    assert cfg.optim_wrapper.optimizer == optimizer
    gpu(bf16=True)
    fuse_optimizer(cfg)
    assert cfg.optim_wrapper.optimizer.get('fused') is fused


def test_a_model_without_blocks_is_not_compiled():
    with pytest.raises(UserError, match='the model has none'):
        compile_model(torch.nn.Linear(2, 2))


def test_a_training_and_a_test_compile_their_model(
    tiny_config, tmp_path, run_train, run_test, monkeypatch
):
    def compile_model(model):
        found.append(type(model).__name__)

    found = []
    monkeypatch.setattr('mmmask.launch.train.compile_model', compile_model)
    monkeypatch.setattr('mmmask.launch.test.compile_model', compile_model)
    work_dir = ['--work-dir', str(tmp_path / 'run')]
    assert run_train([str(tiny_config), *work_dir, '--compile']) == 0
    assert run_test([str(tiny_config), 'none', *work_dir, '--compile']) == 0
    assert run_test([str(tiny_config), 'none', *work_dir]) == 0
    assert found == ['ImageClassifier'] * 2


def test_formats_of_a_test(gpu):
    before = torch.get_autocast_dtype('cuda')
    try:
        gpu(bf16=True)
        for amp, dtype in (('fp16', torch.float16), ('auto', torch.bfloat16)):
            cfg = Config(dict(test_cfg=dict()))
            run_test_in(cfg, amp)
            assert cfg.test_cfg.fp16 and torch.get_autocast_dtype('cuda') is dtype
    finally:
        torch.set_autocast_dtype('cuda', before)


@pytest.mark.parametrize('method', ['attmask-high-ibot', 'mst', 'mae', 'gpa', 'maskfeat'])
def test_losses_in_bfloat16(method):
    """8 bits of mantissa: each loss is within a few per cent of float32's, and weights move."""
    losses = []
    for amp in (None, 'bf16'):
        step = Step(DEMO.format(method), batch_size=4, amp=amp)
        with torch.autocast('cpu', torch.bfloat16, enabled=amp is not None):
            torch.manual_seed(0)
            data = step.model.data_preprocessor(step._batch, True)
            losses.append(step.model._run_forward(data, mode='loss'))
    for name, value in losses[0].items():
        assert losses[1][name].dtype == torch.float32
        assert losses[1][name].item() == pytest.approx(value.item(), rel=0.05), name


def test_a_training_and_a_test_in_bfloat16(tiny_config, tmp_path, run_train, run_test):
    arguments = ['--work-dir', str(tmp_path / 'run'), '--seed', '1', '--amp']
    assert run_train([str(tiny_config), *arguments]) == 0
    checkpoint = tmp_path / 'run' / 'epoch_2.pth'
    weights = torch.load(checkpoint, weights_only=False)['state_dict']
    assert all(w.dtype == torch.float32 and w.isfinite().all() for w in weights.values())
    assert run_test([str(tiny_config), str(checkpoint), *arguments, 'bf16']) == 0
