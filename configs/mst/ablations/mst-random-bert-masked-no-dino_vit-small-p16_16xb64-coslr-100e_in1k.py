# Masked modelling alone, without DINO's loss (MST, Appendix, Table 4, row 1: 61.0). The teacher
# follows the student and teaches nothing.
_base_ = 'mst-random-bert-masked_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(head=dict(cls_weight=0.0))
