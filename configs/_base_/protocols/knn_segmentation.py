# Hummingbird's in-context segmentation: each patch takes the classes of its 30 nearest labelled
# patches, weighted by softmax(cosine / 0.02). `mmmask test CONFIG CHECKPOINT` loads the backbone
# of the checkpoint. Data configs (of mmseg's data sets) add test_dataloader,
# test_cfg.bank_dataloader and test_evaluator=[], since the loop measures itself.
_base_ = 'mmseg::_base_/default_runtime.py'

custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

model = dict(
    type='mmpretrain.FrozenBackbone',
    backbone=dict(type='mmpretrain.MaskedVisionTransformer', with_mask_token=False),
)

# size: where masks are compared, None = each image's own size, as mmseg does.
test_cfg = dict(
    type='mmpretrain.KNNSegmentationLoop',
    k=30,
    temperature=0.02,
    memory_size=10_240_000,
    sampling='rare',
    seed=0,
    size=None,
)
