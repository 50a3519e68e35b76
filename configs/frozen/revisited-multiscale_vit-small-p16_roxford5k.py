# The same with DINO's options for its retrieval models: long side 512, the mean of three scales.
_base_ = 'revisited_vit-small-p16_roxford5k.py'

pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Thumbnail', size=512, multiple_of=16),
    dict(type='PackInputs'),
]
test_dataloader = dict(dataset=dict(pipeline=pipeline))
test_cfg = dict(
    scales=(1.0, 2**-0.5, 0.5), database_dataloader=dict(dataset=dict(pipeline=pipeline))
)
