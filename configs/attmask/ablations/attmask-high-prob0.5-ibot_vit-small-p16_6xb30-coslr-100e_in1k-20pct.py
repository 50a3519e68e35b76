# AttMask-High, each image masked with probability 0.5, at a batch of 180 (AttMask, Table 9b).
_base_ = '../attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

batch = 180
optim_wrapper = dict(optimizer=dict(lr=5e-4 * batch / 256))
auto_scale_lr = dict(base_batch_size=batch)
