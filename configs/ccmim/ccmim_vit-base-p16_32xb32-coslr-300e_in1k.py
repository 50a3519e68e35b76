# ccMIM, ViT-B/16, 300 epochs (ccMIM, Tables 1 to 3): MAE whose masks hide what the encoder itself
# attends to, and whose CLS token is regularised by the alignment of the visible with the masked
# patches.
#
# Where the paper and the published code differ. The code has two versions: its first upload, and
# that since 14 March 2023, whose authors call the first one's attention a bug.
#                                                       here      paper     upload    since
#     attention of the CLS token: the row or the column row       row       column    row
#     model.contrast.weight                             0.2       0.2       0.2       0.1
#     images of a step                                  1024      1024                4096
#     flips                                             no        no        yes       yes
#     attention: blocks                                 all       one       all       all
#     negatives                                         masked    visible   masked    masked
# The other values: model.scorer.attention.to_cls=True is the column;
# model.scorer.attention.blocks=(-1,) with reduction='softmax_of_mean' is Eq. 4;
# model.contrast.negatives='visible' is Eq. 7. The code's README accumulates four times on 32 GPUs x
# 32 images: optim_wrapper.accumulative_counts=4, and optim_wrapper.optimizer.lr=2.4e-3, MAE's rule.
#
# The decoder is the code's, MAE's of 8 blocks. The paper says both that it follows MAE's settings
# and that they include "two-layer MHSA blocks". That is true of MAE only if attention and MLP are
# the two layers; model.neck.decoder_depth=2 is the other reading.
_base_ = '../mae/mae_vit-base-p16_8xb512-coslr-300e_in1k.py'

model = dict(
    masker=dict(_delete_=True, type='ImportanceMasker', ratio=0.75),
    scorer=dict(type='OnlineScorer', attention=dict(type='AttentionTap', blocks='all')),
    contrast=dict(type='ContrastiveAlignmentHead', in_channels=768, weight=0.2),
)

train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        pipeline=[
            step
            for step in _base_.train_dataloader.dataset.pipeline
            if step['type'] != 'RandomFlip'
        ],
    ),
)

# 1.5e-4 x batch / 256, at a batch of 1024.
optim_wrapper = dict(optimizer=dict(lr=1.5e-4 * 1024 / 256))
auto_scale_lr = dict(base_batch_size=1024)
