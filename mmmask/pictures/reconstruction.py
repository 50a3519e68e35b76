"""What decoders make of hidden patches."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmmask.visualization import Cell, SheetRow, magnify, overlay_heat, paste

from .figure import SHOWN, Options, Sample, Sheet, hidden, seeded, sheets, span
from .subject import Subject, Unavailable


def reconstruction_sheets(
    subject: Subject, samples: Sequence[Sample], options: Options
) -> list[Sheet]:
    """Image, what is visible, the prediction in its place, and the whole prediction.

    Raises:
        Unavailable: If the model predicts no pixels.
    """
    rows, caption = [], ''
    for index, sample in enumerate(samples):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            seeded(options.seed, index)
            found, caption = _predict(subject, sample)
        grid = subject.grid(sample.image)
        mask = found['mask'][0].view(grid).numpy()
        prediction = subject.image(found['prediction'][0])
        pasted = paste(sample.image, prediction, mask)
        cells = [
            Cell(sample.shown),
            hidden(sample, mask),
            *(Cell(magnify(image, SHOWN)) for image in (pasted, prediction)),
        ]
        for key in ('scores', 'predicted_scores') if 'predicted_scores' in found else ():
            scores = found[key][0].view(grid).numpy().astype(np.float64)
            cells.append(Cell(overlay_heat(sample.shown, scores), span(scores)))
        rows.append(SheetRow(sample.name, cells))
    columns = ['image', 'masked', 'reconstructed', 'prediction alone']
    attention = len(cells) > len(columns)
    if attention:
        columns += ['attention', 'predicted attention']
        caption += (
            ' Attention: the scores that the scorer gives, and what the attention decoder predicts '
            'for every patch, each in its own range (the loss compares standardised scores).'
        )
    return sheets('reconstruction', 'Reconstructions', caption, columns, rows, coloured=attention)


def _predict(subject: Subject, sample: Sample) -> tuple[dict[str, Tensor], str]:
    """Mask and prediction of one image, and how they were made."""
    model, inputs = subject.model, subject.inputs(sample.image)
    pasted = 'Reconstructed: predicted where masked, the image itself elsewhere.'
    if hasattr(model, 'reconstruct'):
        try:
            found = model.reconstruct(inputs)
        except ValueError as error:
            raise Unavailable(str(error)) from error
        if getattr(model.head, 'norm_pix', False):
            pasted += (
                ' The decoder predicts patches of mean 0 and variance 1: each is shown with the '
                "true patch's mean and variance."
            )
        return found, pasted
    if getattr(model, 'restoration', None) is None:
        raise Unavailable(f'{type(model).__name__} of this config predicts no pixels.')
    return _restore(subject, sample, inputs), (
        f"{pasted} The student's tokens of the masked image are decoded by the restoration head, "
        'which restores the whole image.'
    )


def _restore(subject: Subject, sample: Sample, inputs: Tensor) -> dict[str, Tensor]:
    """MST: the student's tokens of the masked image through the restoration head."""
    model = subject.model
    if model.masker is None:
        mask = torch.zeros(1, np.prod(subject.grid(sample.image)), dtype=torch.bool)
        tokens = model.backbone(inputs)[-1]
    else:
        masker = copy.copy(model.masker)
        masker.prob = 1.0  # an unmasked image would show nothing
        scores = subject.own_scores(sample.image)
        scores = None if scores is None else torch.from_numpy(scores).reshape(1, -1)
        mask = masker(subject.grid(sample.image), 1, scores)
        tokens = model.backbone(inputs, mask)[-1]
    size = inputs.shape[-2:]
    restored = model.restoration.decoder(tokens[:, 1:], model.backbone.token_grid(*size))
    return dict(mask=mask, prediction=restored[..., : size[0], : size[1]])
