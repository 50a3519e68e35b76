# Do the papers' orderings hold at the demo's size? Each table asks one of their questions, with as
# many seeds as a verdict needs: seven where two arms are compared with a third one.
#     mmmask suite mmmask::suites/orderings.py --work-dir work_dirs/orderings
title = "The papers' orderings, at the demo's size"
description = (
    'Small networks are pre-trained without a label on images of twelve materials, then compared '
    'by the k-NN accuracy of their frozen features. Each table has the arms of one question of a '
    'paper. All arms of a table differ in their masks, or in one loss, and in nothing else.'
)
prepare = dict(
    command=['-m', 'mmmask', 'prepare-demo', '--out', 'data/material_scenes'],
    data=['data/material_scenes/*/manifest.json'],
)
seeds = list(range(7))

# Demo config -> title, expected minutes.
_systems = {
    'attmask-high-ibot': ('AttMask-High on iBOT', 2.0),
    'attmask-low-ibot': ('AttMask-Low on iBOT', 2.0),
    'random-ibot': ('random masks on iBOT', 2.0),
    'mst': ('MST', 2.5),
    'mae': ('MAE', 0.8),
    'gpa-frozen': ('GPA on MAE', 1.2),
    'ccmim': ('ccMIM', 1.1),
}
protocols = {
    name: dict(
        title=title,
        run='train',
        config=f'mmmask::demo/{name}_vit-demo_material-scenes.py',
        minutes=minutes,
    )
    for name, (title, minutes) in _systems.items()
}
protocols['knn'] = dict(
    title='k-NN',
    run='test',
    config='mmmask::demo/knn_vit-demo_material-scenes.py',
    minutes=0.2,
    metrics={'knn/top1_k20': 'top-1 accuracy, % (k = 20)'},
)

# GPA's teacher is the MAE of the same seed. As in its Tables 3 and 4, no attention is predicted.
_gpa = dict(protocol='gpa-frozen', weights={'model.scorer.backbone.init_cfg': 'mae'})
_teacher = {'model.attention_decoder': None, 'model.attention_head': None}
arms = {
    'high': dict(title='AttMask-High', protocol='attmask-high-ibot'),
    'random': dict(title='random', protocol='random-ibot'),
    'low': dict(title='AttMask-Low', protocol='attmask-low-ibot'),
    'guided': dict(title='guided', protocol='mst'),
    'random-probability': dict(
        title='random, same probability',
        protocol='mst',
        options={
            'model.masker': dict(_delete_=True, type='BernoulliMasker', ratio=0.5),
            'model.scorer': None,
        },
    ),
    'mae': dict(title='random (MAE)', protocol='mae'),
    'soft-to-hard': dict(title='soft to hard', options=_teacher, **_gpa),
    'hard-to-soft': dict(
        title='hard to soft',
        options={**_teacher, 'model.masker.soft': (0.0, 0.5), 'model.masker.hard': (0.5, 0.0)},
        **_gpa,
    ),
    'aligned': dict(title='with alignment', protocol='ccmim'),
    'not-aligned': dict(title='without', protocol='ccmim', options={'model.contrast': None}),
}

_questions = {
    'attmask': ('AttMask, Table 1: which patches to mask on iBOT?', ('random', 'low', 'high')),
    'mst': ('MST, Table 4: guided or random masks?', ('random-probability', 'guided')),
    'gpa': (
        'GPA, Tables 3 and 4: in which order do masks get harder?',
        ('hard-to-soft', 'soft-to-hard'),
    ),
    'ccmim': ('ccMIM, Figure 2: is the alignment needed?', ('not-aligned', 'aligned')),
}
tables = [
    dict(
        name=name,
        title=question,
        heading=('masks' if name != 'ccmim' else 'alignment',),
        columns=[dict(label='k-NN', metric='knn')],
        rows=[dict(label=arms[arm]['title'], arm=arm) for arm in compared],
        baseline=compared[0],
    )
    for name, (question, compared) in _questions.items()
]
