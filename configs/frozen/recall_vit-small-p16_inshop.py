# Recall@k of ViT-S/16 on In-Shop Clothes Retrieval, queries in a gallery (AttMask, Table 8).
_base_ = 'recall_vit-small-p16_cub200.py'

test_dataloader = dict(
    dataset=dict(type='InShopRetrieval', data_root='data/inshop/', split='query')
)
test_cfg = dict(
    ks=(1, 10, 20),
    gallery_dataloader={
        **_base_.test_dataloader,
        'dataset': {
            **_base_.test_dataloader.dataset,
            'type': 'InShopRetrieval',
            'data_root': 'data/inshop/',
            'split': 'gallery',
        },
    },
)
