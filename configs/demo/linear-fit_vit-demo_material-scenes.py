# A linear classifier on kept features of the embedded data, as AttMask's on Places205: the network
# sees each image and its mirror image once, then 50 epochs take seconds.
_base_ = 'knn_vit-demo_material-scenes.py'

test_cfg = dict(
    _delete_=True,
    type='LinearFitLoop',
    epochs=50,
    lr=0.3,
    batch_size=64,
    flip=True,
    token='cls',
    n_blocks=3,
    bank_dataloader=_base_.test_cfg.bank_dataloader,
)
