"""A config's model by itself: the data preprocessor is the runner's, and no checkpoint is read."""

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from mmmask.config.build import build_model, scope_of
from mmmask.utils.errors import UserError, explained

PRETRAINED = dict(type='Pretrained', checkpoint='none.pth')


def config(**model):
    vit = dict(
        type='VisionTransformer',
        arch=dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16),
        img_size=16,
        patch_size=8,
        out_type='cls_token',
        init_cfg=PRETRAINED,
    )
    head = dict(type='LinearClsHead', num_classes=2, in_channels=8, init_cfg=PRETRAINED)
    return Config(
        dict(
            default_scope='mmpretrain',
            model=dict(type='ImageClassifier', backbone=vit, head=head, **model),
            data_preprocessor=dict(mean=[1, 2, 3], std=[1, 1, 1]),
        )
    )


def test_the_preprocessor_is_the_runners_unless_the_model_has_one():
    with scope_of(config()):
        assert build_model(config()).data_preprocessor.mean.flatten().tolist() == [1, 2, 3]
        own = config(data_preprocessor=dict(mean=[4, 5, 6], std=[1, 1, 1]))
        assert build_model(own).data_preprocessor.mean.flatten().tolist() == [4, 5, 6]


def test_only_what_is_kept_reads_its_checkpoint():
    cfg = config()
    with scope_of(cfg):
        model = build_model(cfg, keep=['head'])
        assert model.backbone.init_cfg is None and model.head.init_cfg == PRETRAINED
        assert build_model(cfg, keep=['scorer']).head.init_cfg is None
    assert cfg.model.backbone.init_cfg == PRETRAINED


def test_scope_and_log_are_as_before():
    logger = MMLogger.get_current_instance()
    before = logger.level, DefaultScope.get_current_instance().scope_name
    with pytest.raises(KeyError), scope_of(config()):
        assert DefaultScope.get_current_instance().scope_name == 'mmpretrain'
        assert not logger.isEnabledFor(30)  # a warning
        raise KeyError
    assert (logger.level, DefaultScope.get_current_instance().scope_name) == before


def test_errors_are_explained_and_the_users_pass():
    with pytest.raises(UserError, match=r'^It failed: two lines$'), explained('It failed'):
        raise ValueError('two\nlines')
    with pytest.raises(UserError, match=r'^mine$'), explained('It failed'):
        raise UserError('mine')
