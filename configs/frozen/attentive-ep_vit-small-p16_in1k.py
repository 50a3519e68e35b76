# Efficient probing (Psomas et al., ICLR 2026) of ViT-S/16 on ImageNet-1k: 32 learned queries pool
# the patch tokens of the last block, behind the final norm. A BatchNorm without weights and a
# linear layer follow. All else is MAE's linear probe, at a batch of 4096.
#
# The authors read the CLS token, too, of a network trained by it (DINO, iBOT): model.token=tokens.
# They report the best epoch; this is the last.
_base_ = 'linear-mae_vit-small-p16_in1k.py'

model = dict(token='patches', pooling=dict(type='EfficientPooling', num_queries=32))

train_dataloader = dict(batch_size=512)  # 8 GPUs
