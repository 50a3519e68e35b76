# DINO plus BERT's masked modelling: random masks with BERT's 0.15 (Eq. 3; the table names no
# probability) and its replacement, masked pixels restored (MST, Appendix, Table 4, row 2: 71.9).
_base_ = 'mst-bert_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(
    masker=dict(_delete_=True, type='BernoulliMasker', ratio=0.15),
    scorer=None,
    restoration=dict(target='masked'),
)
