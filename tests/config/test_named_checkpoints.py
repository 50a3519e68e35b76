import pytest
from mmengine.config import Config
from mmengine.model import PretrainedInit

from mmmask.config.checkpoints import (
    check_named_checkpoints,
    initial_checkpoint,
    without_pretrained,
)
from mmmask.transfer import Pretrained
from mmmask.utils.errors import UserError


def config(checkpoint, kind='Pretrained') -> Config:
    init = dict(type=kind, checkpoint=checkpoint)
    return Config(dict(model=dict(backbone=dict(init_cfg=init), neck=[dict(pretrained=None)])))


def test_paths_must_exist(tmp_path):
    file = tmp_path / 'a.pth'
    file.write_text('x')
    check_named_checkpoints(config(str(file)))
    assert initial_checkpoint(config(str(file))) == str(file)
    with pytest.raises(UserError, match=r"'b.pth' \(model.backbone.init_cfg.checkpoint\)"):
        check_named_checkpoints(config('b.pth'))
    cfg = config(str(file))
    cfg.model.neck[0].pretrained = 'c.pth'
    with pytest.raises(UserError, match=r"'c.pth' \(model.neck.0.pretrained\)"):
        check_named_checkpoints(cfg)


def test_schemes_are_left_alone():
    for name in ('https://host/x.pth', 'torchvision://resnet50', 'open-mmlab://a/b'):
        check_named_checkpoints(config(name))


@pytest.mark.parametrize('kind', ['Pretrained', 'mmengine.Pretrained', PretrainedInit, Pretrained])
def test_by_any_name(kind):
    with pytest.raises(UserError, match=r'model.backbone.init_cfg.checkpoint=FILE'):
        check_named_checkpoints(config('SET-ME', kind))
    assert without_pretrained(config('a.pth', kind).model).backbone.init_cfg is None


def test_placeholder_says_what_to_set():
    scorer = Config(dict(model=dict(scorer=config('SET-ME').model)))
    with pytest.raises(UserError, match=r'model.scorer.backbone.init_cfg=None for random scores'):
        check_named_checkpoints(scorer)


def test_untrained_networks_read_nothing():
    cfg = config('a.pth')
    cfg.model.pretrained = 'b.pth'
    stripped = without_pretrained(cfg.model)
    assert stripped.backbone.init_cfg is None
    assert stripped.pretrained is None
    assert cfg.model.backbone.init_cfg.checkpoint == 'a.pth'  # the given one is as it was
