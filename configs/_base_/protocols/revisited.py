# Revisited Oxford and Paris as DINO evaluates them: whole queries, long side 224, one scale. The
# protocol's authors cut queries out by their boxes: test_dataloader.dataset.crop=True.
_base_ = 'knn.py'

loader = dict(
    batch_size=1,  # images keep their shapes
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
)
thumbnail = dict(type='Thumbnail', size=224, multiple_of=16)
dataset = dict(
    type='RevisitedBuildings',
    data_root='data/roxford5k/',
    ann_file='gnd_roxford5k.pkl',
    pipeline=[dict(type='LoadImageFromFile'), thumbnail, dict(type='PackInputs')],
)

test_dataloader = dict(**loader, dataset=dict(**dataset, split='query', crop=False))
test_cfg = dict(
    _delete_=True,
    type='RevisitedLoop',
    scales=(1.0,),
    token='cls',
    database_dataloader=dict(**loader, dataset=dict(**dataset, split='database')),
)
