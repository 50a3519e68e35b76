# DINO in MST's recipe, without batch normalisation: the baseline of MST's Table 6 (72.4). AdamW,
# 2e-3 at a batch of 1024, 10 epochs of warm-up (Section 4.1). Momentum, temperatures and weight
# decay are those of DINO's paper, as MST says.
#
# MST's multi-crop "follows SwAV and DINO", without a number, and its last layer isn't described.
# Both are the defaults of DINO's code here: 8 local crops, a gain fixed at 1, 65536 prototypes.
# AttMask, a year later, has 10 local crops and a trained gain:
#     --cfg-options model.neck.norm_last_layer=False \
#         train_dataloader.dataset.pipeline.1.num_local=10
_base_ = '../dino/dino_vit-small-p16_8xb30-coslr-100e_in1k.py'

model = dict(neck=dict(norm_last_layer=True))

# The paper's 1024 are 128 accelerators x 8.
train_dataloader = dict(
    batch_size=64,
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='MultiCrop', num_local=8, global_scale=(0.4, 1.0), local_scale=(0.05, 0.4)),
            dict(type='PackInputs'),
        ]
    ),
)
auto_scale_lr = dict(base_batch_size=1024)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
