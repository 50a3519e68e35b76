# GPA's Table 5. The heads of the last three columns are those that the paper's few shots chose of
# MAE's ViT-B. `mmmask select-head` chooses again, of your teacher and your images; figure4 shows
# what 1, 10 and 50 shots choose.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 5: which head is the teacher'
tables = [
    dict(
        name='table5',
        title='Table 5: Ablation study on attention selection. first/last is the first/last head '
        'of a ViT, b0h0 the head 0 of block 0, -1 the sum of all heads.',
        heading=('head',),
        metric='finetune',
        columns=[
            dict(label='b 0 h 0', group='first', arm='block0_head0'),
            dict(label='b 11 h 11', group='last', arm='block11_head11'),
            dict(label='b 11 h -1', group='all', arm='block11_headsum'),
            dict(label='b 10 h 10', group='1 shot', arm='block10_head10'),
            dict(label='b 9 h 11', group='10 shots', arm='as_teacher'),
            dict(label='b 9 h 11', group='50 shots', arm='as_teacher'),
        ],
        rows=[dict(label='acc(%)', published=[82.31, 82.70, 82.34, 82.68, 82.73, 82.73])],
    )
]
