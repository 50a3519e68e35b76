# iBOT's sweep of ViT-S/16 on ImageNet-1k (eval_linear_multi.py --sweep_lr_only): 45 rates, 1 to 9
# times 1e-4, 1e-3, 1e-2, 0.1 and 1 per 256 images, of which the best on the validation set is
# reported. iBOT's full sweep also has weight decays (model.weight_decays="[0,1e-6]") and LARS
# (optim_wrapper.optimizer.type=MatrixLARS, another run). iBOT reports the best epoch, too; this is
# the last.
_base_ = 'linear_vit-small-p16_in1k.py'

model = dict(lrs=[n * base for base in (1e-4, 1e-3, 1e-2, 0.1, 1.0) for n in range(1, 10)])
train_cfg = dict(select='val')
