# Recall@k of the demo's network on the miniature of Stanford Online Products (mmmask
# prepare-miniature sop).
_base_ = 'recall_vit-demo_cub200.py'

test_dataloader = dict(dataset=dict(type='StanfordOnlineProducts', data_root='data/miniature/sop/'))
