# k-NN with 1, 5, 10 and 20 labelled images of each class: mean and deviation of five draws, which
# are the same for every checkpoint.
_base_ = 'knn_vit-small-p16_in1k.py'

test_cfg = dict(type='FewShotKNNLoop', k=(10, 20), shots=(1, 5, 10, 20), draws=5, seed=0)
