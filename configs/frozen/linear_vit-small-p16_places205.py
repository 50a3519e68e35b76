# A linear classifier on kept features of ViT-S/16 on Places205 (AttMask, Table A12, Appendix B).
# Mirror images are the only augmentation. SGD at 0.01 with a batch of 1024 for 50 epochs, cosine to
# 0, no weight decay. The paper names no tokens; those of its linear probe are taken.
_base_ = 'knn_vit-small-p16_in1k.py'

places = dict(data_root='data/places205/', data_prefix='images256')
test_dataloader = dict(
    dataset=dict(**places, ann_file='trainvalsplit_places205/val_places205.csv'),
)
test_cfg = dict(
    _delete_=True,
    type='LinearFitLoop',
    epochs=50,
    lr=0.01,
    batch_size=1024,
    flip=True,
    token='cls',
    n_blocks=4,
    bank_dataloader={
        **_base_.test_dataloader,
        'dataset': {
            **_base_.test_dataloader.dataset,
            **places,
            'ann_file': 'trainvalsplit_places205/train_places205.csv',
        },
    },
)
