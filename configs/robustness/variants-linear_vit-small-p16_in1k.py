# A fitted linear probe of ViT-S/16 on ImageNet-A, -R, -Sketch, -V2 and ReaL labels, beside the
# clean validation images: mmmask test CONFIG CHECKPOINT, the checkpoint of the probe's training.
_base_ = [
    '../frozen/linear_vit-small-p16_in1k.py',
    '../_base_/datasets/imagenet_robustness.py',
]

test_evaluator = []  # the loop measures itself
test_cfg = dict(type='RobustnessLoop', sets=_base_.imagenet_variants)
