# GPA as a teacher by the encoder's own attention, without a pre-trained network: what the paper's
# conclusion leaves to future work.
_base_ = '../gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(
    scorer=dict(
        _delete_=True,
        type='OnlineScorer',
        attention=dict(type='ReceivedAttentionTap', block=-1, head=-1),
    )
)
