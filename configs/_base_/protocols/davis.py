# DAVIS 2017 by label propagation, DINO's evaluation: patches of the last block behind the final
# norm, frames of 480 pixels whose longer side is a multiple of 64, the last seven frames and the
# first, the five nearest patches within twelve rows and columns, weights exp(cosine / 0.1).
# `mmmask test CONFIG CHECKPOINT` loads the checkpoint's backbone. Data configs add test_dataloader.
_base_ = '../default_runtime.py'

model = dict(
    type='FrozenBackbone',
    # Position embeddings are resized to the frames as in DINO's code.
    backbone=dict(type='MaskedVisionTransformer', with_mask_token=False, pos_embed_resize='dino'),
)

test_cfg = dict(
    type='DavisLoop',
    context=7,
    topk=5,
    radius=12,
    temperature=0.1,
    size=480,
    multiple=64,
    tolerance=0.008,
)
test_evaluator = []  # the loop measures itself
