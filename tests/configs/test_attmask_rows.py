"""Every row of AttMask's tables that is a pre-training: its values, as the paper states them.

Section 4.1 and Appendix B for what the rows have in common: 20 % of ImageNet-1k is the first 260
images of each class (1300 x 20 %), six local crops, momentum from 0.99, batch 240; 100 % has ten
local crops and momentum from 0.996; 300 epochs have batch 800 and s = 0.32.
"""

from pathlib import Path

import pytest
from mmengine.registry import DefaultScope
from mmpretrain.registry import HOOKS, MODELS, TRANSFORMS

from mmmask.config.read import read_config

CONFIGS = Path(__file__).parents[2] / 'configs'
FULL, FIFTH = '8xb30-coslr-100e_in1k', '8xb30-coslr-100e_in1k-20pct'
LONG, SMALL = '8xb100-coslr-300e_in1k', '6xb30-coslr-100e_in1k-20pct'

HIGH = dict(type='HighAttentionMasker', ratio=(0.1, 0.5), prob=0.5, per='batch', block=-1)
HINT, LOW = (
    dict(HIGH, type='HintAttentionMasker', show_max=0.1),
    dict(HIGH, type='LowAttentionMasker'),
)
RANDOM = dict(type='RandomMasker', ratio=(0.1, 0.5), prob=0.5, per='image')
BLOCK = dict(RANDOM, type='BlockMasker')

IBOT = dict(
    prototypes=8192, weight=1.0, scale=0.25, batch=240, epochs=100, images=None, crops=10, m=0.996
)
IBOT_20 = dict(IBOT, images=260, crops=6, m=0.99)
DINO_20 = dict(IBOT_20, prototypes=65536, weight=0.0, scale=0.4)
BENCHMARK_300 = dict(IBOT, batch=800, epochs=300, scale=0.32)

ROWS = {
    # Table 1
    f'ibot/ibot {FIFTH}': (BLOCK, IBOT_20),
    f'attmask/random75-ibot {FIFTH}': (dict(RANDOM, ratio=(0.75, 0.75)), IBOT_20),
    f'attmask/random-ibot {FIFTH}': (RANDOM, IBOT_20),
    f'attmask/attmask-low-ibot {FIFTH}': (LOW, IBOT_20),
    f'attmask/attmask-hint-ibot {FIFTH}': (HINT, IBOT_20),
    f'attmask/attmask-high-ibot {FIFTH}': (HIGH, IBOT_20),
    # Table 2: 5 % and 10 % of 1300 are 65 and 130; 20 % are above, 100 % below
    'ibot/ibot 8xb30-coslr-100e_in1k-5pct': (BLOCK, dict(IBOT_20, images=65)),
    'ibot/ibot 8xb30-coslr-100e_in1k-10pct': (BLOCK, dict(IBOT_20, images=130)),
    'attmask/attmask-high-ibot 8xb30-coslr-100e_in1k-5pct': (HIGH, dict(IBOT_20, images=65)),
    'attmask/attmask-high-ibot 8xb30-coslr-100e_in1k-10pct': (HIGH, dict(IBOT_20, images=130)),
    # Table 3
    f'dino/dino {FIFTH}': (None, DINO_20),
    f'attmask/random-dino {FIFTH}': (RANDOM, DINO_20),
    f'attmask/attmask-low-dino {FIFTH}': (LOW, DINO_20),
    f'attmask/attmask-hint-dino {FIFTH}': (HINT, DINO_20),
    f'attmask/attmask-high-dino {FIFTH}': (HIGH, DINO_20),
    # Table 5
    f'ibot/ibot {FULL}': (BLOCK, IBOT),
    f'attmask/attmask-high-ibot {FULL}': (HIGH, IBOT),
    f'attmask/attmask-hint-ibot {FULL}': (HINT, IBOT),
    # Table 9a: layers counted from 1, of which 12 is the last
    f'attmask/ablations/attmask-high-layer6-ibot {FIFTH}': (dict(HIGH, block=5), IBOT_20),
    f'attmask/ablations/attmask-high-layer9-ibot {FIFTH}': (dict(HIGH, block=8), IBOT_20),
    f'attmask/ablations/attmask-high-layer11-ibot {FIFTH}': (dict(HIGH, block=10), IBOT_20),
    # Table 9b
    **{
        f'attmask/ablations/attmask-high-prob{percent}-ibot {SMALL}': (
            dict(HIGH, prob=prob),
            dict(IBOT_20, batch=180),
        )
        for percent, prob in ((0, 0.0), (25, 0.25), (50, 0.5), (75, 0.75), (100, 1.0))
    },
    # Tables 9c and A16
    **{
        f'attmask/ablations/{name}-ratio{percent}-ibot {FIFTH}': (dict(mask, ratio=ratio), IBOT_20)
        for name, mask in (('block', BLOCK), ('random', RANDOM), ('attmask-high', HIGH))
        for percent, ratio in (('10-30', (0.1, 0.3)), ('10-70', (0.1, 0.7)), ('30', (0.3, 0.3)))
    },
    # Table A13
    f'ibot/ibot {LONG}': (BLOCK, BENCHMARK_300),
    f'attmask/attmask-high-ibot {LONG}': (HIGH, BENCHMARK_300),
    # Table A15
    **{
        f'attmask/ablations/{name}-lambda{tag}-ibot {FIFTH}': (mask, dict(IBOT_20, weight=weight))
        for name, mask in (('block', BLOCK), ('attmask-high', HIGH))
        for tag, weight in (('0', 0.0), ('05', 0.5), ('2', 2.0))
    },
}


