"""iNaturalist's published layout: labels, names, and what is wrong with a folder."""

import json

import numpy as np
import pytest
from mmpretrain.registry import DATASETS
from PIL import Image

from mmmask.datasets.inaturalist import INaturalist
from mmmask.utils.errors import UserError

# Category ids and the images of each, in no order; 7 is named last.
SPECIES = {7: 'Aves', 2: 'Plantae'}
RED, BLUE = (255, 0, 0), (0, 0, 255)


def content(year=2018):
    """Two images of category 7 and one of category 2."""
    names = [(11, 7, 'a'), (12, 2, 'b'), (13, 7, 'c')]
    return dict(
        images=[
            dict(id=i, file_name=f'train_val{year}/{SPECIES[c]}/{c}/{n}.jpg') for i, c, n in names
        ],
        annotations=[dict(id=9 - i, image_id=i, category_id=c) for i, c, n in reversed(names)],
        categories=[dict(id=c, name=str(c), supercategory=s) for c, s in SPECIES.items()],
    )


def write(folder, data, split='train', year=2018):
    (folder / f'{split}{year}.json').write_text(json.dumps(data))
    for image in data['images']:
        path = folder / image['file_name']
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (8, 6), RED if '/7/' in str(path) else BLUE).save(path)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, content())
    return tmp_path


def test_labels_are_ranks_of_category_ids(folder):
    dataset = DATASETS.build(
        dict(
            type='INaturalist',
            data_root=str(folder),
            pipeline=[dict(type='LoadImageStrict')],
            _scope_='mmpretrain',
        )
    )
    assert dataset.get_gt_labels().tolist() == [1, 0, 1]
    assert dataset.metainfo['classes'] == ('2', '7')
    reds = [int(np.median(dataset[i]['img'][..., 2])) > 200 for i in range(3)]
    assert reds == [True, False, True]  # read as BGR
    assert not dataset.test_mode


def test_names_of_species_come_from_their_own_file(folder):
    names = [dict(id=7, name='Parus major'), dict(id=2, name='Bellis perennis')]
    (folder / 'categories.json').write_text(json.dumps(names))
    dataset = INaturalist(str(folder))
    assert dataset.metainfo['classes'] == ('Bellis perennis', 'Parus major')


def test_the_other_year_and_split(tmp_path):
    write(tmp_path, content(2019), 'val', 2019)
    dataset = INaturalist(str(tmp_path), year=2019, split='val', num_classes=2)
    assert len(dataset) == 3 and dataset.test_mode
    assert dataset.get_data_info(1)['img_path'] == str(tmp_path / 'train_val2019/Plantae/2/b.jpg')


def without(key):
    return lambda data: data.pop(key)


@pytest.mark.parametrize(
    'change, message',
    [
        (without('annotations'), 'is not one of iNaturalist'),
        (lambda d: d.update(images=[]), 'holds no images'),
        (lambda d: d['annotations'].pop(), 'a.jpg has no annotation'),
        (lambda d: d['annotations'].append(dict(image_id=11, category_id=2)), 'more than once'),
        (lambda d: d['categories'].pop(), 'b.jpg is of category 2, which is not named'),
        (lambda d: d['categories'][0].pop('name'), 'does not name every category'),
    ],
)
def test_a_wrong_file_is_one_line(folder, change, message):
    data = content()
    change(data)
    (folder / 'train2018.json').write_text(json.dumps(data))
    with pytest.raises(UserError, match=message) as error:
        INaturalist(str(folder))
    assert '\n' not in str(error.value)


def test_a_missing_file_is_one_line(folder):
    with pytest.raises(UserError, match=r'does not exist: .*val2018.json'):
        INaturalist(str(folder), split='val')
    (folder / 'train2018.json').write_text('{')
    with pytest.raises(UserError, match='is not a json file'):
        INaturalist(str(folder))


def test_missing_images_are_named(folder):
    (folder / 'train_val2018/Aves/7/a.jpg').unlink()
    with pytest.raises(UserError, match=r'1 of the 2 classes .* such as .*/7/a.jpg: unpack'):
        INaturalist(str(folder))


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(year=2021), r'year must be one of \(2018, 2019\), got 2021'),
        (dict(split='test'), "split must be one of .*, got 'test'"),
        (dict(num_classes=8142), 'has 2 categories, but num_classes is 8142'),
    ],
)
def test_wrong_options_are_one_line(folder, options, message):
    with pytest.raises(UserError, match=message):
        INaturalist(str(folder), **options)
