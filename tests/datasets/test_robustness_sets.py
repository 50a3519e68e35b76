"""The data sets of robustness read their published layouts, or say what is wrong."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from mmmask.datasets.folders import class_ids
from mmmask.datasets.image_folder import StrictImageFolder
from mmmask.datasets.miniatures import write_miniature
from mmmask.datasets.numbered_folders import NumberedImageFolder
from mmmask.datasets.real_labels import ReaLImageNet
from mmmask.datasets.transforms.image_corruption import ImageCorruption, corruption_names
from mmmask.utils.errors import UserError


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)


def labels(dataset):
    return [dataset.get_data_info(i)['gt_label'] for i in range(len(dataset))]


def test_imagenets_ids_are_numbered_among_all_thousand(tmp_path):
    ids = class_ids()
    for number in (999, 7, 300):
        write(tmp_path / ids[number] / 'a.png')
    assert labels(NumberedImageFolder(str(tmp_path))) == [7, 300, 999]
    with pytest.raises(UserError, match='has 3 class folders instead of 200'):
        NumberedImageFolder(str(tmp_path), num_folders=200)


def test_imagenet_v2s_folders_are_numbers(tmp_path):
    for number in (0, 1, 2, 10, 100, 999):
        write(tmp_path / str(number) / 'a.png')
    found = NumberedImageFolder(str(tmp_path))
    assert sorted(labels(found)) == [0, 1, 2, 10, 100, 999]
    for i in range(6):
        info = found.get_data_info(i)
        assert f'/{info["gt_label"]}/a.png' in info['img_path']


def test_names_of_other_classes(tmp_path):
    for name in ('wood', 'brick'):
        write(tmp_path / name / 'a.png')
    assert labels(NumberedImageFolder(str(tmp_path), names=['brick', 'sand', 'wood'])) == [0, 2]
    with pytest.raises(UserError, match='wood is none of the 2 classes'):
        NumberedImageFolder(str(tmp_path), names=['brick', 'sand'])


def test_real_labels_by_the_numbers_of_the_names(tmp_path):
    for folder, number in (('a', 3), ('b', 1), ('b', 2)):
        write(tmp_path / f'val/{folder}/ILSVRC2012_val_{number:08d}.png')
    file = tmp_path / 'real.json'
    file.write_text(json.dumps([[5, 6], [], [7]]))
    found = ReaLImageNet(str(tmp_path), 'val', labels_file=str(file))
    infos = [found.get_data_info(i) for i in range(len(found))]
    assert [(info['img_path'][-8:], info['gt_labels']) for info in infos] == [
        ('0003.png', [7]),
        ('0001.png', [5, 6]),
    ]
    file.write_text(json.dumps([[5]]))
    with pytest.raises(UserError, match='has 1 lists for the numbers in names'):
        ReaLImageNet(str(tmp_path), 'val', labels_file=str(file))
    file.write_text('{"a": 1}')
    with pytest.raises(UserError, match='is no list of lists of classes'):
        ReaLImageNet(str(tmp_path), 'val', labels_file=str(file))
    with pytest.raises(UserError, match='labels does not exist'):
        ReaLImageNet(str(tmp_path), 'val', labels_file=str(tmp_path / 'no.json'))


def test_places205s_lists_are_csv(tmp_path):
    write_miniature('places205', tmp_path)
    for split, count in (('train', 4), ('val', 2)):
        dataset = StrictImageFolder(
            str(tmp_path), 'images256', f'trainvalsplit_places205/{split}_places205.csv'
        )
        counts = Counter(labels(dataset))
        assert set(counts.values()) == {count} and (min(counts), max(counts)) == (0, 204)
        assert len(counts) == 12


def test_imagenet9s_miniature(tmp_path):
    write_miniature('imagenet9', tmp_path)
    coarse = json.loads((tmp_path / 'in_to_in9.json').read_text())
    assert list(coarse) == [str(i) for i in range(1000)]
    assert [coarse[str(i)] for i in range(13)] == [*range(9), -1, -1, -1, 0]
    for name in ('original', 'mixed_same', 'mixed_rand', 'mixed_next', 'only_fg', 'no_fg'):
        dataset = StrictImageFolder(str(tmp_path), f'{name}/val')
        assert labels(dataset) == [label for label in range(9) for _ in range(2)]
    with Image.open(tmp_path / 'only_fg/val/00_dog/fg_0.JPEG') as image:
        pixels = np.asarray(image)
    assert pixels[:6, :6].max() < 20 and pixels[24, 24].max() > 20


def test_imagenet_as_miniature(tmp_path):
    write_miniature('imagenet-a', tmp_path)
    dataset = NumberedImageFolder(str(tmp_path), num_folders=200)
    assert labels(dataset) == list(range(0, 1000, 5))
    name = dataset.get_data_info(1)['img_path']
    assert name == str(tmp_path / class_ids()[5] / '0.000116_5_0.865662.jpg')


@pytest.mark.parametrize('name', corruption_names())
def test_a_corruption_depends_on_the_image_alone(name):
    generator = np.random.default_rng(0)
    image = generator.integers(0, 255, (40, 48, 3)).astype(np.uint8)
    np.random.seed(1)
    before = np.random.get_state()[1].tolist()
    found = [
        ImageCorruption(name, 3).transform(dict(img=image, sample_idx=index))['img']
        for index in (5, 5, 6)
    ]
    assert np.random.get_state()[1].tolist() == before  # the run's own draws are as without it
    assert found[0].shape == image.shape and found[0].dtype == np.uint8
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != image).any()
    drawn = ('noise', 'snow', 'frost', 'fog', 'motion', 'elastic', 'glass')
    assert (found[0] != found[2]).any() == any(part in name for part in drawn)


def test_brightness_sees_red_as_red():
    """Brightness works in HSV, where a pure red gets more of red alone (OpenCV's order is BGR)."""
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 2] = 100
    found = ImageCorruption('brightness', 1, None).transform(dict(img=image))['img']
    blue, green, red = found[0, 0].tolist()
    assert red > 110 and blue == green == 0


def test_wrong_corruptions():
    with pytest.raises(UserError, match='name must be'):
        ImageCorruption('rain')
    with pytest.raises(UserError, match='severity must be 1 to 5'):
        ImageCorruption('fog', 6)
    with pytest.raises(UserError, match='need 32 x 32 pixels'):
        ImageCorruption('fog').transform(dict(img=np.zeros((31, 40, 3), np.uint8)))