def path_of(row):
    method, recipe = row.split()
    return CONFIGS / f'{method}_vit-small-p16_{recipe}.py'


@pytest.fixture(scope='module', params=ROWS)
def row(request):
    """(config, masks, recipe)."""
    cfg = read_config(str(path_of(request.param)))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        yield (cfg, *ROWS[request.param])


def test_there_is_no_other_config():
    here = {path_of(row) for row in ROWS if row.startswith('attmask/')}
    assert set((CONFIGS / 'attmask').rglob('*.py')) == here


def test_masks(row):
    cfg, expected, _ = row
    given = cfg.model.get('masker')
    assert cfg.model.backbone.with_mask_token == (expected is not None)
    if expected is None:
        assert given is None and cfg.model.get('scorer') is None
        return
    masker = MODELS.build(given)
    assert type(masker).__name__ == expected['type']
    assert (tuple(masker.ratio), masker.prob) == (expected['ratio'], expected['prob'])
    assert masker.per == expected['per']
    assert masker.needs_scores == ('block' in expected)
    if 'show_max' in expected:
        assert masker.show_max == expected['show_max']
    if masker.needs_scores:
        tap = MODELS.build(cfg.model.scorer).attention
        assert tap.blocks == (expected['block'],)
    else:
        assert cfg.model.get('scorer') is None


def test_objective(row):
    cfg, _, expected = row
    assert cfg.model.head.patch_weight == expected['weight']
    assert cfg.model.head.out_channels == cfg.model.neck.out_channels == expected['prototypes']
    assert cfg.model.neck.norm_last_layer is False
    assert (cfg.model.backbone.arch, cfg.model.backbone.patch_size) == ('deit-small', 16)


def test_data(row):
    cfg, _, expected = row
    dataset = cfg.train_dataloader.dataset
    assert dataset.get('max_per_class') == expected['images']
    assert (dataset.data_root, dataset.data_prefix) == ('data/imagenet/', 'train')
    load, multi_crop, pack = dataset.pipeline
    crops = TRANSFORMS.build(multi_crop)
    assert crops.num_local == expected['crops']
    share = expected['scale']
    for view, scale in ((crops.second_global, (share, 1.0)), (crops.local, (0.05, share))):
        assert view.transforms[0].crop_ratio_range == scale


def test_optimisation(row):
    """lr 5e-4 x batch / 256, to 1e-6; teacher's momentum to 1; temperature 0.04 to 0.07 in 30."""
    cfg, _, expected = row
    batch, epochs, steps = expected['batch'], expected['epochs'], 3
    rate = 5e-4 * batch / 256
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(rate)
    assert cfg.auto_scale_lr.base_batch_size == batch
    assert batch % cfg.train_dataloader.batch_size == 0
    assert cfg.train_cfg.max_epochs == epochs
    schedules = {p: s for p, s, _ in HOOKS.build(cfg.default_hooks.schedule).items}

    def value(path, epoch):
        return schedules[path](epoch * steps, epochs * steps, steps)

    assert value('optimizer.lr', 10) == pytest.approx(1.0)
    assert rate * value('optimizer.lr', epochs) == pytest.approx(1e-6)
    momentum = [value('model.teacher.momentum', epoch) for epoch in (0, epochs)]
    assert momentum == pytest.approx([expected['m'], 1.0], rel=1e-12)
    decay = [0.04 * value('optimizer.weight_decay', epoch) for epoch in (0, epochs)]
    assert decay == pytest.approx([0.04, 0.4])
    temperature = schedules['model.head.teacher_temp']
    found = [temperature(epoch, epochs, 1) for epoch in (0, 29, 30, epochs - 1)]
    assert found == pytest.approx([0.04, 0.07, 0.07, 0.07])


@pytest.mark.parametrize('name', ROWS)
def test_a_row_is_a_few_lines(name):
    """Only the recipes that start a family are longer."""
    lines = path_of(name).read_text().splitlines()
    starts_a_family = name.startswith(('ibot/', 'dino/')) or 'prob50' in name
    assert len(lines) <= (30 if starts_a_family else 12)
    assert lines[0].startswith('# ')
