"""The papers' values, and the configs that must have them.

Each row is a place in a paper, the configs that it speaks of, and their values by path (see
:func:`config_values.value`). A table of a paper is a loop; a value that a paper takes from another
one or from published code says from which.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

# Several values a line.
# fmt: off


class Row(NamedTuple):
    where: str
    names: list[str]
    values: dict[str, Any]


ROWS: list[Row] = []


def paper(where: str, names: str | Iterable[str], *values: dict[str, Any]) -> None:
    names = [names] if isinstance(names, str) else list(names)
    ROWS.append(Row(where, names, {path: v for part in values for path, v in part.items()}))


def under(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f'{prefix}{path}': value for path, value in values.items()}


PIPELINE = 'train_dataloader.dataset.pipeline'
SIZES = dict(small=(384, 6), base=(768, 12))


def vit(size: str, backbone: str = 'model:backbone') -> dict[str, Any]:
    """Twelve blocks on 14 x 14 patches."""
    width, heads = SIZES[size]
    return under(
        f'{backbone}.',
        {
            'embed_dims': width, 'num_layers': 12, 'layers.0.attn.num_heads': heads,
            'layers.-1.attn.num_heads': heads, 'patch_resolution': (14, 14),
        },
    )


# -- DINO, iBOT and AttMask: AttMask, Section 4.1 and Appendix B ----------------------------------

FULL, FIFTH = '8xb30-coslr-100e_in1k', '8xb30-coslr-100e_in1k-20pct'
LONG = '8xb100-coslr-300e_in1k'


def attmask(name: str, recipe: str) -> str:
    return f'{name}_vit-small-p16_{recipe}'


NO_MASKS = {'model.masker': None, 'model.scorer': None, 'model.backbone.with_mask_token': False}
TAP = {
    'model.scorer:type': 'TeacherScorer', 'model.scorer:attention.type': 'AttentionTap',
    'model.scorer:attention.blocks': (-1,),
}


def masks(kind: str, ratio=(0.1, 0.5), prob=0.5, per='image') -> dict[str, Any]:
    given = {'type': kind, 'ratio': ratio, 'prob': prob, 'per': per}
    return {
        **under('model.masker:', given), 'model.masker:needs_scores': False,
        'model.scorer': None, 'model.backbone.with_mask_token': True,
    }


def attended(mode: str, **changed) -> dict[str, Any]:
    values = masks(f'{mode}AttentionMasker', per='batch', **changed) | TAP
    del values['model.scorer']
    if mode == 'Hint':
        values['model.masker:show_max'] = 0.1
    return values | {'model.masker:needs_scores': True}


BLOCK, RANDOM = masks('BlockMasker'), masks('RandomMasker')
HIGH, HINT, LOW = attended('High'), attended('Hint'), attended('Low')


def recipe(
    batch=240, epochs=100, images=None, crops=10, momentum=0.996, prototypes=8192, weight=1.0,
    s=0.25,
) -> dict[str, Any]:
    """Learning rate 5e-4 x batch / 256 to 1e-6, weight decay 0.04 to 0.4, temperature 0.04 to 0.07.

    20 % of ImageNet-1k are the first 260 images of each class, 1300 x 20 %.
    """
    rate = 5e-4 * batch / 256
    values = {
        'model.backbone.arch': 'deit-small', 'model.backbone.patch_size': 16,
        'model:backbone.pos_embed_resize': 'dino',  # their code's (size + 0.1) / grid
        'model.head.patch_weight': weight, 'model.head.out_channels': prototypes,
        'model.neck.out_channels': prototypes, 'model.neck.norm_last_layer': False,
        'auto_scale_lr.base_batch_size': batch, 'train_cfg.max_epochs': epochs,
        'optim_wrapper.optimizer.lr': rate, 'lr@0': 0, 'lr@10': rate, f'lr@{epochs}': 1e-6,
        'weight_decay@0': 0.04, f'weight_decay@{epochs}': 0.4, 'momentum@0': momentum,
        f'momentum@{epochs}': 1.0, 'teacher_temp@0': 0.04, 'teacher_temp@29': 0.07,
        f'teacher_temp@{epochs - 1}': 0.07, 'train_dataloader.dataset.data_root': 'data/imagenet/',
        'train_dataloader.dataset.data_prefix': 'train',
        'train_dataloader.dataset.max_per_class': images, f'{PIPELINE}.0.type': 'LoadImageFromFile',
        f'{PIPELINE}.2.type': 'PackInputs',
    }
    crop = f'{PIPELINE}.1:'
    views = {'first_global': (s, 1.0), 'second_global': (s, 1.0), 'local': (0.05, s)}
    for view, share in views.items():
        values[f'{crop}{view}.scale'] = share
    return values | {f'{crop}num_local': crops}


ANALYSIS = dict(images=260, crops=6, momentum=0.99)
IBOT, IBOT_20 = recipe(), recipe(**ANALYSIS)
DINO = dict(prototypes=65536, weight=0.0, s=0.4)
DINO_20 = recipe(**ANALYSIS, **DINO)
LONGER = recipe(batch=800, epochs=300, s=0.32)

for name, values in {
    'ibot/ibot': BLOCK, 'attmask/random-ratio0.75-ibot': masks('RandomMasker', (0.75, 0.75)),
    'attmask/random-ibot': RANDOM, 'attmask/attmask-low-ibot': LOW,
    'attmask/attmask-hint-ibot': HINT, 'attmask/attmask-high-ibot': HIGH,
}.items():
    paper('AttMask, Table 1', attmask(name, FIFTH), IBOT_20, values)
for name, values in {'ibot/ibot': BLOCK, 'attmask/attmask-high-ibot': HIGH}.items():
    paper('AttMask, Table 2: 100 %', attmask(name, FULL), IBOT, values)
    for percent, images in ((5, 65), (10, 130)):  # of 1300
        few = recipe(**(ANALYSIS | dict(images=images)))
        paper(f'AttMask, Table 2: {percent} %', attmask(name, f'{FULL}-{percent}pct'), few, values)
    paper('AttMask, Table A13', attmask(name, LONG), LONGER, values)
for name, values in {
    'dino/dino': NO_MASKS, 'attmask/random-dino': RANDOM, 'attmask/attmask-low-dino': LOW,
    'attmask/attmask-hint-dino': HINT, 'attmask/attmask-high-dino': HIGH,
}.items():
    paper('AttMask, Table 3', attmask(name, FIFTH), DINO_20, values)
paper('AttMask, Section 4.3', attmask('attmask/attmask-hint-ibot', FULL), IBOT, HINT)
# The others are arms of AttMask's suites.
for layer in (6, 9, 11):
    blocks = {'model.scorer:attention.blocks': (layer - 1,)}
    paper('AttMask, Table 9a', f'suite:attmask/layer{layer}', IBOT_20, HIGH, blocks)
for prob in (0, 0.25, 0.5, 0.75, 1):
    values = recipe(batch=180, **ANALYSIS) | {'train_dataloader.batch_size': 180 / 6}
    paper('AttMask, Table 9b', f'suite:attmask/prob{prob}', values, attended('High', prob=prob))
for name, values in {'block': BLOCK, 'random': RANDOM, 'high': HIGH}.items():
    for text, ratio in {'10-30': (0.1, 0.3), '10-70': (0.1, 0.7), '30': (0.3, 0.3)}.items():
        where = f'suite:attmask/{name}_ratio{text}'
        paper('AttMask, Tables 9c and A16', where, IBOT_20, values, {'model.masker:ratio': ratio})
    if name != 'random':
        for weight in (0, 0.5, 2):
            where = f'suite:attmask/{name}_lambda{weight}'
            paper('AttMask, Table A15', where, recipe(**ANALYSIS, weight=weight), values)
for name, values in {'block': BLOCK, 'high': HIGH}.items():
    hook = 'default_hooks.knn'
    paper(
        'AttMask, Figure 4', f'suite:attmask/{name}', IBOT_20, values,
        under(
            f'{hook}:',
            {'protocol.k': 20, 'protocol.temperature': 0.07, 'source': 'teacher', 'feature': 'cls'},
        ),
        {f'{hook}.bank_dataloader.dataset.data_prefix': 'train'},
        {f'{hook}.query_dataloader.dataset.data_prefix': 'val'},
    )

BENCHMARK = {name: attmask(name, FULL) for name in ('dino/dino', 'ibot/ibot')}
BENCHMARK['attmask'] = attmask('attmask/attmask-high-ibot', FULL)
paper('AttMask, Appendix B', BENCHMARK['dino/dino'], recipe(**DINO), NO_MASKS)
paper(
    'AttMask, Appendix B: network and optimisation', BENCHMARK.values(), vit('small'),
    under(
        'model:',
        {
            'backbone.layers.0.attn.out_drop.drop_prob': 0.0,
            'backbone.layers.-1.attn.out_drop.drop_prob': 0.1,
            'teacher.backbone.layers.-1.attn.out_drop.drop_prob': 0.0,
            'neck.mlp.0.out_features': 2048, 'neck.mlp.2.out_features': 2048,
            'neck.mlp.4.out_features': 256,
            'neck.last_layer.parametrizations.weight.original0.requires_grad': True,
            'head.student_temp': 0.1, 'head.cls_weight': 1.0, 'head.center.momentum': 0.9,
        },
    ),
    {
        'optim_wrapper.optimizer.type': 'AdamW',
        'optim_wrapper.optimizer.betas': None,  # PyTorch's, 0.9 and 0.999
        'rate of backbone.layers.0.attn.qkv.weight': (5e-4 * 240 / 256, 0.04),
        'rate of backbone.layers.0.attn.qkv.bias': (5e-4 * 240 / 256, 0.0),
        'train_dataloader.batch_size': 240 / 8,
        'lr@5': 5e-4 * 240 / 256 * 35 / 69,  # a warm-up of 70 steps, both ends included
        'lr@55': (5e-4 * 240 / 256 + 1e-6) / 2, 'weight_decay@50': 0.22, 'momentum@50': 0.998,
        'teacher_temp@1': 0.04 + 0.03 / 29,
        'default_hooks.schedule.schedules.teacher_temp.by': 'epoch',
        'default_hooks.grad_clip:max_norm': 3.0, 'default_hooks.freeze_last_layer:epochs': 1,
        'default_hooks.freeze_last_layer:layer': 'neck.last_layer',
        'default_hooks.ema_teacher:type': 'EMATeacherHook',
    },
    under(
        f'{PIPELINE}.1:',
        {
            'first_global.size': 224, 'second_global.size': 224, 'local.size': 96,
            'color_jitter': (0.4, 0.4, 0.2, 0.1), 'gray_prob': 0.2,
        },
    ),
    {  # ImageNet's, of images that are read as BGR
        'data_preprocessor.to_rgb': True,
        'data_preprocessor.mean': [255 * value for value in (0.485, 0.456, 0.406)],
        'data_preprocessor.std': [255 * value for value in (0.229, 0.224, 0.225)],
    },
)
paper(
    'iBOT: a head shared by CLS and patches', [BENCHMARK['ibot/ibot'], BENCHMARK['attmask']],
    {
        'model:head.center.value.shape': (1, 8192),
        'model:head.patch_center.value.shape': (1, 8192), 'model:head.patch_center.momentum': 0.9,
        'model:neck.last_layer.parametrizations.weight.original1.shape': (8192, 256),
        'teacher_patch_temp@0': 0.04, 'teacher_patch_temp@30': 0.07,
        'default_hooks.schedule.schedules.teacher_patch_temp.by': 'epoch',
    },
)
paper(
    "DINO's head", BENCHMARK['dino/dino'],
    {
        'model:head.center.value.shape': (1, 65536),
        'model:neck.last_layer.parametrizations.weight.original1.shape': (65536, 256),
        'default_hooks.schedule.schedules.teacher_patch_temp': None,
    },
)

# -- MST: Sections 3 and 4, Appendix 7 to 10 ------------------------------------------------------

MST = 'vit-small-p16_16xb64-coslr-100e_in1k'
MST_MAIN = [
    f'mst/mst_{MST}', 'mst/mst_vit-small-p16_16xb64-coslr-300e_in1k',
    'mst/mst_swin-tiny_16xb64-coslr-100e_in1k',
]
MST_BASELINES = [f'mst/dino_{MST}', 'mst/dino_swin-tiny_16xb64-coslr-100e_in1k']


def mst(arm: str) -> str:
    return f'suite:mst/{arm}'


for name in (*MST_MAIN, *MST_BASELINES):
    epochs = 300 if '300e' in name else 100
    paper(
        'MST, Section 4.1', name,
        {
            'train_cfg.max_epochs': epochs, 'optim_wrapper.optimizer.type': 'AdamW',
            'optim_wrapper.optimizer.lr': 2e-3, 'optim_wrapper.optimizer.weight_decay': 0.04,
            'auto_scale_lr.base_batch_size': 1024, 'train_dataloader.batch_size': 1024 / 16,
            'lr@0': 0, 'lr@10': 2e-3, f'lr@{epochs}': 1e-6, f'weight_decay@{epochs}': 0.4,
            # DINO's code: prototypes, gain of the last layer, crops
            'model.neck.out_channels': 65536, 'model.head.out_channels': 65536,
            'model:neck.last_layer.parametrizations.weight.original0.requires_grad': False,
            f'{PIPELINE}.1': dict(
                type='MultiCrop', num_local=8, global_scale=(0.4, 1.0), local_scale=(0.05, 0.4)
            ),
            # DINO's paper
            'momentum@0': 0.996, 'teacher_temp@0': 0.04, 'teacher_temp@30': 0.07,
        },
    )
for name, epochs in {'dino': 100, 'dino_300e': 300}.items():  # those of AttMask's tables
    paper(
        'DINO, Table 8: ten local crops, a batch of 1024', f'suite:attmask/{name}',
        {
            f'{PIPELINE}.1.num_local': 10, 'auto_scale_lr.base_batch_size': 1024, 'lr@10': 2e-3,
            'train_cfg.max_epochs': epochs, f'lr@{epochs}': 1e-6, f'momentum@{epochs}': 1.0,
        },
    )
for name in MST_MAIN:
    swin = 'swin' in name
    paper(
        'MST, Sections 3.2 to 3.4', name,
        under(
            'model:',
            {
                'masker.type': 'ThresholdMasker', 'masker.num': 8, 'masker.token_prob': 0.1,
                'masker.prob': 1.0, 'head.cls_weight': 1.0, 'head.patch_weight': 0.0,
                'restoration.weight': 0.6, 'restoration.target': 'image',
                'restoration.decoder.steps.length': 5 if swin else 4,  # of 2x: 32 or 16
                'restoration.decoder.steps.0.bn.type': 'SyncBatchNorm',
                'restoration.decoder.steps.-1.bn.type': 'SyncBatchNorm', 'bn_statistics': 'view',
                'neck.mlp.length': 7, **{f'neck.mlp.{index}.type': 'Linear' for index in (0, 3, 6)},
                **{f'neck.mlp.{index}.type': 'SyncBatchNorm' for index in (1, 4)},
                **{f'neck.mlp.{index}.type': 'GELU' for index in (2, 5)},
                'neck.mlp.0.out_features': 2048, 'neck.mlp.3.out_features': 2048,
                'neck.mlp.6.out_features': 256,
                'scorer.type': 'TeacherScorer',
                'scorer.attention.type': 'SwinAttentionTap' if swin else 'AttentionTap',
            },
        ),
        {'model.backbone.arch': 'tiny'}
        if swin
        else vit('small') | {'model:scorer.attention.blocks': (-1,)},
    )
paper(
    'MST, Table 6: baselines', MST_BASELINES,
    {'model.masker': None, 'model.restoration': None, 'number of batch norms': 0},
)
for epochs in (100, 300, 800):
    name = mst('dino' if epochs == 100 else f'dino_{epochs}')
    paper('MST, Table 1: DINO', name, {'train_cfg.max_epochs': epochs, f'lr@{epochs}': 1e-6})
paper(
    'MST, Table 4: no masks', mst('mask_none'),
    {'model.masker': None, 'model.restoration.weight': 0.6},
)
paper(
    'MST, Table 4: random masks', mst('mask_random'),
    {
        'model.masker': dict(type='BernoulliMasker', ratio=0.05),
        'model.scorer': None,
    },
)
for num in (1, 2, 4, 8):
    for prob in (0.05, 0.1, 0.15):
        values = {'model.masker:num': num, 'model.masker:token_prob': prob}
        name = mst(f'num{num}_p{prob}') if (num, prob) != (8, 0.1) else MST_MAIN[0]
        paper('MST, Table 5', name, values)
paper('MST, Table 6', mst('no_bn'), {'model.neck.norm_cfg': None})
paper('MST, Section 3.3', mst('all_views_bn'), {'model.bn_statistics': 'all'})
paper(
    'MST, Table 6: DINO with normal BN', mst('dino_bn'),
    {
        'model.neck.norm_cfg': dict(type='SyncBN'), 'model.bn_statistics': 'all',
        'model.restoration': None,
    },
)
for name, loss, masker, target in (
    ('bert_masked_alone', 0.0, 'BernoulliMasker', 'masked'),
    ('bert_masked', 1.0, 'BernoulliMasker', 'masked'),
    ('bert', 1.0, 'ThresholdMasker', 'image'),
):
    paper(
        'MST, Appendix, Table 4', mst(name),
        {
            'model.backbone.mask_style': 'bert', 'model.restoration.target': target,
            'model.head:cls_weight': loss, 'model.masker.type': masker,
        },
    )
paper(
    'MST, Appendix 9', mst('mask_none_no_bn'),
    {'model.masker': None, 'model.neck.norm_cfg': None},
)
paper(
    'MST, Appendix 9', mst('mask_random_no_bn'),
    {'model.masker': dict(type='BernoulliMasker', ratio=0.01), 'model.neck.norm_cfg': None},
)
for weight in (0.2, 0.4, 0.8):
    paper('MST, Appendix 10', mst(f'restoration{weight}'), {'model.restoration.weight': weight})

# -- MAE and GPA ----------------------------------------------------------------------------------

MAE_BATCH = '8xb512-coslr'


def gpa(arm: str) -> str:
    return f'suite:gpa/{arm}'


GPA_TEACHER = f'gpa/gpa-teacher_vit-base-p16_{MAE_BATCH}-200e_in1k'


def shares(ratio=0.75, soft=(0.5, 0.0), hard=(0.0, 0.5)) -> dict[str, Any]:
    return {
        'model.masker.type': 'SoftToHardMasker', 'model.masker.ratio': ratio,
        'model.masker.soft': soft, 'model.masker.hard': hard,
        'default_hooks.schedule.schedules.progress': dict(
            path='model.masker.progress', by='epoch', schedule=dict(type='ProgressSchedule')
        ),
    }


def scores(block: int = 9, head: int | str = 11) -> dict[str, Any]:
    return {
        'model.scorer.type': 'FrozenScorer', 'model.scorer.backbone.arch': 'base',
        'model.scorer.attention.type': 'ReceivedAttentionTap',
        'model.scorer.attention.block': block, 'model.scorer.attention.head': head,
    }


for epochs in (200, 300, 800, 1600):
    paper(
        'MAE, Appendix A.1, as GPA and ccMIM take it over',
        f'mae/mae_vit-base-p16_{MAE_BATCH}-{epochs}e_in1k',
        {
            'auto_scale_lr.base_batch_size': 4096,
            'optim_wrapper.type': 'OptimWrapper',  # mixed precision is the command line's choice
            'optim_wrapper.constructor': 'MatrixDecayOptimWrapperConstructor',
            'optim_wrapper.optimizer.type': 'AdamW',
            'optim_wrapper.optimizer.lr': 1.5e-4 * 4096 / 256,
            'optim_wrapper.optimizer.betas': (0.9, 0.95),
            'optim_wrapper.optimizer.weight_decay': 0.05,
            'default_hooks.schedule.schedules.lr': dict(
                path='optimizer.lr', end=0.0,
                schedule=dict(type='CosineSchedule', start=1.0, warmup=40),
            ),
            'lr@0': 0, 'lr@40': 1.5e-4 * 16, f'lr@{epochs}': 0, 'train_cfg.max_epochs': epochs,
            'model.masker': dict(type='RandomMasker', ratio=0.75), 'model.head.norm_pix': True,
            'model.head.loss.criterion': 'L2', 'model.neck.decoder_embed_dim': 512,
            'model.neck.decoder_depth': 8, 'model.neck.decoder_num_heads': 16,
            f'{PIPELINE}.1.crop_ratio_range': (0.2, 1.0), f'{PIPELINE}.1.interpolation': 'bicubic',
            f'{PIPELINE}.2.prob': 0.5,
        },
    )
paper(
    'GPA, Tables 1 and 2: as a teacher', GPA_TEACHER, shares(), scores(),
    {'model.attention_decoder': None},
)
for epochs in (200, 300, 800):
    paper(
        'GPA, Eq. 8: as a teacher and as a feature',
        f'gpa/gpa_vit-base-p16_{MAE_BATCH}-{epochs}e_in1k', shares(), scores(),
        {
            'model.attention_decoder.predict_feature_dim': 1,
            'model.attention_head.standardise': True, 'model.combine': 'sum',
            'train_cfg.max_epochs': epochs,
        },
    )
for arm, values in {
    'ratio0.75_soft0to0': dict(soft=(0, 0)), 'ratio0.75_soft1to0': dict(soft=(1, 0)),
    'ratio0.75_soft1to1': dict(soft=(1, 1)), 'ratio0.5': dict(ratio=0.5),
    'ratio0.5_soft0to0': dict(ratio=0.5, soft=(0, 0)),
    'ratio0.5_soft1to1': dict(ratio=0.5, soft=(1, 1)), 'ratio0.9': dict(ratio=0.9),
    'ratio0.9_soft0to0': dict(ratio=0.9, soft=(0, 0)),
    'ratio0.9_soft1to1': dict(ratio=0.9, soft=(1, 1)), 'ratio0.75_hard0to0': dict(hard=(0, 0)),
    'ratio0.75_hard0to1': dict(hard=(0, 1)), 'ratio0.75_hard1to1': dict(hard=(1, 1)),
    'ratio0.5_hard0to0': dict(ratio=0.5, hard=(0, 0)),
    'ratio0.5_hard0to1': dict(ratio=0.5, hard=(0, 1)),
    'ratio0.9_hard0to0': dict(ratio=0.9, hard=(0, 0)),
    'ratio0.9_hard0to1': dict(ratio=0.9, hard=(0, 1)),
}.items():
    no_feature = {'model.attention_decoder': None}  # "we only use RGB features"
    paper('GPA, Tables 3 and 4', gpa(arm), shares(**values), scores(), no_feature)
for block, head in ((0, 0), (11, 11), (11, 'sum'), (10, 10)):
    paper('GPA, Table 5', gpa(f'block{block}_head{head}'), shares(), scores(block, head))
paper(
    'GPA, Table 9, read as the paper counts', gpa('as_teacher_96px'), shares(),
    {'model.scorer.size': 96},
)
paper(
    'GPA, Table 9, read as the paper counts', gpa('alternate_176px'),
    {'model.scorer.size': 176, 'model.combine': 'alternate', 'find_unused_parameters': True},
)
paper(
    'GPA, Section 3.3: the decoders take turns', gpa('alternate'), shares(),
    {'model.combine': 'alternate', 'find_unused_parameters': True},
)
paper(
    'GPA, Eq. 7 to the letter', gpa('raw_scores'), shares(),
    {'model.attention_head.standardise': False},
)
paper(
    'GPA as a feature alone', gpa('feature'), scores(),
    {
        'model.masker': dict(type='RandomMasker', ratio=0.75),
        'model.attention_decoder.predict_feature_dim': 1,
    },
)
paper("GPA by the encoder's own attention", gpa('online'), {'model.scorer.type': 'OnlineScorer'})
paper(
    'GPA, Table 8: MoCo v3 of ViT-B', gpa('mocov3'), vit('base'),
    {
        'model.neck.in_channels': 768, 'model.backbone.stop_grad_conv1': True,
        'train_cfg.max_epochs': 300, 'auto_scale_lr.base_batch_size': 4096,
    },
)
paper(
    'GPA, Table 10: iBOT', 'gpa/gpa-ibot_vit-base-p16_8xb30-coslr-100e_in1k',
    shares(ratio=(0.1, 0.5)), scores(), {'model.masker.per': 'image', 'model.masker.prob': 0.5},
)
paper(
    'GPA, Table 10: iBOT alone', 'ibot/ibot_vit-base-p16_8xb30-coslr-100e_in1k',
    vit('base'),
    {
        'model.masker:ratio': (0.1, 0.5), 'train_cfg.max_epochs': 100,
        # DINO's and iBOT's code: "typically False with vit_small and True with vit_base"
        'model:neck.last_layer.parametrizations.weight.original0.requires_grad': False,
        'model:teacher.neck.last_layer.parametrizations.weight.original0.requires_grad': False,
        'model:backbone.pos_embed_resize': 'dino',
    },
)
paper(
    'GPA, Table 10: ConvMAE', 'gpa/gpa-teacher_conv-small_8xb512-coslr-200e_in1k', shares(),
    scores(), {'model.backbone.arch': 'small', 'train_cfg.max_epochs': 200},
)
paper(
    'GPA, Table 10: CAE', 'gpa/gpa-teacher-cae_vit-small-p16_8xb256-amp-coslr-50e_in1k',
    shares(ratio=0.385), scores(),
)
CAE_S_50 = 'cae_vit-small-p16_8xb256-amp-coslr-50e_in1k'
paper(
    "GPA, Table 10: CAE-S, as CAE's code: 12 heads, a regressor and a decoder as of CAE-B",
    f'cae/{CAE_S_50}',
    {
        'model.type': 'WideCAE', 'model.backbone:embed_dims': 384, 'model.backbone:num_layers': 12,
        'model.backbone:layers.0.attn.num_heads': 12, 'model.backbone:norm1.eps': 1e-6,
        'model.backbone:layers.0.ffn.layers.0.0.out_features': 4 * 384,
        'model.neck': dict(
            type='CAENeck', embed_dims=768, num_heads=12, regressor_depth=4, decoder_depth=4,
            mlp_ratio=4, layer_scale_init_value=0.1,
        ),
        'train_cfg.max_epochs': 50,
    },
)
paper(
    'GPA, Table 10: CAE with GPA', f'gpa/gpa-teacher-{CAE_S_50}',
    {
        'model.type': 'GuidedCAE', 'model.backbone:layers.0.attn.num_heads': 12,
        'model.neck.embed_dims': 768, 'model.neck.num_heads': 12,
    },
)

# -- ccMIM: Section 4 and Appendix C --------------------------------------------------------------


def ccmim(epochs: int, size: str = 'base') -> str:
    return f'ccmim/ccmim_vit-{size}-p16_32xb32-coslr-{epochs}e_in1k'


IMPORTANCE = dict(type='ImportanceMasker', ratio=0.75)
for size, (width, _) in SIZES.items():
    paper(
        'ccMIM, Sections 3 and 4', ccmim(300, size), vit(size),
        under(
            'model:',
            {
                'backbone.mask_mode': 'drop', 'backbone.pos_embed.requires_grad': False,
                'neck.decoder_blocks.length': 8, 'neck.decoder_embed.in_features': width,
                'neck.decoder_embed.out_features': 512, 'head.norm_pix': True,
                'masker.type': 'ImportanceMasker', 'masker.ratio': (0.75, 0.75),
                'scorer.type': 'OnlineScorer',
                'scorer.attention.blocks': 'all', 'scorer.attention.reduction': 'mean_of_softmax',
                'scorer.attention.to_cls': False,
                'contrast.objective': 'nce', 'contrast.negatives': 'masked', 'contrast.weight': 0.2,
                'contrast.temperature': 0.5, 'contrast.projector.fc0.weight.shape': (width, width),
                'contrast.projector.fc1.weight.shape': (256, width),
            },
        ),
        {
            'optim_wrapper.optimizer.type': 'AdamW', 'optim_wrapper.optimizer.betas': (0.9, 0.95),
            'rate of backbone.layers.0.attn.qkv.weight': (1.5e-4 * 1024 / 256, 0.05),
            'rate of backbone.layers.0.attn.qkv.bias': (1.5e-4 * 1024 / 256, 0.0),
            'auto_scale_lr.base_batch_size': 1024,
            # 40 epochs of warm-up, then half a cosine to 0
            'lr@0': 0, 'lr@40': 6e-4, 'lr@170': 3e-4, 'lr@300': 0, 'train_cfg.max_epochs': 300,
            PIPELINE: [  # "the only augmentation is a crop"
                dict(type='LoadImageFromFile'),
                dict(
                    type='ResizedCrop', scale=224, crop_ratio_range=(0.2, 1.0),
                    interpolation='bicubic',
                ),
                dict(type='PackInputs'),
            ],
        },
    )
paper('ccMIM, Tables 1 to 4', ccmim(800), {'train_cfg.max_epochs': 800})
for epochs in (100, 400):
    for name, masker in {
        'random': dict(type='RandomMasker', ratio=0.75),
        'block': dict(
            type='BlockMasker', ratio=0.75, prob=1.0, min_num_patches=16, exact=True
        ),
        'importance': dict(type='HighAttentionMasker', ratio=0.75, prob=1.0),
        '': IMPORTANCE,
    }.items():
        scored = None if masker['type'] in ('RandomMasker', 'BlockMasker') else 'OnlineScorer'
        paper(
            'ccMIM, Table 5', f'suite:ccmim/{name}_{epochs}' if name else ccmim(epochs),
            {
                'model.masker': masker, 'model.scorer.type': scored, 'model.contrast.weight': 0.2,
                'train_cfg.max_epochs': epochs,
            },
        )
for weight in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0):
    for objective in ('nce', 'cosine'):
        default = (objective, weight) == ('nce', 0.2)
        paper(
            'ccMIM, Figure 2', ccmim(400) if default else f'suite:ccmim/{objective}_{weight}',
            {
                'model.contrast:objective': objective, 'model.contrast:weight': weight,
                'model.masker': IMPORTANCE, 'train_cfg.max_epochs': 400,
            },
        )
paper(
    'ccMIM, Figure 2: none', 'suite:ccmim/no_alignment',
    {'model.contrast': None, 'model.masker': IMPORTANCE, 'train_cfg.max_epochs': 400},
)
paper(
    'ccMIM, Figure 3: the first of 800 epochs', 'suite:ccmim/ccmim_1',
    {'model.masker': IMPORTANCE, 'train_cfg.max_epochs': 1, 'lr@0': 0, 'lr@1': 6e-4 * 7 / 279},
)

# -- Fine-tuning ----------------------------------------------------------------------------------

FROM_A_CHECKPOINT = {
    'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    'load_from': None,
}
CLASSES = dict(in1k=1000, cifar10=10, cifar100=100, flowers102=102, inat2018=8142, inat2019=1010)
KINDS = dict(cifar10='CIFAR10', cifar100='CIFAR100', flowers102='Flowers102')
RED, BLUE = 123.675, 103.53


def fine_tuning(
    name: str, size: str, gpus_x_images: tuple[int, int], lr: float, layer_decay: float | None,
    warmup: int = 5, erasing: float = 0.25, deit: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """MAE's recipe (the mean of the patches; ViT-S as iBOT, CLS) or DeiT's, which transfers take.

    Mixup 0.8, cutmix 1.0, label smoothing 0.1, RandAugment 9 / 0.5, drop path 0.1, weight decay
    0.05; a warm-up, then a cosine to 1e-6 (DeiT: from 1e-6, to 1e-5).
    """
    data = name.rpartition('_')[2]
    epochs = int(name.split('coslr-')[1].split('e_')[0])
    gpus, images = gpus_x_images
    pooled = size == 'base'
    kind = KINDS.get(data, 'INaturalist' if 'inat' in data else 'StrictImageFolder')
    loaders = [f'{mode}_dataloader.dataset.' for mode in ('train', 'val', 'test')]
    parts = dict(in1k=('train', 'val'), flowers102=('trainval', 'test'))
    train, val = parts.get(data, ('train', 'val' if 'inat' in data else 'test'))
    part = 'data_prefix' if data == 'in1k' else 'split'
    rgb = 'cifar' in data  # CIFAR's files hold RGB, others are read as BGR
    values = {
        'model.head.num_classes': CLASSES[data], 'data_preprocessor.num_classes': CLASSES[data],
        'data_preprocessor.mean.0': RED, 'data_preprocessor.to_rgb': not rgb,
        **{f'{loader}type': kind for loader in loaders},
        **{f'{loader}{part}': v for loader, v in zip(loaders, (train, val, val))},
        'train_cfg.max_epochs': epochs, 'train_dataloader.batch_size': images,
        'train_dataloader.sampler.num_repeats': 3 if deit else None,
        'auto_scale_lr': dict(base_batch_size=gpus * images),
    }
    if 'inat' in data:
        values |= {f'{loader}year': int(data[-4:]) for loader in loaders}
        values |= {f'{loader}num_classes': CLASSES[data] for loader in loaders}
        values |= {f'{loader}data_root': f'data/inaturalist{data[-4:]}' for loader in loaders}
    network = {
        **vit(size), 'model:backbone.layers.-1.attn.out_drop.drop_prob': 0.1,
        'model:backbone.out_type': 'avg_featmap' if pooled else 'cls_token',
        'model:backbone.final_norm': not pooled, 'has model:backbone.ln2': pooled,
        'has model:backbone.ln1': not pooled, 'model.head.loss.label_smooth_val': 0.1,
        'model.train_cfg.augments.length': 2,
        **under('model.train_cfg.augments.0.', {'type': 'Mixup', 'alpha': 0.8}),
        **under('model.train_cfg.augments.1.', {'type': 'CutMix', 'alpha': 1.0}),
    }
    first = 0 if rgb else 1  # nothing to load
    steps = under(
        f'{PIPELINE}.',
        {
            '0.type': 'ResizedCrop' if rgb else 'LoadImageFromFile',
            f'{first}.type': 'ResizedCrop', f'{first}.scale': 224,
            f'{first + 2}.type': 'RandAugment', f'{first + 2}.magnitude_level': 9,
            f'{first + 2}.num_policies': 2, f'{first + 2}.magnitude_std': 0.5,
            f'{first + 2}.hparams.pad_val.0': round(RED if rgb else BLUE),
            f'{first + 3}.type': 'RandomErasing', f'{first + 3}.erase_prob': erasing,
            f'{first + 3}.fill_color.0': RED if rgb else BLUE,
        },
    ) | {f'val_dataloader.dataset.pipeline.{first}.scale': 256}
    schedule = {
        'param_scheduler.length': 2,
        **under('param_scheduler.0.', {'end': warmup, 'by_epoch': True}),
        **under(
            'param_scheduler.0.',
            {'type': 'WarmUpLR', 'start_lr': 1e-6}
            if deit
            else {'type': 'LinearLR', 'start_factor': 1e-4},
        ),
        **under(
            'param_scheduler.1.',
            {
                'type': 'CosineToLR', 'end_lr': 1e-5 if deit else 1e-6, 'begin': warmup,
                'by_epoch': True,
                'end': None,  # that of the training
                'T_max': None,
            },
        ),
    }
    rate = layer_decay or 1.0
    head = 'head.layers.head' if size == 'small' and deit else 'head.fc'
    # 14 depths: what makes tokens, 12 blocks, what follows them
    optimiser = under(
        'rate of ',
        {
            'backbone.cls_token': (lr * rate**13, 0.0), 'backbone.pos_embed': (lr * rate**13, 0.0),
            'backbone.patch_embed.projection.weight': (lr * rate**13, 0.05),
            'backbone.layers.0.attn.qkv.weight': (lr * rate**12, 0.05),
            'backbone.layers.11.attn.qkv.weight': (lr * rate, 0.05),
            'backbone.layers.11.attn.qkv.bias': (lr * rate, 0.0),
            'backbone.layers.11.ln1.weight': (lr * rate, 0.0), f'{head}.weight': (lr, 0.05),
            f'{head}.bias': (lr, 0.0),
        },
    ) | {'optim_wrapper.optimizer.type': 'AdamW', 'optim_wrapper.clip_grad': None}
    return [FROM_A_CHECKPOINT, values, network, steps, schedule, optimiser]


for where, name, *given, options in (
    # MAE: 5 epochs of warm-up
    ('GPA, Section 4.1: 5e-4, batch 1024, layer decay 0.8, 100 epochs',
     'gpa_vit-base-p16_8xb128-coslr-100e_in1k', (8, 128), 5e-4 * 1024 / 256, 0.8, {}),
    ("ccMIM, Section 4.1: MAE's 1e-3 at 1024, 100 epochs; MAE, Table 9: layer decay 0.75",
     'ccmim_vit-base-p16_8xb128-coslr-100e_in1k', (8, 128), 1e-3 * 1024 / 256, 0.75, {}),
    ('AttMask, Table A14: 100 epochs; iBOT: layer decay 0.75, 20 epochs of warm-up, 4e-3',
     'attmask_vit-small-p16_8xb128-coslr-100e_in1k', (8, 128), 4e-3, 0.75, dict(warmup=20)),
    ('AttMask, Appendix B (Tables 1 and 6): 7.5e-6 at 900, 500 epochs',
     'attmask_vit-small-p16_6xb150-coslr-500e_cifar10', (6, 150), 7.5e-6 * 900 / 512, None,
     dict(deit=True)),
    ('AttMask, Appendix B (Tables 1 and 6): 7.5e-6 at 900, 500 epochs',
     'attmask_vit-small-p16_6xb150-coslr-500e_cifar100', (6, 150), 7.5e-6 * 900 / 512, None,
     dict(deit=True)),
    ('AttMask, Appendix B (Table 6): 7.5e-6 at 900, 1000 epochs',
     'attmask_vit-small-p16_6xb150-coslr-1000e_flowers102', (6, 150), 7.5e-6 * 900 / 512, None,
     dict(deit=True)),
    ('ccMIM, Section 4.2 (Table 4): 360 epochs, 3e-4, at 1024 / 256',
     'ccmim_vit-base-p16_8xb128-coslr-360e_inat2018', (8, 128), 3e-4 * 4, 0.75, {}),
    ('ccMIM, Section 4.2 (Table 4): 360 epochs, 3e-4, at 1024 / 256',
     'ccmim_vit-base-p16_8xb128-coslr-360e_inat2019', (8, 128), 3e-4 * 4, 0.75, {}),
    ("ccMIM, Table 4; iBOT's 1000 epochs",
     'ccmim_vit-base-p16_8xb128-coslr-1000e_flowers102', (8, 128), 3e-4 * 4, 0.75, {}),
    ("iBOT's published ViT-S: 5e-5 at 768 / 512, 360 epochs, erasing 0.1",
     'ibot_vit-small-p16_8xb96-coslr-360e_inat2018', (8, 96), 5e-5 * 768 / 512, None,
     dict(deit=True, erasing=0.1)),
    ("iBOT's published ViT-S: 2.5e-5 at 768 / 512, 360 epochs, erasing 0.1",
     'ibot_vit-small-p16_8xb96-coslr-360e_inat2019', (8, 96), 2.5e-5 * 768 / 512, None,
     dict(deit=True, erasing=0.1)),
):  # fmt: skip
    size = 'base' if 'base' in name else 'small'
    values = fine_tuning(name, size, *given, **options)
    paper(where, f'transfer/mmpretrain/finetune-{name}', *values)
paper(
    "GPA, Table 10: ConvMAE-S as GPA's ViT; 11 blocks, so 13 depths",
    'transfer/mmpretrain/finetune-gpa_conv-small_8xb128-coslr-100e_in1k',
    {
        'model:backbone.embed_dims': 384, 'model:backbone.fusions.length': 0,
        'train_cfg.max_epochs': 100, 'auto_scale_lr.base_batch_size': 1024,
        'rate of backbone.stems.0.0.weight': (2e-3 * 0.8**12, 0.05),
        'rate of backbone.pos_embed': (2e-3 * 0.8**12, 0.0),  # trained, as published
        'rate of backbone.projection.weight': (2e-3 * 0.8**12, 0.05),
        'rate of backbone.layers.10.attn.qkv.weight': (2e-3 * 0.8, 0.05),
        'rate of backbone.ln2.weight': (2e-3, 0.0), 'rate of head.fc.weight': (2e-3, 0.05),
    },
)

# -- Detection ------------------------------------------------------------------------------------

MMDET = 'transfer/mmdet/'
CASCADE = MMDET + 'cascade-mask-rcnn_vit-SIZE-p16_8xb2-1x_coco'
CAE_S = MMDET + 'mask-rcnn_vit-SIZE-p16_16xb2-1x_coco'
VITDET = MMDET + 'mask-rcnn-vitdet_vit-SIZE-p16_32xb2-1x_coco-1024px'
WINDOWED_FPN = MMDET + 'mask-rcnn-windowed-fpn_vit-base-p16_32xb2-1x_coco-1024px'
DETECTORS = {  # name: where, rate, weight decay, layer decay, drops, batch, drop paths
    CASCADE: (
        'AttMask, Table 6 and "Evaluation Details"; layer decay and drop path: iBOT\'s files',
        *(1e-4, 0.05, 0.75, [9, 11], 16, (0.1, 0.2)),
    ),
    CAE_S: (
        "ccMIM, Table 2 and Section 4.2; weight decay: CAE's file",
        *(3e-4, 0.05, 0.75, [9, 11], 32, (0.1, 0.2)),
    ),
    VITDET: (
        "ViTDet's, at GPA's 1x and 1024",
        *(1e-4, 0.1, 0.7, [8, 11], 64, (0.1, 0.1)),
    ),
    WINDOWED_FPN: (
        "GPA, Table 2: 1x, 1024; the others are arXiv 2111.11429's",
        *(8e-5, 0.1, 1.0, [8, 11], 64, (0.1, 0.1)),
    ),
    MMDET + 'mask-rcnn_swin-tiny_8xb2-1x_coco': (
        "MST, Table 2: Swin's hyper-parameters", *(1e-4, 0.05, None, [8, 11], 16, (0.1, 0.1)),
    ),
    MMDET + 'mask-rcnn-sfp_vit-small-p16_8xb2-1x_coco': (
        "No row of a paper's; AttMask's schedule", *(1e-4, 0.05, 0.75, [9, 11], 16, (0.1, 0.1)),
    ),
}
MULTI_SCALE = {(1333, short) for short in range(480, 801, 32)}


def dense_arch(size: str) -> dict[str, int]:
    width, heads = SIZES[size]
    return dict(embed_dims=width, num_layers=12, num_heads=heads, feedforward_channels=4 * width)


for pattern, (where, lr, decay, layer_decay, drops, batch, drop_paths) in DETECTORS.items():
    for size, drop_path in zip(SIZES, drop_paths):
        if 'SIZE' not in pattern and (size == 'base') != ('base' in pattern):
            continue
        plain = 'swin' not in pattern
        square = '1024px' in pattern
        train = f'train_dataloader.dataset{".dataset." if square else "."}'
        values = {
            'optim_wrapper.optimizer': dict(
                type='AdamW', lr=lr, betas=(0.9, 0.999), weight_decay=decay
            ),
            'optim_wrapper.paramwise_cfg.layer_decay_rate': layer_decay,
            'optim_wrapper.constructor': (
                'mmpretrain.LayerDecayOptimWrapperConstructor' if layer_decay else None
            ),
            'train_cfg.max_epochs': 12, 'train_cfg.val_interval': 1,
            **under(
                'param_scheduler.0.', {'type': 'LinearLR', 'by_epoch': False, 'start_factor': 0.001}
            ),
            **under(
                'param_scheduler.1.',
                {'type': 'MultiStepLR', 'milestones': drops, 'gamma': 0.1, 'end': 12},
            ),
            'auto_scale_lr.base_batch_size': batch, 'train_dataloader.batch_size': 2,
            'model.backbone.arch': dense_arch(size) if plain else 'tiny',
            'model.backbone.drop_path_rate': drop_path,
            'model.backbone.init_cfg': FROM_A_CHECKPOINT['model.backbone.init_cfg']
            | (dict(allow=dict(missing=['*relative_positions.*'])) if square else {}),
            'custom_imports.imports': ['mmmask.registration'], 'default_scope': 'mmdet',
            f'{train}ann_file': 'annotations/instances_train2017.json',
            f'{train}data_root': 'data/coco/',
            'val_dataloader.dataset.ann_file': 'annotations/instances_val2017.json',
            'val_dataloader.dataset.data_root': 'data/coco/',
            'val_evaluator.metric': ['bbox', 'segm'], 'model.roi_head.mask_head.num_classes': 80,
            f'scales of {train}pipeline': {(1024, 1024)} if square else MULTI_SCALE,
            'scales of val_dataloader.dataset.pipeline': {(1024, 1024) if square else (1333, 800)},
            'scales of test_dataloader.dataset.pipeline': {(1024, 1024) if square else (1333, 800)},
        }
        if plain:  # as detectors of plain ViTs, but with the images' own grids
            values |= {'model.backbone.final_norm': False, 'model.backbone.img_size': 224}
        heads = ['0.', '1.', '2.'] if pattern == CASCADE else ['']
        values |= {f'model.roi_head.bbox_head.{stage}num_classes': 80 for stage in heads}
        paper(where, pattern.replace('SIZE', size), values)


def box_head(stage: str = '') -> dict[str, Any]:
    """Four convolutions with SyncBN, one linear layer; GIoU x 10 of decoded boxes, by class."""
    return under(
        f'model.roi_head.bbox_head.{stage}',
        {
            'type': 'Shared4Conv1FCBBoxHead', 'norm_cfg': dict(type='SyncBN', requires_grad=True),
            'loss_bbox': dict(type='GIoULoss', loss_weight=10.0), 'reg_decoded_bbox': True,
            'reg_class_agnostic': False, 'in_channels': 256, 'fc_out_channels': 1024,
        },
    )


for size, (width, _) in SIZES.items():
    pyramid = {
        'model.backbone.out_indices': [3, 5, 7, 11],
        'model.neck.0.type': 'mmpretrain.BlockFeaturePyramid', 'model.neck.0.in_channels': width,
        'model.neck.1.type': 'FPN', 'model.neck.1.in_channels': [width] * 4,
    }
    stages = {'model.roi_head.bbox_head.length': 3, 'model.train_cfg.rcnn.length': 3}
    for index, (threshold, deviation) in enumerate(((0.5, 0.1), (0.6, 0.05), (0.7, 0.033))):
        stages |= box_head(f'{index}.')
        stages[f'model.train_cfg.rcnn.{index}.assigner.pos_iou_thr'] = threshold
        stages[f'model.roi_head.bbox_head.{index}.bbox_coder.target_stds.0'] = deviation
    paper(
        "iBOT's detector", CASCADE.replace('SIZE', size), pyramid, stages,
        {
            'model.type': 'CascadeRCNN', 'model.backbone.type': 'mmpretrain.PlainVisionTransformer',
            'model.backbone.pos_embed_resize': 'dino',  # from 14 x 14 to each batch
        },
    )
    paper(
        "CAE's detector, with its file's box head", CAE_S.replace('SIZE', size), pyramid,
        box_head(),
        {
            'model.type': 'MaskRCNN',
            'model.roi_head.bbox_head.bbox_coder.target_stds': [0.1, 0.1, 0.2, 0.2],
            'model.roi_head.mask_head.norm_cfg': None,
        },
    )
    paper(
        'ViTDet, Section 3 and appendix: windows of 14, global blocks by default the last ones',
        VITDET.replace('SIZE', size),
        {
            'model.backbone.type': 'mmpretrain.WindowedVisionTransformer',
            'model.backbone.window_size': 14, 'model.backbone.global_blocks': None,
            'model.backbone.relative_positions': 'decomposed',  # its published files
            'model.neck.type': 'mmpretrain.SimpleFeaturePyramid', 'model.neck.in_channels': width,
            'model.roi_head.bbox_head.type': 'Shared4Conv1FCBBoxHead',
            'model.roi_head.bbox_head.norm_cfg.type': 'mmpretrain.LN2d',
            'model.roi_head.mask_head.norm_cfg.type': 'mmpretrain.LN2d',
            'model.rpn_head.num_convs': 2, 'model.data_preprocessor.pad_size_divisor': 1024,
            'train_dataloader.dataset.times': 1,
            'train_dataloader.dataset.dataset.pipeline.2.ratio_range': (0.1, 2.0),
            'train_dataloader.dataset.dataset.pipeline.3.crop_size': (1024, 1024),
            'optim_wrapper.paramwise_cfg.custom_keys': dict(pos_embed=dict(decay_mult=0.0)),
            'param_scheduler.0.end': 250,
        },
    )
paper(
    'arXiv 2111.11429, Section 2: a global block at the end of each quarter, whose maps are joined',
    WINDOWED_FPN,
    {
        'model.backbone.type': 'mmpretrain.WindowedVisionTransformer',
        'model.backbone.window_size': 14, 'model.backbone.global_blocks': [2, 5, 8, 11],
        'model.backbone.out_indices': [2, 5, 8, 11], 'model.backbone.relative_positions': 'shared',
        'rate of backbone.relative_positions.windows.table': (8e-5, 0.0),
        'rate of backbone.layers.0.attn.qkv.weight': (8e-5, 0.1),
        'model.neck.0': dict(
            type='mmpretrain.BlockFeaturePyramid', in_channels=768,
            norm_cfg=dict(type='GN', num_groups=32),
        ),
        'model.neck.1.type': 'FPN', 'model.neck.1.in_channels': [768] * 4,
        **{
            f'model.{part}.norm_cfg': dict(type='SyncBN', requires_grad=True)
            for part in ('neck.1', 'roi_head.bbox_head', 'roi_head.mask_head')
        },
        'model.roi_head.bbox_head.type': 'Shared4Conv1FCBBoxHead', 'model.rpn_head.num_convs': 2,
        'model.data_preprocessor.pad_size_divisor': 1024,
        'train_dataloader.dataset.times': 1,
        'train_dataloader.dataset.dataset.pipeline.2.ratio_range': (0.1, 2.0),
        'param_scheduler.0.end': 461,  # a quarter of 117,266 images by 64, rounded up
    },
)
no_decay = dict(decay_mult=0.0)
paper(
    "Swin's detector: norms and tables aren't decayed", MMDET + 'mask-rcnn_swin-tiny_8xb2-1x_coco',
    {
        'optim_wrapper.paramwise_cfg.custom_keys': dict(
            absolute_pos_embed=no_decay, relative_position_bias_table=no_decay, norm=no_decay
        ),
        'model.backbone.type': 'mmpretrain.SwinTransformer',
        'model.backbone.out_indices': (0, 1, 2, 3), 'model.neck.in_channels': [96, 192, 384, 768],
        'param_scheduler.0.end': 1000,
    },
)

# -- Segmentation ---------------------------------------------------------------------------------

MMSEG = 'transfer/mmseg/'


def segmenter(
    size: str, crop: int, drop_path: float, blocks: list[int], iterations: int, lr: float,
    batch: int,
) -> dict[str, Any]:
    return {
        'model.backbone.arch': dense_arch(size), 'model.backbone.patch_size': 16,
        'model.backbone.drop_path_rate': drop_path,
        'model.backbone.img_size': crop,  # positions are resized once
        'model.backbone.out_indices': blocks,
        'model.backbone.init_cfg': FROM_A_CHECKPOINT['model.backbone.init_cfg'],
        'model.data_preprocessor.size': (crop, crop), 'model.test_cfg.mode': 'slide',
        'model.test_cfg.crop_size': (crop, crop),
        'model.test_cfg.stride': (341, 341) if crop == 512 else (512, 512),
        'train_cfg.max_iters': iterations, 'param_scheduler.-1.end': iterations,
        'optim_wrapper.optimizer.lr': lr,
        'train_dataloader.batch_size': batch // 8,  # on 8 GPUs
        'auto_scale_lr.base_batch_size': batch,
    }


WARM_UP = {
    'param_scheduler.length': 2,
    **under(
        'param_scheduler.0.',
        {'type': 'LinearLR', 'begin': 0, 'end': 1500, 'start_factor': 1e-6, 'by_epoch': False},
    ),
    **under('param_scheduler.1.', {'type': 'PolyLR', 'begin': 1500, 'power': 1.0, 'eta_min': 0.0}),
}
for where, name, thousands, lr, layer_decay, drop_path in (
    ('AttMask, Appendix: fine-tuning', 'upernet_vit-small-p16_8xb2-160k', 160, 7e-4, 0.65, 0.1),
    ("iBOT's published file", 'upernet-ibot_vit-small-p16_8xb2-160k', 160, 3e-5, 0.9, 0.1),
    ('ccMIM, Section 4.2', 'upernet-ccmim_vit-small-p16_8xb2-160k', 160, 3e-4, 0.65, 0.1),
    ('ccMIM, Section 4.2', 'upernet-ccmim_vit-base-p16_8xb2-160k', 160, 3e-4, 0.65, 0.1),
    ('ccMIM, Section 4.2 and Table 3', 'fpn_vit-small-p16_8xb2-160k', 160, 3e-4, 0.65, 0.1),
    ('ccMIM, Section 4.2 and Table 3', 'fpn_vit-base-p16_8xb2-160k', 160, 3e-4, 0.65, 0.1),
    ('GPA, Section 4.1 (Table 2)', 'upernet-gpa_vit-base-p16_8xb2-80k', 80, 1e-4, 0.65, 0.1),
    ('GPA, Section 4.1 (Table 8)', 'upernet-gpa_vit-base-p16_8xb2-160k', 160, 1e-4, 0.65, 0.1),
    ("iBOT's linear protocol: its file", 'linear_vit-small-p16_8xb2-160k', 160, 3e-5, None, 0.0),
    ("iBOT's command for ViT-B", 'linear_vit-base-p16_8xb2-160k', 160, 8e-4, None, 0.0),
):
    size = 'base' if 'base' in name else 'small'
    normed = name.startswith(('linear', 'upernet-ibot'))  # iBOT: model.backbone.out_with_norm=true
    values = {
        'optim_wrapper.optimizer.type': 'AdamW', 'optim_wrapper.optimizer.weight_decay': 0.05,
        'optim_wrapper.paramwise_cfg.layer_decay_rate': layer_decay,
        'model.decode_head.num_classes': 150,
        'model.backbone.type': (
            'mmpretrain.VisionTransformer' if name.startswith('fpn')
            else f'mmpretrain.{"NormedMaps" if normed else "Plain"}VisionTransformer'
        ),
        # the loaders of iBOT and CAE resize to the exact grid, whatever the pre-training did
        'model.backbone.pos_embed_resize': None if name.startswith('fpn') else 'size',
        'model.backbone.final_norm': normed, 'train_dataloader.dataset.type': 'ADE20KDataset',
    }
    if name.startswith('upernet'):  # iBOT's and CAE's files: as wide as the backbone
        values['model.decode_head.channels'] = SIZES[size][0]
        values['model.auxiliary_head.channels'] = 256
    common = segmenter(size, 512, drop_path, [3, 5, 7, 11], 1000 * thousands, lr, 16)
    paper(where, f'{MMSEG}{name}_ade20k-512x512', common, WARM_UP, values)
paper(
    'AttMask, Appendix: one scale in tests; training resizes as iBOT\'s and upstream\'s files',
    MMSEG + 'upernet_vit-small-p16_8xb2-160k_ade20k-512x512',
    {
        'train_dataloader.dataset.pipeline.2.type': 'RandomResize',
        'train_dataloader.dataset.pipeline.2.ratio_range': (0.5, 2.0),
        'scales of train_dataloader.dataset.pipeline': {(2048, 512)},
        'scales of test_dataloader.dataset.pipeline': {(2048, 512)},
    },
)
for kind, lr, blocks, auxiliary in (
    ('naive', 0.01, [2, 5, 8, 11], 3), ('pup', 0.01, [4, 7, 9, 11], 4),
    ('mla', 0.002, [2, 5, 8, 11], 4),
):
    values = {
        'optim_wrapper.optimizer.type': 'SGD', 'optim_wrapper.optimizer.momentum': 0.9,
        'optim_wrapper.optimizer.weight_decay': 0.0,
        'optim_wrapper.paramwise_cfg.custom_keys': {'head': dict(lr_mult=10.0)},
        'model.decode_head.num_classes': 19, 'model.backbone.final_norm': False,
        'model.auxiliary_head.length': auxiliary, 'model.backbone.pos_embed_resize': 'size',
    }
    for index in range(auxiliary):
        values[f'model.auxiliary_head.{index}.in_index'] = index
        values[f'model.auxiliary_head.{index}.num_classes'] = 19
        values[f'model.auxiliary_head.{index}.loss_decode.loss_weight'] = 0.4
    name = f'{MMSEG}setr-{kind}_vit-small-p16_8xb1-40k_cityscapes-768x768'
    paper(
        "MST, Table 3: SETR's own", name, segmenter('small', 768, 0.0, blocks, 40000, lr, 8), values
    )
paper(
    "Upstream's port of Swin, with mmpretrain's Swin",
    MMSEG + 'upernet_swin-tiny_8xb2-160k_ade20k-512x512', WARM_UP,
    {
        'model.backbone.type': 'mmpretrain.SwinTransformer', 'model.backbone.arch': 'tiny',
        'model.backbone.drop_path_rate': 0.3, 'optim_wrapper.optimizer.type': 'AdamW',
        'optim_wrapper.optimizer.lr': 6e-5, 'optim_wrapper.optimizer.weight_decay': 0.01,
        'train_cfg.max_iters': 160000, 'param_scheduler.-1.end': 160000,
        'model.decode_head.num_classes': 150, 'train_dataloader.batch_size': 2,
        'auto_scale_lr.base_batch_size': 16,
    },
)
