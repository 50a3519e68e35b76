# k-NN with a bank of the first 260 images of each class, an option of AttMask's published script
# (`--subset 260`) for models of its 20 % analysis. The paper says "training images", and the
# script's default is all of them, so the tables are read as knn_vit-small-p16_in1k.
_base_ = 'knn_vit-small-p16_in1k.py'

test_cfg = dict(bank_dataloader=dict(dataset=dict(max_per_class=260)))
