# Ridge classifiers of ViT-S/16 on ImageNet-1k with 1, 5, 10 and 20 labelled images of each class,
# in closed form: mean and deviation of five draws, the same images as few-shot k-NN's. The penalty
# of each draw is chosen by leaving out one of its images at a time.
_base_ = 'knn_vit-small-p16_in1k.py'

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
