# iBOT with random tokens instead of blocks, 20 % of ImageNet-1k (AttMask, Table 1). Each view has a
# ratio of its own, as the published loader draws it for blocks and tokens alike.
_base_ = '../ibot/ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(
    masker=dict(_delete_=True, type='RandomMasker', ratio=(0.1, 0.5), per='image', prob=0.5)
)
