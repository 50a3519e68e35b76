# MST's own linear probe of DeiT-S on ImageNet-1k (MST, Appendix 5): Table 1's row without a dagger,
# and all ablations. The CLS token of the last block; 2.4e-4 at a batch of 1024, 100 epochs, no
# weight decay. The paper names neither momentum nor schedule: DINO's 0.9 and cosine.
_base_ = 'linear_vit-small-p16_in1k.py'

model = dict(n_last_blocks=1, lrs=(2.4e-4,))
# The rate is read as that of the batch. Per 256 images, as DINO states its own, it would be 9.6e-4:
# auto_scale_lr.base_batch_size=256.
auto_scale_lr = dict(base_batch_size=1024)
