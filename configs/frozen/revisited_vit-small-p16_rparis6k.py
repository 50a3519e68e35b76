# Revisited Paris, otherwise as revisited_vit-small-p16_roxford5k.
_base_ = 'revisited_vit-small-p16_roxford5k.py'

paris = dict(data_root='data/rparis6k/', ann_file='gnd_rparis6k.pkl')
test_dataloader = dict(dataset=paris)
test_cfg = dict(database_dataloader=dict(dataset=paris))
