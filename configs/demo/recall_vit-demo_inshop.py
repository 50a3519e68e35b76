# Recall@k of the demo's network on the miniature of In-Shop, queries in a gallery (mmmask
# prepare-miniature inshop).
_base_ = 'recall_vit-demo_cub200.py'

inshop = dict(type='InShopRetrieval', data_root='data/miniature/inshop/')
test_dataloader = dict(dataset=dict(**inshop, split='query'))
test_cfg = dict(
    gallery_dataloader={
        **_base_.test_dataloader,
        'dataset': {**_base_.test_dataloader.dataset, **inshop, 'split': 'gallery'},
    }
)
