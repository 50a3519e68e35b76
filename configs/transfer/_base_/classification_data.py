# Data sets of classification in their published layouts, taken by these names; a child adds the
# split and the pipeline, or with iNaturalist 2019 inherits 2018's.
flowers102 = dict(_delete_=True, type='Flowers102', data_root='data/Flowers102')
inaturalist2018 = dict(
    _delete_=True,
    type='INaturalist',
    data_root='data/inaturalist2018',
    year=2018,
    num_classes=8142,
)
inaturalist2019 = dict(data_root='data/inaturalist2019', year=2019, num_classes=1010)
