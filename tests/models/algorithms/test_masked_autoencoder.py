"""MAE and GPA: losses against loops over patches, turns, pictures, what doesn't fit."""

import copy

import pytest
import torch
from masked_autoencoder_parts import (
    ARCH,
    TOKENS,
    build,
    decoder,
    fixed_mask,
    images,
    naive,
    normalised,
    parts,
    pixels_of,
)

from mmmask.models.algorithms import MaskedAutoencoder


def gradients(model, losses):
    model.zero_grad(set_to_none=True)
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize('masked', [12, 5, 15])
def test_maes_loss(masked):
    mask = fixed_mask(masked=masked)
    model = build(mask)
    losses = model.loss(images())
    assert losses.keys() == {'loss_pixel', 'mask_ratio'}
    assert losses['mask_ratio'].item() == masked / TOKENS
    expected = naive(model, images(), mask)['loss_pixel']
    torch.testing.assert_close(losses['loss_pixel'], expected, rtol=1e-10, atol=0)
    found = gradients(model, losses)
    for name, value in gradients(model, dict(loss=expected)).items():
        torch.testing.assert_close(found[name], value, rtol=1e-8, atol=1e-12, msg=name)


@pytest.mark.parametrize('standardise', [True, False])
def test_gpas_losses(standardise):
    """As a feature (Eq. 7-8): scores of the encoder itself, by pairs; both losses are added."""
    mask = fixed_mask()
    head = dict(type='AttentionPredictionHead', standardise=standardise)
    model = build(mask, attention=True, attention_head=head)
    losses = model.loss(images())
    assert losses.keys() == {'loss_pixel', 'loss_attention', 'mask_ratio'}
    expected = naive(model, images(), mask, standardise)
    for name, value in expected.items():
        # Scores are float32 or better.
        torch.testing.assert_close(losses[name], value, rtol=1e-6, atol=0, check_dtype=False)
    assert gradients(model, losses).keys() == {
        n for n, p in model.named_parameters() if p.requires_grad
    }


def test_scores_reach_the_masker():
    model = build(masker=dict(type='SoftToHardMasker', hard=(1, 1), soft=(0, 0)), attention=True)
    scores = model.scorer(images(), model.backbone)
    seen = []
    forward = model.backbone.forward
    model.backbone.forward = lambda x, mask=None: seen.append(mask) or forward(x, mask)
    model.loss(images())
    mask = seen[-1]
    assert mask.sum(dim=1).tolist() == [12] * 4
    for row, hidden in zip(scores, mask):
        assert row[hidden].min() >= row[~hidden].max()


def test_decoders_in_turn():
    """Pixels first; the idle decoder gets no gradient at all, so nothing moves or decays it."""
    model = build(fixed_mask(), attention=True, combine='alternate')
    for turn in range(4):
        losses = model.loss(images())
        found = {name.split('.')[0] for name in gradients(model, losses)}
        if turn % 2 == 0:
            assert losses.keys() == {'loss_pixel', 'mask_ratio'}
            assert found == {'backbone', 'neck'}
        else:
            assert losses.keys() == {'loss_attention', 'mask_ratio'}
            assert found == {'backbone', 'attention_decoder'}
    model.eval()
    model.loss(images())
    assert model.iteration.item() == 4  # looking takes no turn


@pytest.mark.parametrize('finished', [3, 4])
def test_turns_go_on_after_a_resume(finished):
    def step(model, optimizer):
        optimizer.zero_grad()
        losses = model.loss(images())
        sum(value for name, value in losses.items() if name.startswith('loss')).backward()
        optimizer.step()
        return [name for name in losses if name.startswith('loss')]

    def fresh():
        model = build(fixed_mask(), attention=True, combine='alternate')
        return model, torch.optim.AdamW(model.parameters(), lr=1e-2)

    model, optimizer = fresh()
    whole = [step(model, optimizer) for _ in range(7)]
    stopped, its_optimizer = fresh()
    for _ in range(finished):
        step(stopped, its_optimizer)
    saved = copy.deepcopy((stopped.state_dict(), its_optimizer.state_dict()))
    resumed, resumed_optimizer = fresh()
    resumed.load_state_dict(saved[0], strict=True)
    resumed_optimizer.load_state_dict(saved[1])
    assert [step(resumed, resumed_optimizer) for _ in range(7 - finished)] == whole[finished:]
    for name, value in model.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_only_alternation_keeps_an_iteration():
    assert 'iteration' not in build(attention=True).state_dict()
    assert 'iteration' in build(attention=True, combine='alternate').state_dict()


@pytest.mark.parametrize('norm_pix', [True, False])
def test_pictures_of_a_perfect_prediction_are_the_images(norm_pix):
    mask = fixed_mask()
    model = build(mask, head={**parts()['head'], 'norm_pix': norm_pix})
    targets = torch.stack(
        [torch.stack([pixels_of(image, place) for place in range(TOKENS)]) for image in images()]
    )
    if norm_pix:
        targets = torch.stack(
            [torch.stack([normalised(patch) for patch in image]) for image in targets]
        )
    model.neck.forward = lambda tokens, restore: targets
    found = model.reconstruct(images())
    assert found.keys() == {'mask', 'target', 'prediction'}
    assert torch.equal(found['mask'], mask) and torch.equal(found['target'], images())
    torch.testing.assert_close(found['prediction'], images(), rtol=1e-9, atol=1e-9)


