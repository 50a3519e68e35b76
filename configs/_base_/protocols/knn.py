# DINO's k-NN protocol: CLS of the last block behind the final norm, L2-normalised; votes
# weighted by exp(cosine / 0.07). `mmmask test CONFIG CHECKPOINT` loads the checkpoint's backbone,
# `none` is the network before pre-training. Data configs add test_dataloader (the queries) and
# test_cfg.bank_dataloader.
_base_ = '../default_runtime.py'

# The class of the pre-training, for its initial weights: `none` is what pre-training starts from.
model = dict(
    type='FrozenBackbone',
    backbone=dict(type='MaskedVisionTransformer', with_mask_token=False),
)

# k=None: those of 10, 20, 100 and 200 that the bank allows. AttMask reports k = 20;
# feature='gap' is its Table A10, before the final norm as published; 'gap_normed' is behind it.
test_cfg = dict(type='KNNLoop', k=None, temperature=0.07, feature='cls')
test_evaluator = []  # the loop measures itself
