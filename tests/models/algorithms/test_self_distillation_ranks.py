"""Two ranks with half the batch each do what one rank does with the whole batch."""

import numpy as np
import pytest
from mmengine.model import MMDistributedDataParallel
from self_distillation_parts import FixedMasker, build, fixed_mask, views
from two_ranks import on_two_ranks

IMAGES = 4  # (2 views, 4 images) masked tokens; images 0 and 1 are rank 0's
COUNTS = {
    'unequal': [3, 0, 5, 1, 7, 2, 16, 0],
    'none on rank 0': [0, 0, 5, 1, 0, 0, 2, 4],
    # AttMask: the teacher's attention chooses; without a draw, an image's mask is its own alone.
    'attention': None,
}
ATTMASK = dict(type='HighAttentionMasker', ratio=0.4, prob=1.0)
SCORER = dict(type='TeacherScorer', attention=dict(type='AttentionTap'))
DECODER = dict(
    type='RestorationDecoder',
    in_channels=8,
    stride=4,
    channels=4,
    norm_cfg=dict(type='GN', num_groups=2),
)
METHODS = dict(  # MST without batch normalisation, whose statistics CPU ranks don't share
    ibot={},
    mst=dict(patch_weight=0.0, restoration=dict(type='RestorationHead', decoder=DECODER)),
    bert=dict(
        patch_weight=0.0,
        restoration=dict(type='RestorationHead', decoder=DECODER, target='masked'),
    ),
)


def gradients_and_centres(images, counts, method, wrap):
    """Of a batch of these images, as arrays."""
    if counts is None:
        masks = dict(masker=ATTMASK, scorer=SCORER)
    else:
        mask = fixed_mask(counts).unflatten(0, (2, IMAGES))[:, images].flatten(0, 1)
        masks = dict(masker=dict(type=FixedMasker, mask=mask))
    model = wrap(build(**masks, **METHODS[method]))
    losses = model([view[images] for view in views(IMAGES)], None, mode='loss')
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    model = getattr(model, 'module', model)
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    found.update(model.head.named_buffers())
    return {name: value.numpy() for name, value in found.items()}


def of_rank(rank, counts, method):
    images = slice(2 * rank, 2 * rank + 2)
    return gradients_and_centres(images, counts, method, MMDistributedDataParallel)


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('counts', COUNTS.values(), ids=COUNTS.keys())
def test_gradients_and_centres(counts, method):
    found = on_two_ranks(of_rank, counts, method)
    expected = gradients_and_centres(slice(0, IMAGES), counts, method, lambda model: model)
    own = 'patch_center.value' if method == 'ibot' else 'restoration.decoder.to_image.weight'
    assert {'center.value', own, 'backbone.mask_token'} <= expected.keys()
    for rank in (0, 1):
        assert found[rank].keys() == expected.keys()
        for name, value in expected.items():
            largest = np.abs(value).max()
            error = np.abs(found[rank][name] - value).max()
            # Position embeddings are resized in single precision for the local views.
            assert error <= 1e-8 * largest, (rank, name, error, largest)
