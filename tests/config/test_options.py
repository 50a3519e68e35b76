import pytest
from mmengine.config import Config
from mmengine.model import PretrainedInit

from mmmask.config.options import check_own_parts, merge_options, read_options
from mmmask.utils.errors import UserError


def config() -> Config:
    return Config(
        dict(
            default_scope='mmpretrain',
            model=dict(
                type='SelfDistillation',
                backbone=dict(type='VisionTransformer', arch='small', init_cfg=None),
                masker=dict(type='BlockMasker'),
                head=dict(init_cfg=dict(type='Pretrained', checkpoint='a.pth')),
            ),
            train_dataloader=dict(batch_size=4, dataset=dict(type='CustomDataset')),
            pipeline=[dict(type='RandomFlip', prob=0.5)],
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1.0)),
        )
    )


@pytest.mark.parametrize(
    ('key', 'value', 'read'),
    [
        ('train_dataloader.batch_size', 8, lambda c: c.train_dataloader.batch_size),
        ('pipeline.0.prob', 0.1, lambda c: c.pipeline[0].prob),
        ('model.backbone.init_cfg', 'x', lambda c: c.model.backbone.init_cfg),
        # keys that the config doesn't have, but the class takes
        ('model.backbone.drop_path_rate', 0.1, lambda c: c.model.backbone.drop_path_rate),
        (
            'default_hooks.checkpoint.max_keep_ckpts',
            2,
            lambda c: c.default_hooks.checkpoint.max_keep_ckpts,
        ),
        (
            'optim_wrapper.optimizer.weight_decay',
            0.1,
            lambda c: c.optim_wrapper.optimizer.weight_decay,
        ),
        # dicts that the config doesn't have, but the class takes
        ('model.backbone.norm_cfg.eps', 1e-5, lambda c: c.model.backbone.norm_cfg.eps),
        (
            'model.head.init_cfg.allow.missing',
            ['x'],
            lambda c: c.model.head.init_cfg.allow.missing,
        ),
        # keys that the runner takes
        ('load_from', 'x.pth', lambda c: c.load_from),
        ('randomness.seed', 3, lambda c: c.randomness.seed),
        ('sync_bn', 'torch', lambda c: c.sync_bn),
    ],
)
def test_options_that_mean_something_are_merged(key, value, read):
    cfg = config()
    merge_options(cfg, {key: value})
    assert read(cfg) == value


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('modle.backbone.arch', "the config has no 'modle'. Did you mean 'model'?"),
        ('model.bakbone.arch', "model has no 'bakbone'. Did you mean 'backbone'?"),
        ('train_dataloader.dataset.pth', "CustomDataset .* takes no 'pth'"),
        ('model.masker.ratioo', "BlockMasker .model.masker. takes no 'ratioo'"),
        ('train_dataloader.batchsize', "Did you mean 'batch_size'?"),
        ('pipeline.1.prob', 'a list of 1'),
        ('pipeline.first.prob', 'a list of 1'),
        ('model.backbone.init_cfg.checkpoint', 'init_cfg is None, which has no keys'),
        ('model.head.init_cfg.alow.missing', "init_cfg has no 'alow'"),
        ('model.head.init_cfg.checkpiont', "Pretrained .* takes no 'checkpiont'"),
        ('nonsense', "the config has no 'nonsense'"),
    ],
)
def test_options_that_mean_nothing_are_errors(key, message):
    with pytest.raises(UserError, match=message):
        merge_options(config(), {key: 1})


@pytest.mark.parametrize('before', [None, 'file.pth', [dict(type='Normal')], dict(type='Normal')])
def test_a_dict_takes_the_place_of_what_is_none(before):
    """Of another dict only the keys that are named change."""
    cfg = config()
    cfg.model.backbone.init_cfg = before
    merge_options(cfg, {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='a.pth')})
    assert cfg.model.backbone.init_cfg == dict(type='Pretrained', checkpoint='a.pth')
    merge_options(cfg, {'load_from': dict(a=1)})  # a key that the config hasn't
    assert cfg.load_from == dict(a=1)


def test_misspelt_keys_of_our_own_parts():
    cfg = config()
    check_own_parts(cfg)
    cfg.model.masker.min_num_pathces = 4
    with pytest.raises(UserError, match=r"BlockMasker \(model.masker\) takes no 'min_num_pathces'"):
        check_own_parts(cfg)


def test_misspelt_keys_in_lists_and_of_hooks():
    cfg = config()
    cfg.custom_hooks = [dict(type='ResumableCheckpointHook', interval=1, priority=30)]
    check_own_parts(cfg)
    cfg.custom_hooks[0]['intervall'] = 2
    with pytest.raises(UserError, match=r"custom_hooks.0.*'intervall'. Did you mean 'interval'"):
        check_own_parts(cfg)


