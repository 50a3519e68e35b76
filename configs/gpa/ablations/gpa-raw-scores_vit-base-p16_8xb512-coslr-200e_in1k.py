# GPA that predicts the scores as they are (GPA, Eq. 7 to the letter), not standardised per image.
_base_ = '../gpa_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(attention_head=dict(standardise=False))
