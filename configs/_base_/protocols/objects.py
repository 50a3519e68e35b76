# Attention against objects: the patches with 60 % of a head's attention, enlarged to pixels,
# against the masks of objects (DINO, Figure 4; Naseer et al. 2021). `mmmask test CONFIG CHECKPOINT`
# loads the checkpoint's backbone, `none` is the network before pre-training. Data configs add
# test_dataloader.
_base_ = '../default_runtime.py'

model = dict(
    type='FrozenBackbone',
    backbone=dict(type='MaskedVisionTransformer', with_mask_token=False),
)
test_cfg = dict(type='ObjectAttentionLoop', mass=0.6, block=-1, tolerance=15)
test_evaluator = []  # the loop measures itself