def test_upstream_parts_are_left_to_upstream():
    cfg = config()
    cfg.model.backbone.no_such_key = 1
    check_own_parts(cfg)


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('dict(heads=True)', dict(heads=True)),
        (
            "dict(missing=['a', 'b'], unexpected=('c',), heads=False)",
            dict(missing=['a', 'b'], unexpected=('c',), heads=False),
        ),
        (" [dict(type='LN', eps=1e-5), {'a': dict(b=None)}]", None),
        ('[a,b]', ['a', 'b']),
        ('1e-3', 1e-3),
        ('dictionary,2', ['dictionary', 2]),
        ('/a folder', '/a folder'),
        ('(a b, 1)', ('a b', 1)),
    ],
)
def test_dicts_on_the_command_line(text, value):
    value = [dict(type='LN', eps=1e-5), dict(a=dict(b=None))] if value is None else value
    assert read_options([f'a.b={text}']) == {'a.b': value}


@pytest.mark.parametrize(
    ('key', 'text', 'value'),
    [
        ('data_root', '/my data/a, b', '/my data/a, b'),
        ('data_root', '2024', '2024'),
        ('data_prefix', '1e5', '1e5'),  # str | dict
        ('data_prefix', "dict(img='x y')", dict(img='x y')),
        ('ann_file', 'True', 'True'),
        ('ann_file', 'None', None),
        ('ann_file', "'7'", '7'),
        ('max_per_class', '7', 7),
        ('extensions', '.a b,.c', ['.a b', '.c']),
        ('indices', '[ 1, 2 ]', [1, 2]),
    ],
)
def test_keys_that_hold_text_keep_it(key, text, value):
    cfg = config()
    cfg.train_dataloader.dataset = dict(type='StrictImageFolder', data_root='x', data_prefix='y')
    merge_options(cfg, read_options([f'train_dataloader.dataset.{key}={text}']))
    assert cfg.train_dataloader.dataset[key] == value


def test_a_dict_where_the_config_has_none():
    cfg = config()
    text = "dict(type='Pretrained', checkpoint='a.pth')"
    merge_options(cfg, read_options([f'model.backbone.init_cfg={text}']))
    assert cfg.model.backbone.init_cfg == dict(type='Pretrained', checkpoint='a.pth')
    merge_options(cfg, read_options(["model.backbone.norm_cfg=dict(type='LN', eps=1e-5)"]))
    assert cfg.model.backbone.norm_cfg == dict(type='LN', eps=1e-5)


def test_an_option_in_a_dict_of_another_option():
    cfg = config()
    masker = dict(_delete_=True, type='SoftToHardMasker', ratio=0.75)
    options = {'model.masker.ratio': 0.5, 'model.masker': masker}
    merge_options(cfg, options)
    assert cfg.model.masker == dict(type='SoftToHardMasker', ratio=0.5)
    assert options['model.masker'] is masker and masker['ratio'] == 0.75
    scorer = dict(type='FrozenScorer', backbone=dict(init_cfg=dict(checkpoint='SET-ME')))
    options = {'model.scorer': scorer, 'model.scorer.backbone.init_cfg.checkpoint': 'a.pth'}
    merge_options(cfg, options)
    assert cfg.model.scorer.backbone.init_cfg.checkpoint == 'a.pth'
    assert scorer['backbone']['init_cfg']['checkpoint'] == 'SET-ME'


def test_texts_of_keys_without_a_class():
    cfg = config()
    cfg.mine = dict(folder='x', number=1)
    words = ['mine.folder=2024', 'mine.number=2024', 'load_from=12', 'pipeline.0.direction=a b']
    merge_options(cfg, read_options(words))
    assert cfg.mine == dict(folder='2024', number=2024) and cfg.load_from == '12'
    assert cfg.pipeline[0].direction == 'a b'


@pytest.mark.parametrize('text', ["dict(a=open('x'))", 'dict(a=b)', 'dict(a=', 'dict([1])'])
def test_nothing_is_run_on_the_command_line(text):
    with pytest.raises(ValueError, match='is no dict of plain values'):
        read_options([f'a={text}'])


@pytest.mark.parametrize(
    ('init_cfg', 'message'),
    [
        ('a.pth', r'model.backbone.init_cfg is .*: give a file as .*init_cfg.checkpoint=a.pth'),
        (
            dict(type='TruncNormal', layer='Linear', checkpoint='a.pth'),
            r"TruncNormal, which takes no checkpoint; .* init_cfg=dict\(_delete_=True, type='Tr",
        ),
        (dict(checkpoint='a.pth'), 'model.backbone.init_cfg has no type'),
    ],
)
def test_an_init_cfg_that_is_none(init_cfg, message):
    for value in (init_cfg, [dict(type='Constant', layer='Linear', val=1.0), init_cfg]):
        cfg = config()
        cfg.model.backbone.init_cfg = value
        with pytest.raises(UserError, match=message):
            check_own_parts(cfg)


@pytest.mark.parametrize(
    'init_cfg',
    [
        None,
        [],
        dict(type='mmengine.Pretrained', checkpoint='a.pth'),
        dict(type=PretrainedInit, checkpoint='a.pth'),
        dict(type='Pretrained_Part', checkpoint='a.pth'),  # mmseg's ViT knows it
        [dict(type='TruncNormal', layer='Linear'), dict(type='Pretrained', checkpoint='a.pth')],
    ],
)
def test_every_other_init_cfg(init_cfg):
    cfg = config()
    cfg.model.backbone.init_cfg = init_cfg
    check_own_parts(cfg)
