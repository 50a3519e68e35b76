# MST, Appendix, Table 4. The table names no probability for random masks: BERT's 0.15 (Eq. 3).
#     mmmask suite mmmask::suites/mst/table_a4.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Appendix, Table 4'
description = "From BERT's masked modelling to MST, by a linear classifier after 100 epochs."

_masked, _image = 'Masked tokens', 'Original image'
tables = [
    dict(
        name='table_a4',
        title='Table 4: Differences with BERT',
        heading=('Mask strategy', 'Mask replacement style', 'Reconstructing', 'DINO loss'),
        baseline='mst',
        columns=[dict(label='Linear (%)', metric='linear')],
        rows=[
            dict(label=label, arm=arm, published=[number])
            for label, arm, number in (
                (('Random', 'BERT', _masked, 'No'), 'bert_masked_alone', 61.0),
                (('Random', 'BERT', _masked, 'Yes'), 'bert_masked', 71.9),
                (('Our', 'BERT', _image, 'Yes'), 'bert', 73.5),
                (('Our', 'Our', _image, 'Yes'), 'mst', 73.9),
            )
        ],
    )
]