def test_pictures_of_attention():
    model = build(fixed_mask(), attention=True)
    found = model.reconstruct(images())
    torch.testing.assert_close(found['scores'], model.scorer(images(), model.backbone))
    assert found['predicted_scores'].shape == (4, TOKENS)
    assert found['prediction'].shape == (4, 3, 16, 16)
    assert not any(value.requires_grad for value in found.values())


def test_features_are_those_of_the_whole_image():
    model = build()
    features = model(images(), mode='tensor')[-1]
    assert features.shape == (4, 1 + TOKENS, ARCH['embed_dims'])


BACKBONE = parts()['backbone']
SCORER = parts(attention=True)['scorer']
WRONG = {
    'keeps masked patches': (
        dict(backbone={**BACKBONE, 'mask_mode': 'replace'}),
        "set backbone.mask_mode='drop'",
    ),
    'no CLS token': (
        dict(backbone={**BACKBONE, 'with_cls_token': False}),
        'takes the first token for the CLS token, and the backbone has none',
    ),
    'scores for nobody': (dict(scorer=SCORER), 'leave out `scorer`'),
    'no scores for the masker': (dict(masker=dict(type='SoftToHardMasker')), 'give `scorer`'),
    'no scores for the decoder': (dict(attention_decoder=decoder(1)), 'give `scorer`'),
    'another grid': (dict(neck=decoder(num_patches=9)), 'neck.num_patches is 9'),
    'another grid of attention': (
        dict(scorer=SCORER, attention_decoder=decoder(1, num_patches=9)),
        'attention_decoder.num_patches is 9',
    ),
    'another width': (dict(neck=decoder(embed_dim=12)), 'neck.embed_dim is 12'),
    'another patch size of the decoder': (
        dict(neck=decoder(patch_size=8)),
        'neck predicts 192 values for each patch, but head.patch_size asks for 48',
    ),
    'another patch size of the head': (
        dict(head={**parts()['head'], 'patch_size': 8}),
        'head.patch_size is 8, but the encoder has 4 x 4 patches',
    ),
    'attention of many values': (
        dict(scorer=SCORER, attention_decoder=decoder(3)),
        'attention_decoder predicts 3 values for each patch, but scores need 1',
    ),
    'no square': (
        dict(backbone={**BACKBONE, 'img_size': (16, 32)}, neck=decoder(num_patches=32)),
        'square grids, got 4 x 8',
    ),
    'unknown combination': (
        dict(scorer=SCORER, attention_decoder=decoder(1), combine='mean'),
        "combine must be 'sum' or 'alternate', got 'mean'",
    ),
    'turns of one decoder': (dict(combine='alternate'), 'go with an attention_decoder'),
    'a head without a decoder': (
        dict(attention_head=dict(type='AttentionPredictionHead')),
        'go with an attention_decoder',
    ),
}


@pytest.mark.parametrize('changes, message', WRONG.values(), ids=WRONG.keys())
def test_parts_that_do_not_fit(changes, message):
    with pytest.raises(ValueError) as error:
        MaskedAutoencoder(**parts(**changes))
    assert message in str(error.value) and '\n' not in str(error.value)


def test_masks_that_do_not_fit():
    unequal = fixed_mask()
    unequal[0] = True
    with pytest.raises(ValueError, match='between 12 and 16 masked patches'):
        build(unequal).loss(images())
    with pytest.raises(ValueError, match='raise masker.ratio'):
        build(torch.zeros(4, TOKENS, dtype=torch.bool)).loss(images())
    other = torch.zeros(2, 3, 32, 32, dtype=torch.float64)
    with pytest.raises(ValueError, match='8 x 8 patches, but neck.num_patches is 16'):
        build().loss(other)


@pytest.mark.parametrize('attention', [False, True], ids=['mae', 'gpa'])
def test_twenty_steps_make_every_loss_fall(attention):
    """On a fixed batch and fixed masks; GPA's scores are those of a copy, so they stand still."""
    model = build(fixed_mask(), attention=attention)
    if attention:
        teacher = copy.deepcopy(model.backbone)
        scorer = model.scorer
        model.scorer = lambda views, backbone: scorer(views, teacher)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))
    history = []
    for _ in range(20):
        optimizer.zero_grad()
        losses = {n: v for n, v in model.loss(images()).items() if n.startswith('loss')}
        sum(losses.values()).backward()
        optimizer.step()
        history.append({name: value.item() for name, value in losses.items()})
    assert len(history[0]) == 1 + attention
    for name, first in history[0].items():
        assert history[-1][name] < 0.97 * first, (name, first, history[-1][name])
