import pytest

from mmmask.config.read import config_name, read_config
from mmmask.utils.errors import UserError


@pytest.mark.parametrize(
    ('name', 'model'),
    [
        ('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', 'MaskRCNN'),
        ('mmseg::upernet/upernet_r50_4xb4-160k_ade20k-512x512.py', 'EncoderDecoder'),
        ('mmpretrain::mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py', 'MAE'),
    ],
)
def test_installed_packages_configs_are_read(name, model):
    assert read_config(name).model.type == model


def test_config_inherits_from_mmseg(tmp_path):
    path = tmp_path / 'child.py'
    path.write_text(
        "_base_ = 'mmseg::upernet/upernet_r50_4xb4-160k_ade20k-512x512.py'\nwork_dir = 'x'\n"
    )
    assert read_config(str(path)).model.decode_head.type == 'UPerHead'


def test_missing_config_names_the_nearest(tmp_path):
    (tmp_path / 'dino').mkdir()
    (tmp_path / 'dino' / 'dino_vit-small.py').write_text('a = 1')
    (tmp_path / 'dino' / 'other.py').write_text('a = 1')
    with pytest.raises(UserError, match=r"Did you mean '.*/dino/dino_vit-small.py'\?"):
        read_config(str(tmp_path / 'dino' / 'dino_vit_small.py'))
    with pytest.raises(UserError, match=r"Did you mean '.*/dino/dino_vit-small.py'\?"):
        read_config(str(tmp_path / 'dyno' / 'dino_vit-small.py'))
    with pytest.raises(UserError, match='dino_vit-small.py'):
        read_config(str(tmp_path / 'dino' / 'dino_vit-small'))
    with pytest.raises(UserError, match='There is no config'):
        read_config('/nowhere/at/all/x.py')


def test_missing_package_config():
    with pytest.raises(
        UserError, match="Did you mean 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'"
    ):
        read_config('mmdet::mask_rcnn/mask_rcnn_r50_fpn_1x_coco.py')
    with pytest.raises(UserError, match="no package 'mmnothing'"):
        read_config('mmnothing::a/b.py')


def test_broken_configs(tmp_path):
    path = tmp_path / 'broken.py'
    path.write_text('model = dict(\n')
    with pytest.raises(UserError, match=r"/broken.py, line 1: '\(' was never closed"):
        read_config(str(path))
    (tmp_path / 'child.py').write_text("_base_ = ['./broken.py']\n")
    with pytest.raises(UserError, match=r"/broken.py, line 1: '\(' was never closed"):
        read_config(str(tmp_path / 'child.py'))
    path.write_text('model = dict(depth=undefined_name)\n')
    with pytest.raises(UserError, match='undefined_name'):
        read_config(str(path))
    path.write_text("_base_ = './nothing.py'\n")
    with pytest.raises(UserError, match='nothing.py'):
        read_config(str(path))
    with pytest.raises(UserError, match='is a folder'):
        read_config(str(tmp_path))


def test_config_name():
    assert config_name('mmdet::mask_rcnn/mask-rcnn_r50.py') == 'mask-rcnn_r50'
    assert config_name('configs/demo/a.b.py') == 'a.b'
