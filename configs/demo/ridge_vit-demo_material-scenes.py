# Ridge classifiers of a few labelled images of each class of the embedded data: five draws.
_base_ = 'knn_vit-demo_material-scenes.py'

test_cfg = dict(
    _delete_=True,
    type='RidgeLoop',
    shots=(1, 5, 10, 20),
    draws=5,
    seed=0,
    penalty='loo',
    token='cls',
    bank_dataloader=_base_.test_cfg.bank_dataloader,
)
