# The same for a fine-tuned ViT-S/16 (AttMask, Table A14).
_base_ = [
    '../transfer/mmpretrain/finetune-attmask_vit-small-p16_8xb128-coslr-100e_in1k.py',
    '../_base_/datasets/imagenet_robustness.py',
]

test_evaluator = []
test_cfg = dict(type='RobustnessLoop', sets=_base_.imagenet_variants)
