"""Pictures of what frozen features find, of images whose neighbours are known."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmmask.commands.main import run_command
from mmmask.pictures import frozen
from mmmask.pictures.frozen import Frozen, Searched, neighbours_sheet, read_frozen
from mmmask.pictures.videos import overlay_objects, video_sheets
from mmmask.utils.errors import UserError

KNN = 'configs/demo/knn_vit-demo_material-scenes.py'
TINY = 'model.backbone.arch=dict(embed_dims=8,num_layers=2,num_heads=2,feedforward_channels=16)'


class Images:
    """A data set of files of one colour, with classes."""

    metainfo = dict(classes=['cat', 'dog'])

    def __init__(self, folder, count):
        self.paths = [str(folder / f'{n}.png') for n in range(count)]
        for number, path in enumerate(self.paths):
            Image.new('RGB', (96, 96), (number, 0, 0)).save(path)

    def get_data_info(self, index):
        return dict(img_path=self.paths[index])


@pytest.fixture
def rows(monkeypatch):
    """Keep the rows of a sheet instead of drawing them."""
    kept = []
    monkeypatch.setattr(frozen, 'contact_sheet', lambda columns, given: kept.extend(given))
    return kept


BANK = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 1.0], [-1.0, 0.0]])


def test_neighbours_in_the_order_of_their_cosine(tmp_path, rows):
    bank = Searched(Images(tmp_path, 4), BANK, torch.tensor([1, 0, 1, 0]))
    queries = Searched(bank.dataset, torch.tensor([[5.0, 0.5]]), torch.tensor([1]))
    sheet = neighbours_sheet(Frozen(bank, queries, 0.07), k=3)
    (row,) = rows
    found = [int(cell.image[10, 10, 0]) for cell in row.cells]
    assert found == [0, 1, 2, 0]  # the query, then rows 1, 2 and 0 of the bank
    cosine = 5.5 / (2 * (5**2 + 0.5**2)) ** 0.5
    assert row.cells[2].caption == f'dog {cosine:.3f}'
    corners = [tuple(cell.image[0, 0]) for cell in row.cells[1:]]
    assert corners == [(205, 60, 50), (40, 150, 80), (40, 150, 80)]
    assert row.label == 'first right: 2' and 'same class' in sheet.caption


def test_an_image_isn_t_its_own_neighbour(tmp_path, rows):
    images = Searched(Images(tmp_path, 4), BANK, torch.tensor([1, 0, 1, 0]))
    neighbours_sheet(Frozen(images, images, 0.07), count=4)
    assert [row.label for row in rows] == [f'first right: {n}' for n in (1, 3, 1, 3)]
    assert all(len(row.cells) == 4 for row in rows)


def test_junk_counts_neither_way(tmp_path, rows):
    database = Searched(Images(tmp_path, 4), BANK, None)
    queries = Searched(Images(tmp_path, 1), torch.tensor([[1.0, 0.1]]), None)
    queries.dataset.relevant = [dict(easy=[], hard=[0], junk=[1])]
    sheet = neighbours_sheet(Frozen(database, queries, 0.07))
    corners = [tuple(cell.image[0, 0]) for cell in rows[0].cells[1:]]
    assert corners == [(160, 160, 168), (205, 60, 50), (40, 150, 80), (205, 60, 50)]
    assert rows[0].label == 'first right: 2' and 'same building' in sheet.caption
    with pytest.raises(UserError, match='have no labels'):
        frozen.plane_sheet(Frozen(database, queries, 0.07))


def test_pictures_of_a_k_nn_config(tiny_data, tmp_path):
    data = [f'test_dataloader.dataset.data_root={tiny_data}/']
    data += [f'test_cfg.bank_dataloader.dataset.data_root={tiny_data}/']
    out = tmp_path / 'out'
    arguments = [KNN, 'none', '--out', str(out), '--cfg-options', *data, TINY]
    assert run_command('visualize', arguments) == 0
    assert {path.stem for path in out.glob('*.png')} == {'neighbours', 'confusion', 'plane'}
    config = Config.fromfile(KNN)
    config.test_dataloader.dataset.data_root = str(tiny_data)
    config.test_cfg.bank_dataloader.dataset.data_root = str(tiny_data)
    kept = tmp_path / 'features'
    first = read_frozen(config, 'none', kept)
    assert len(list(kept.glob('*.safetensors'))) == 2
    again = read_frozen(config, 'none', kept)
    assert torch.equal(first.queries.features, again.queries.features)
    with pytest.raises(UserError, match='searches no bank'):
        read_frozen(Config(dict(test_cfg=dict())), 'none')


def test_what_is_missing_is_one_line(tmp_path, capsys):
    out = ['--out', str(tmp_path / 'out')]
    config = 'configs/demo/mae_vit-demo_material-scenes.py'
    assert run_command('visualize', [config, 'none', *out]) == 1
    assert 'error: Name images by --images, or give' in capsys.readouterr().err
    assert run_command('visualize', ['--label-maps', 'x', *out]) == 1
    assert 'error: --label-maps: name the frames by --images.' in capsys.readouterr().err


def test_objects_over_frames(tmp_path):
    numbers = np.array([[0, 1], [2, 255]], np.uint8).repeat(2, 0).repeat(2, 1)
    image = Image.fromarray(numbers)
    image.putpalette([0, 0, 0, 100, 0, 0, 0, 200, 0] + [0] * 759)
    (tmp_path / 'maps/video').mkdir(parents=True)
    image.save(tmp_path / 'maps/video/00.png')
    frame = np.full((4, 4, 3), 50, np.uint8)
    drawn = overlay_objects(frame, tmp_path / 'maps/video/00.png')
    # 60 % of the colour; the background and what isn't annotated stay.
    assert drawn[::2, ::2].tolist() == [[[50] * 3, [80, 20, 20]], [[20, 140, 20], [50] * 3]]
    with pytest.raises(UserError, match=r'is no palette image of \(2, 4\) pixels'):
        overlay_objects(frame[:2], tmp_path / 'maps/video/00.png')
    (tmp_path / 'frames/video').mkdir(parents=True)
    Image.fromarray(frame).save(tmp_path / 'frames/video/00.png')
    arguments = ['--images', str(tmp_path / 'frames'), '--label-maps', str(tmp_path / 'maps')]
    assert run_command('visualize', [*arguments, '--out', str(tmp_path / 'out')]) == 0
    assert [path.name for path in (tmp_path / 'out').glob('*.png')] == ['videos.png']
    with pytest.raises(UserError, match='00.png. cannot be read'):
        video_sheets({'other': [tmp_path / 'frames/video/00.png']}, {'x': tmp_path / 'maps'})
