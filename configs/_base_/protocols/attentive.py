# Efficient probing (Psomas et al., ICLR 2026): 32 learned queries pool the patch tokens of the last
# block, behind the final norm. A BatchNorm without weights and a linear layer follow. All else is
# MAE's linear evaluation, at a batch of 4096.
_base_ = 'linear_mae.py'

model = dict(token='patches', pooling=dict(type='EfficientPooling', num_queries=32))
