# DINO in MST's recipe, without batch normalisation: the baseline of MST's Table 6 (72.4). AdamW,
# 2e-3 at a batch of 1024, 10 epochs of warm-up (Section 4.1); momentum, temperatures and weight
# decay are DINO's, as the paper says, and so are the crops, 10 local ones, and 65536 prototypes.
_base_ = '../dino/dino_vit-small-p16_8xb30-coslr-100e_in1k.py'

# The paper's 1024 are 128 accelerators x 8.
train_dataloader = dict(batch_size=64)
auto_scale_lr = dict(base_batch_size=1024)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
