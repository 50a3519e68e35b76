# ccMIM at the demo's size, on the embedded data. Unlike the paper's, crops are flipped, as in MAE's
# demo, beside which it stands.
_base_ = 'mae_vit-demo_material-scenes.py'

model = dict(
    masker=dict(_delete_=True, type='ImportanceMasker', ratio=0.75),
    scorer=dict(type='OnlineScorer', attention=dict(type='AttentionTap', blocks='all')),
    contrast=dict(
        type='ContrastiveAlignmentHead',
        in_channels={{_base_.model.neck.embed_dim}},
        weight=0.2,
    ),
)
