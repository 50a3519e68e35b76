# Recall@k of the demo's network on the miniature of Cars-196 (mmmask prepare-miniature cars196).
_base_ = 'recall_vit-demo_cub200.py'

test_dataloader = dict(dataset=dict(type='Cars196Retrieval', data_root='data/miniature/cars196/'))
