"""GPA's and MAE's configs are held to the values that the papers state."""

import math
from pathlib import Path

import pytest

from mmmask.config.read import read_config

CONFIGS = Path(__file__).parents[2] / 'configs'
NAME = 'vit-base-p16_8xb512-coslr-200e_in1k.py'
DEFAULT = dict(ratio=0.75, soft=(0.5, 0.0), hard=(0.0, 0.5))
# Tables 3 and 4; what a row doesn't name is the default.
ROWS = {
    '': {},
    '-soft0to0': dict(soft=(0, 0)),
    '-soft1to0': dict(soft=(1, 0)),
    '-soft1to1': dict(soft=(1, 1)),
    '-ratio50-soft0to0': dict(ratio=0.5, soft=(0, 0)),
    '-ratio50': dict(ratio=0.5),
    '-ratio50-soft1to1': dict(ratio=0.5, soft=(1, 1)),
    '-ratio90-soft0to0': dict(ratio=0.9, soft=(0, 0)),
    '-ratio90': dict(ratio=0.9),
    '-ratio90-soft1to1': dict(ratio=0.9, soft=(1, 1)),
    '-hard0to0': dict(hard=(0, 0)),
    '-hard0to1': dict(hard=(0, 1)),
    '-hard1to1': dict(hard=(1, 1)),
    '-ratio50-hard0to0': dict(ratio=0.5, hard=(0, 0)),
    '-ratio50-hard0to1': dict(ratio=0.5, hard=(0, 1)),
    '-ratio90-hard0to0': dict(ratio=0.9, hard=(0, 0)),
    '-ratio90-hard0to1': dict(ratio=0.9, hard=(0, 1)),
}
# Table 5: block and head.
HEADS = {
    '': (9, 11),
    '-block0-head0': (0, 0),
    '-block11-head11': (11, 11),
    '-block11-all-heads': (11, 'sum'),
    '-block10-head10': (10, 10),
}


def read(name):
    return read_config(str(CONFIGS / name))


def teacher(row):
    return read(f'gpa/{"ablations/" if row else ""}gpa-teacher{row}_{NAME}')


@pytest.mark.parametrize('row, values', ROWS.items())
def test_masks(row, values):
    cfg = teacher(row)
    masker = dict(cfg.model.masker)
    assert masker.pop('type') == 'SoftToHardMasker'
    masker = {name: tuple(v) if name != 'ratio' else v for name, v in masker.items()}
    assert masker == {**DEFAULT, **values}
    assert cfg.default_hooks.schedule.schedules.progress == dict(
        path='model.masker.progress', by='epoch', schedule=dict(type='ProgressSchedule')
    )
    assert 'attention_decoder' not in cfg.model  # "we only use RGB features"


@pytest.mark.parametrize('row, where', HEADS.items())
def test_heads(row, where):
    scorer = teacher(row).model.scorer
    assert scorer.type == 'FrozenScorer' and scorer.backbone.arch == 'base'
    attention = scorer.attention
    assert (attention.type, attention.block, attention.head) == ('ReceivedAttentionTap', *where)


@pytest.mark.parametrize('epochs', [200, 300, 800])
def test_both_roles(epochs):
    cfg = read(f'gpa/gpa_vit-base-p16_8xb512-coslr-{epochs}e_in1k.py')
    assert cfg.model.masker == teacher('').model.masker
    assert cfg.model.scorer == teacher('').model.scorer
    assert cfg.model.attention_decoder.predict_feature_dim == 1
    assert cfg.model.attention_head.standardise and cfg.model.combine == 'sum'
    assert cfg.train_cfg.max_epochs == epochs


def test_table_10_on_ibot():
    """Which patches are masked is all that differs from the baseline, beside the scores."""
    name = '_vit-base-p16_8xb30-coslr-100e_in1k.py'
    cfg, baseline = read(f'gpa/gpa-ibot{name}'), read(f'ibot/ibot{name}')
    assert cfg.model.scorer == teacher('').model.scorer
    masker = cfg.model.masker
    for shared in ('ratio', 'per', 'prob'):
        assert masker[shared] == baseline.model.masker[shared]
    assert (masker.soft, masker.hard) == (DEFAULT['soft'], DEFAULT['hard'])
    for model in (cfg.model, baseline.model):
        for own in ('masker', 'scorer'):
            model.pop(own, None)
    assert cfg.model == baseline.model
    assert cfg.optim_wrapper == baseline.optim_wrapper
    assert cfg.train_dataloader == baseline.train_dataloader
    assert cfg.train_cfg == baseline.train_cfg


@pytest.mark.parametrize('epochs', [200, 300, 800, 1600])
def test_maes_recipe(epochs):
    cfg = read(f'mae/mae_vit-base-p16_8xb512-coslr-{epochs}e_in1k.py')
    optimizer, batch = cfg.optim_wrapper.optimizer, cfg.auto_scale_lr.base_batch_size
    assert batch == 4096 and math.isclose(optimizer.lr, 1.5e-4 * batch / 256)
    assert (optimizer.type, optimizer.betas, optimizer.weight_decay) == ('AdamW', (0.9, 0.95), 0.05)
    assert cfg.optim_wrapper.constructor == 'MatrixDecayOptimWrapperConstructor'
    assert cfg.optim_wrapper.type == 'OptimWrapper'  # mixed precision is the command line's choice
    lr = cfg.default_hooks.schedule.schedules.lr
    assert lr.path == 'optimizer.lr' and lr.get('by', 'iter') == 'iter'
    assert lr.schedule == dict(type='CosineSchedule', start=1.0, end=0.0, warmup=40)
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.model.masker == dict(type='RandomMasker', ratio=0.75)
    assert cfg.model.head.norm_pix and cfg.model.head.loss.criterion == 'L2'
    neck = cfg.model.neck
    assert (neck.decoder_embed_dim, neck.decoder_depth, neck.decoder_num_heads) == (512, 8, 16)
    crop, flip = cfg.train_dataloader.dataset.pipeline[1:3]
    assert crop.crop_ratio_range == (0.2, 1.0) and crop.interpolation == 'bicubic'
    assert flip.prob == 0.5
