# GPA's Figure 4, the recall of objects' patches by every block and head of the teacher, and what
# Table 5's 1, 10 and 50 shots choose. The paper annotated images of ImageNet by hand: patches that
# hold an object of the image's label. Here COCO's objects stand in. A suite with
# `_base_ = 'mmmask::suites/gpa/figure4.py'` and its own `figures` takes other images: a file in
# COCO's format with masks, and labelled=True where an image's folder has its category's name.
_base_ = '../_base_/gpa.py'

title = 'GPA, Figure 4: which head finds objects'
description = (
    "By the paper's annotated images of ImageNet, 1 shot chooses block 10, head 10, and 10 or 50 "
    'shots block 9, head 11 (Table 5).'
)
figures = [
    dict(
        type='heads',
        arms=['teacher'],
        annotations='data/coco/annotations/instances_val2017.json',
        images='data/coco/val2017',
        shots=[1, 10, 50],
        demo=dict(
            annotations='data/material_scenes/det/annotations/instances_val.json',
            images='data/material_scenes/det/val',
            covered=0.3,  # an object is one to two of the demo's patches wide
        ),
    )
]
