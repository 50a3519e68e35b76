# Recall@k of the demo's network on the miniature of CUB-200 (mmmask prepare-miniature cub200).
_base_ = 'knn_vit-demo_material-scenes.py'

test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CUB200Retrieval',
        data_root='data/miniature/cub200/',
        pipeline=_base_.test_dataloader.dataset.pipeline,
    )
)
test_cfg = dict(_delete_=True, type='RecallLoop', ks=(1, 2, 4), token='cls')
