"""Configs that inherit mmpretrain's, and GPA's on others, differ where they say, nowhere else."""

from functools import cache

import pytest
from config_values import CONFIGS, config

from mmmask.config.read import read_config

OURS = {
    'custom_imports',
    'default_hooks.checkpoint',
    'randomness',
    'train_dataloader.collate_fn',
    'train_dataloader.dataset',
    # what the shared file offers by name
    'image_folder',
    'collate_fn',
    'checkpoint_hook',
    'seeds',
}


def flat(node, prefix=''):
    """Leaves by dotted path; lists count as one."""
    for key, value in node.items():
        if key == '_scope_':
            continue
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', str(value).replace(", '_scope_': 'mmpretrain'", '')


@cache
def values(path):
    cfg = read_config(path) if '::' in path else config(path.removesuffix('.py'))
    return dict(flat(cfg.to_dict()))


def differences(one, other):
    one, other = values(one), values(other)
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def below(names, roots):
    return {name for name in names if any(f'{name}.'.startswith(f'{root}.') for root in roots)}


@pytest.mark.parametrize(
    'path',
    [
        'simmim/simmim_swin-base-w6_8xb256-amp-coslr-100e_in1k-192px.py',
        'mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
        'maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py',
        'byol/byol_resnet50_16xb256-coslr-200e_in1k.py',
    ],
)
def test_an_inherited_config_is_upstreams_on_our_data(path):
    found = differences(path, f'mmpretrain::{path}')
    assert below(found, OURS) == found
    cfg, upstream = config(path.removesuffix('.py')), read_config(f'mmpretrain::{path}')
    assert cfg.train_dataloader.dataset.type == 'StrictImageFolder'
    assert cfg.default_hooks.checkpoint.type == 'ResumableCheckpointHook'
    steps = [step['type'] for step in cfg.train_dataloader.dataset.pipeline]
    theirs = [step['type'] for step in upstream.train_dataloader.dataset.pipeline]
    assert steps == ['MultiCrop' if step == 'MultiView' else step for step in theirs]


def test_cae_s_is_upstreams_cae_b_made_small_and_short():
    found = differences(
        'cae/cae_vit-small-p16_8xb256-amp-coslr-50e_in1k.py',
        'mmpretrain::cae/cae_beit-base-p16_8xb256-amp-coslr-300e_in1k.py',
    )
    assert found - below(found, OURS | {'model.backbone.arch'}) == {
        'model.type',
        'param_scheduler',
        'train_cfg.max_epochs',
        'max_epochs',
    }


@pytest.mark.parametrize(
    'guided, plain, allowed',
    [
        (
            'gpa/gpa-teacher-cae_vit-small-p16_8xb256-amp-coslr-50e_in1k.py',
            'cae/cae_vit-small-p16_8xb256-amp-coslr-50e_in1k.py',
            {'model.type', 'model.backbone.type', 'train_dataloader.dataset.pipeline'},
        ),
        (
            'gpa/gpa-teacher_conv-small_8xb512-coslr-200e_in1k.py',
            'convmae/convmae_conv-small_8xb512-coslr-200e_in1k.py',
            set(),
        ),
        (
            'gpa/gpa-ibot_vit-base-p16_8xb30-coslr-100e_in1k.py',
            'ibot/ibot_vit-base-p16_8xb30-coslr-100e_in1k.py',
            set(),
        ),
        (
            'demo/gpa-cae_vit-demo_material-scenes.py',
            'demo/cae_vit-demo_material-scenes.py',
            {'model.type', 'model.backbone.type', 'train_dataloader.dataset.pipeline'},
        ),
    ],
)
def test_gpa_as_a_teacher_changes_the_masks_only(guided, plain, allowed):
    found = differences(guided, plain)
    masks = {'model.masker', 'model.scorer', 'default_hooks.schedule', 'gpa'}
    assert below(found, masks | allowed) == found
    for root in masks - {'gpa'} | allowed:
        assert below(found, {root}), f'{root} is the same'


def test_as_many_patches_are_masked_with_gpa_as_without():
    for folder, size, pattern in (('gpa', 14, 75), ('demo', 4, 6)):
        (path,) = (CONFIGS / folder).glob('gpa*cae*.py')
        cfg = config(str(path.relative_to(CONFIGS).with_suffix('')))
        assert int(cfg.model.masker.ratio * size**2) == pattern
        assert cfg.model.neck.get('mask_tokens_num', 75) == pattern
        assert 'BEiTMaskGenerator' not in str(cfg.train_dataloader.dataset.pipeline)


def test_convmae_s_is_maes_recipe_with_another_encoder():
    found = differences(
        'convmae/convmae_conv-small_8xb512-coslr-200e_in1k.py',
        'mae/mae_vit-base-p16_8xb512-coslr-200e_in1k.py',
    )
    assert below(found, {'model.backbone', 'model.neck.embed_dim'}) == found


@pytest.mark.parametrize('weight', [0.2, 0.4, 0.8])
def test_mst_with_another_weight_differs_in_it_alone(weight):
    """MST, Appendix 10."""
    parent = 'mst/mst_vit-small-p16_16xb64-coslr-100e_in1k.py'
    assert differences(f'suite:mst/restoration{weight}', parent) == {'model.restoration.weight'}
