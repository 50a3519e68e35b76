# MST with BERT's replacement: of the masked patches 80 % become the mask token, 10 % another
# patch, 10 % stay (MST, Appendix, Table 4, row 3: 73.5).
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(backbone=dict(mask_style='bert'))
