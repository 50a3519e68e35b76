# Revisited Paris at the demo's size, on its miniature (mmmask prepare-miniature rparis6k).
_base_ = 'revisited_vit-demo_roxford5k.py'

paris = dict(data_root='data/miniature/rparis6k/', ann_file='gnd_rparis6k.pkl')
test_dataloader = dict(dataset=paris)
test_cfg = dict(database_dataloader=dict(dataset=paris))
