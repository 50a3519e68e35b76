# MST, lambda_2 = 0.8: the weight of the restoration (MST, Appendix 10: 73.6).
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(restoration=dict(weight=0.8))
