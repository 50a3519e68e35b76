# Linear probing of ViT-S/16 on Places205 (AttMask, Table A12, Appendix B): flips are the only
# augmentation, SGD at 0.01 with a batch of 1024 for 50 epochs, cosine to 0, no weight decay.
_base_ = 'linear_vit-small-p16_in1k.py'

model = dict(num_classes=205, lrs=(0.01,))
auto_scale_lr = dict(base_batch_size=1024)  # 0.01 is the rate of the whole batch
param_scheduler = dict(T_max=50)
train_cfg = dict(max_epochs=50)

places = dict(data_root='data/places205/', data_prefix='images256')
train_dataloader = dict(
    dataset=dict(
        **places,
        ann_file='trainvalsplit_places205/train_places205.csv',
        pipeline=[
            *_base_.val_dataloader.dataset.pipeline[:-1],
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='PackInputs'),
        ],
    )
)
val_dataloader = dict(dataset=dict(**places, ann_file='trainvalsplit_places205/val_places205.csv'))
test_dataloader = val_dataloader
