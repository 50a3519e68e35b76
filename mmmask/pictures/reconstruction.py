"""Draw what decoders make of hidden patches."""

from __future__ import annotations

from .figure import SHOWN, Options, Sheet, Subject, hidden, seeded, sheets, span
from .overlay import magnify, overlay_heat, paste
from .sheet import Cell, SheetRow


def reconstruction_sheets(subject: Subject, options: Options) -> list[Sheet]:
    """Draw the image, what is visible, the prediction in its place, and the whole prediction.

    Raises:
        Unavailable: If the model predicts no pixels.
    """
    rows = []
    for index, sample in enumerate(subject.samples):
        with seeded(options.seed, index):
            found = subject.probe.reconstruction(sample.image)
        pasted = paste(sample.image, found['prediction'], found['mask'])
        cells = [
            Cell(sample.shown),
            hidden(sample, found['mask']),
            *(Cell(magnify(image, SHOWN)) for image in (pasted, found['prediction'])),
        ]
        for key in ('scores', 'predicted_scores') if 'predicted_scores' in found else ():
            cells.append(Cell(overlay_heat(sample.shown, found[key]), span(found[key])))
        rows.append(SheetRow(sample.name, cells))
    columns = ['image', 'masked', 'reconstructed', 'prediction alone']
    attention = len(cells) > len(columns)
    if attention:
        columns += ['attention', 'predicted attention']
    caption = _caption(subject, attention)
    return sheets('reconstruction', 'Reconstructions', caption, columns, rows, coloured=attention)


def _caption(subject: Subject, attention: bool) -> str:
    model = subject.probe.model
    text = 'Reconstructed: predicted where masked, the image itself elsewhere.'
    if not hasattr(model, 'reconstruct'):
        text += (
            " The restoration head decodes the student's tokens of the masked image; it restores "
            'the whole image.'
        )
    elif getattr(model.head, 'norm_pix', False):
        text += (
            ' The decoder predicts patches of mean 0 and variance 1: each is shown with the true '
            "patch's mean and variance."
        )
    if attention:
        text += (
            ' Attention: the scores of the scorer, and what the attention decoder predicts for '
            'every patch, each in its own range (the loss compares standardised scores).'
        )
    return text
