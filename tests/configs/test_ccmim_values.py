"""What ccMIM's configs say once they are built (ccMIM, Section 4 and Appendix C)."""

from pathlib import Path

import pytest
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import HOOKS, MODELS

from mmmask.config.read import read_config

FOLDER = Path(__file__).parents[2] / 'configs' / 'ccmim'
END = '32xb32-coslr-{}e_in1k.py'


def read(name, epochs):
    return read_config(str(FOLDER / f'{name}_{END.format(epochs)}'))


@pytest.fixture(scope='module', params=['base', 'small'])
def arch(request):
    return request.param


@pytest.fixture(scope='module')
def cfg(arch):
    cfg = read(f'ccmim_vit-{arch}-p16', 300)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        yield cfg


@pytest.fixture(scope='module')
def model(cfg):
    return MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))


def test_network(model, arch):
    width, heads = dict(base=(768, 12), small=(384, 6))[arch]
    vit = model.backbone
    assert (vit.embed_dims, vit.num_layers, vit.patch_resolution) == (width, 12, (14, 14))
    assert all(layer.attn.num_heads == heads for layer in vit.layers)
    assert vit.mask_mode == 'drop' and not vit.pos_embed.requires_grad
    assert len(model.neck.decoder_blocks) == 8
    assert (model.neck.decoder_embed.in_features, model.neck.decoder_embed.out_features) == (
        width,
        512,
    )
    assert model.head.norm_pix


def test_scores_masks_and_alignment(model, arch):
    width = dict(base=768, small=384)[arch]
    assert type(model.masker).__name__ == 'ImportanceMasker'
    assert (model.masker.strategy, model.masker.ratio) == ('published', (0.75, 0.75))
    assert type(model.scorer).__name__ == 'OnlineScorer'
    tap = model.scorer.attention
    assert tap.blocks == 'all' and tap.reduction == 'mean_of_softmax'
    head = model.contrast
    assert (head.objective, head.negatives) == ('nce', 'masked')
    assert (head.weight, head.temperature) == (0.2, 0.5)
    assert tuple(head.projector.fc0.weight.shape) == (width, width)
    assert tuple(head.projector.fc1.weight.shape) == (256, width)


def test_optimisation(cfg, model):
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    assert type(optimizer).__name__ == 'AdamW'
    for group in optimizer.param_groups:
        assert group['lr'] == pytest.approx(6e-4)  # 1.5e-4 x 1024 / 256
        assert group['betas'] == (0.9, 0.95)
    assert {group['weight_decay'] for group in optimizer.param_groups} == {0.05, 0.0}
    schedules = HOOKS.build(cfg.default_hooks.schedule).items
    ((path, rate, _),) = schedules
    assert path == 'optimizer.lr'
    found = [rate(epoch * 5, 300 * 5, 5) for epoch in (0, 40, 170, 300)]
    assert found == pytest.approx([0, 1, 0.5, 0], abs=1e-3)  # warm-up of 40 epochs


def test_the_only_augmentation_is_a_crop(cfg):
    steps = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert steps == ['LoadImageFromFile', 'RandomResizedCrop', 'PackInputs']


@pytest.mark.parametrize('epochs', [100, 400])
def test_table_5(epochs):
    """Random, block-wise, importance, importance sampling: all with the alignment."""
    found = {
        name: read(f'ablations/ccmim-{name}_vit-base-p16', epochs)
        for name in ('random', 'block-wise', 'importance')
    }
    found['importance sampling'] = read('ccmim_vit-base-p16', epochs)
    maskers = {
        'random': dict(type='RandomMasker', ratio=0.75),
        'block-wise': dict(
            type='BlockMasker', ratio=0.75, prob=1.0, min_num_patches=16, exact=True
        ),
        'importance': dict(type='ImportanceMasker', ratio=0.75, strategy='top'),
        'importance sampling': dict(type='ImportanceMasker', ratio=0.75, strategy='published'),
    }
    for name, cfg in found.items():
        assert cfg.model.masker == maskers[name], name
        assert (cfg.model.scorer is None) == (name in ('random', 'block-wise'))
        assert cfg.model.contrast.weight == 0.2
        assert cfg.train_cfg.max_epochs == epochs


def test_figure_2():
    """Seven weights from 0 to 1 for both objectives, which are one at 0, at 400 epochs."""
    names = {0.1: '01', 0.4: '04', 0.6: '06', 0.8: '08', 1.0: '1'}
    nce = {w: read(f'ablations/ccmim-lambda{n}_vit-base-p16', 400) for w, n in names.items()}
    nce[0.2] = read('ccmim_vit-base-p16', 400)
    cosine = {
        w: read(f'ablations/ccmim-cosine-lambda{n}_vit-base-p16', 400) for w, n in names.items()
    }
    cosine[0.2] = read('ablations/ccmim-cosine_vit-base-p16', 400)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        for objective, configs in dict(nce=nce, cosine=cosine).items():
            for weight, cfg in configs.items():
                head = MODELS.build(cfg.model.contrast)
                assert (head.objective, head.weight) == (objective, weight)
                assert hasattr(head, 'predictor') == (objective == 'cosine')
                assert cfg.model.masker == nce[0.2].model.masker
                assert cfg.train_cfg.max_epochs == 400
    none = read('ablations/ccmim-lambda0_vit-base-p16', 400)
    assert none.model.contrast is None
    assert none.model.masker == nce[0.2].model.masker
