# Attention of ViT-S/16 against the objects of VOC 2012's segmentation val set (1,449 images),
# stretched to 512 x 512 as in the published evaluation. CorLoc's boxes are those of single objects.
_base_ = '../_base_/protocols/objects.py'

model = dict(
    backbone=dict(arch='deit-small', patch_size=16),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='LabelMapObjects',
        data_root='data/VOCdevkit/VOC2012/',
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(
            img_path='JPEGImages',
            seg_map_path='SegmentationClass',
            instances='SegmentationObject',
        ),
        size=512,
    ),
)
