# k-NN over the course of a pre-training on the embedded data: the labels are seen here, and nowhere
# in the training. A demo config takes it by `knn=_base_.demo_knn`, among its hooks.
_loader = dict(
    batch_size=100,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
)
_labelled = dict(
    type='StrictImageFolder',
    data_root='data/material_scenes/cls/',
    cache=True,
    test_mode=True,
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=32, backend='pillow', interpolation='bicubic'),
        dict(type='PackInputs'),
    ],
)
demo_knn = dict(
    type='KNNHook',
    interval=4,
    at_start=True,
    k=20,
    feature='cls',
    bank_dataloader=dict(dataset=dict(data_prefix='train', **_labelled), **_loader),
    query_dataloader=dict(dataset=dict(data_prefix='val', **_labelled), **_loader),
)
