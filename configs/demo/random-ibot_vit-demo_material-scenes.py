# iBOT with random tokens masked, at the demo's size: AttMask's baseline. One ratio for the batch,
# as AttMask draws it, so that the two differ in the choice of the tokens only.
_base_ = 'ibot_vit-demo_material-scenes.py'

model = dict(
    masker=dict(_delete_=True, type='RandomMasker', ratio=(0.1, 0.5), per='batch', prob=0.5)
)
