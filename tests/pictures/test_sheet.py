import numpy as np
import pytest

from mmmask.pictures import Cell, SheetRow, contact_sheet
from mmmask.pictures.sheet import GAP


def flat(value: int, height: int = 20, width: int = 30) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def place_of(sheet: np.ndarray, value: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of what has a colour that no letter has."""
    ys, xs = np.nonzero((sheet == (value, value, 255 - value)).all(axis=2))
    return ys.min(), xs.min(), np.ptp(ys) + 1, np.ptp(xs) + 1


def tinted(value: int) -> np.ndarray:
    picture = flat(value)
    picture[..., 2] = 255 - value
    return picture


def test_pictures_stand_in_rows_and_columns():
    rows = [
        SheetRow('one', [Cell(tinted(60)), Cell(tinted(80), 'words')]),
        SheetRow('', [None, Cell(tinted(100))]),
    ]
    sheet = contact_sheet(['a', 'b'], rows)
    first, second, third = (place_of(sheet, value) for value in (60, 80, 100))
    assert first[2:] == second[2:] == third[2:] == (20, 30)  # nothing is resized
    assert first[0] == second[0] and second[1] == first[1] + 30 + GAP
    assert third[1] == second[1] and third[0] == first[0] + 20 + GAP + 16  # a line of caption
    between = sheet[second[0] + 20 : third[0], second[1] : second[1] + 30]
    assert (between < 200).any()  # the caption
    assert (sheet[third[0] : third[0] + 20, first[1] : first[1] + 30] == 255).all()  # left free
    assert (sheet[: first[0]] < 128).any() and (sheet[:, : first[1]] < 128).any()  # words


def test_footer_and_long_words():
    plain = contact_sheet(['a'], [SheetRow('', [Cell(flat(0))])])
    long = contact_sheet(['three long words'], [SheetRow('', [Cell(flat(0))])])
    assert long.shape[0] > plain.shape[0] and long.shape[1] == plain.shape[1]  # wrapped
    footer = np.full((9, 100, 3), 77, np.uint8)
    sheet = contact_sheet(['a'], [SheetRow('', [Cell(flat(0))])], footer)
    assert sheet.shape[0] == plain.shape[0] + 9 + GAP
    assert (sheet == 77).all(axis=2).sum() == 900


def test_what_is_no_table():
    with pytest.raises(ValueError, match='more than 1 pictures'):
        contact_sheet(['a'], [SheetRow('', [Cell(flat(0)), Cell(flat(0))])])
    with pytest.raises(ValueError, match='no picture'):
        contact_sheet(['a'], [SheetRow('', [None])])
