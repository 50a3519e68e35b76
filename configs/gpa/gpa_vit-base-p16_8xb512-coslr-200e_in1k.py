# GPA as a teacher and as a feature on MAE, ViT-B/16, 200 epochs (GPA, Tables 1, 2, 6 and 9: 83.2 %
# after fine-tuning). The losses are added, as Eq. 8 has them; with combine='alternate' the decoders
# take turns, as the text has it. The paper doesn't describe the attention decoder: with one block
# the trained parameters stay 1.0 x MAE's (Table 9), with the pixel decoder's eight they would be
# 1.2 x.
_base_ = 'gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(
    attention_decoder=dict(
        type='MAEPretrainDecoder',
        num_patches=196,
        patch_size=16,
        embed_dim=768,
        decoder_embed_dim=512,
        decoder_depth=1,
        decoder_num_heads=16,
        predict_feature_dim=1,
        init_cfg=dict(type='Xavier', layer='Linear', distribution='uniform'),
    ),
    attention_head=dict(type='AttentionPredictionHead', standardise=True),
    combine='sum',
)
