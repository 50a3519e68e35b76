"""Retrieval's data sets read the published layouts, and say what is wrong with others."""

import pickle
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from mmmask.datasets.miniatures import write_miniature
from mmmask.datasets.retrieval import (
    Cars196Retrieval,
    CUB200Retrieval,
    InShopRetrieval,
    StanfordOnlineProducts,
)
from mmmask.datasets.revisited import RevisitedBuildings
from mmmask.datasets.transforms import Thumbnail
from mmmask.utils.errors import UserError

KINDS = dict(
    cub200=(CUB200Retrieval, 100),
    cars196=(Cars196Retrieval, 98),
    sop=(StanfordOnlineProducts, 11318),
)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('retrieval')
    for layout in (*KINDS, 'inshop', 'roxford5k'):
        write_miniature(layout, folder / layout)
    return folder


@pytest.mark.parametrize('layout', KINDS)
def test_training_and_test_share_no_class(root, layout):
    kind, first = KINDS[layout]
    classes = {}
    for split in ('train', 'test'):
        dataset = kind(str(root / layout), split=split)
        assert len(dataset) == 12 * 4
        classes[split] = Counter(dataset.get_gt_labels().tolist())
        assert set(classes[split].values()) == {4}
        with Image.open(dataset[47]['img_path']) as image:
            assert image.size == (48, 48)
    assert max(classes['train']) < first and min(classes['test']) == first


def test_in_shop_has_queries_and_a_gallery(root):
    query, gallery = (InShopRetrieval(str(root / 'inshop'), split=s) for s in ('query', 'gallery'))
    assert len(query) == len(gallery) == 24
    assert set(query.get_gt_labels()) == set(gallery.get_gt_labels()) == set(range(100, 189, 8))
    assert query[0]['img_path'].endswith('Img/img/WOMEN/Fabric/id_00000101/00_1_front.jpg')
    assert len(InShopRetrieval(str(root / 'inshop'), split='train')) == 48


def test_revisited(root):
    folder = str(root / 'roxford5k')
    queries, database = RevisitedBuildings(folder), RevisitedBuildings(folder, split='database')
    assert (len(queries), len(database), queries.images) == (12, 60, 60)
    assert queries.relevant[1] == dict(easy=[5, 6], hard=[7, 8], junk=[9])
    assert 'box' not in queries[0] and 'gt_label' not in queries[0]
    assert RevisitedBuildings(folder, crop=True)[0]['box'] == [8, 4, 88, 44]


@pytest.mark.parametrize(
    ('kind', 'name', 'content', 'message'),
    [
        (CUB200Retrieval, 'images.txt', None, 'the list of CUB200Retrieval does not exist'),
        (CUB200Retrieval, 'images.txt', b'1\n', 'not laid out as CUB200Retrieval is published'),
        (Cars196Retrieval, 'cars_annos.mat', b'mat', 'not laid out as Cars196Retrieval'),
        (StanfordOnlineProducts, 'Ebay_test.txt', b'header\n1 2 3\n', 'not laid out as Stanford'),
        (StanfordOnlineProducts, 'Ebay_test.txt', b'header\n', "no image of the split 'test'"),
        (InShopRetrieval, 'Eval/list_eval_partition.txt', b'1\nh\na b c d\n', 'not laid out as'),
        (RevisitedBuildings, 'gnd_roxford5k.pkl', None, 'the ground truth does not exist'),
        (RevisitedBuildings, 'gnd_roxford5k.pkl', b'x', 'no pickle of arrays and plain values'),
        (
            RevisitedBuildings,
            'gnd_roxford5k.pkl',
            pickle.dumps(dict(imlist=['a'])),
            'no ground truth of revisited Oxford or Paris',
        ),
        (
            RevisitedBuildings,
            'gnd_roxford5k.pkl',
            pickle.dumps(
                dict(
                    imlist=['a'],
                    qimlist=['b'],
                    gnd=[dict(bbx=[0, 0, 1, 1], easy=[3], hard=[], junk=np.array([]))],
                )
            ),
            'do not fit its lists of images',
        ),
    ],
)
def test_other_files_are_one_line(tmp_path, kind, name, content, message):
    if content is not None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        kind(str(tmp_path))
    assert '\n' not in str(error.value)


def test_a_pickle_with_numpys_numbers_is_read(tmp_path):
    truth = dict(bbx=np.array([0, 0, 1, 1.0]), easy=np.array([0]), hard=[np.int64(1)], junk=[])
    content = dict(imlist=['a', 'b'], qimlist=['c'], gnd=[truth])
    (tmp_path / 'gnd_roxford5k.pkl').write_bytes(pickle.dumps(content, protocol=2))
    assert RevisitedBuildings(str(tmp_path)).relevant == [dict(easy=[0], hard=[1], junk=[])]


def test_a_thumbnail_by_hand():
    """60 x 40 fit 30 as 30 x 20, and hold 3 x 2 patches of 8; half of it holds 1 x 1."""
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    small = Image.fromarray(image)
    small.thumbnail((30, 30), Image.Resampling.LANCZOS)
    found = Thumbnail(30, multiple_of=8).transform(dict(img=image))
    assert found['img_shape'] == (16, 24)
    np.testing.assert_array_equal(found['img'], np.asarray(small)[:16, :24])
    half = Thumbnail(30, scale=0.5, multiple_of=8).transform(dict(img=image))
    # bilinear at half the size is the mean of four pixels
    blocks = np.asarray(small, np.float32).reshape(10, 2, 15, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(half['img'], blocks[:8, :8], atol=1e-3)
    same = Thumbnail(100).transform(dict(img=image))  # nothing is enlarged
    np.testing.assert_array_equal(same['img'], image)


def test_a_thumbnail_cuts_the_box_out_first():
    image = np.arange(20 * 30 * 3, dtype=np.uint16).astype(np.uint8).reshape(20, 30, 3)
    found = Thumbnail(100).transform(dict(img=image, box=[3.0, 2.0, 13.0, 9.0]))
    np.testing.assert_array_equal(found['img'], image[2:9, 3:13])


def test_an_image_without_a_patch():
    with pytest.raises(UserError, match='hold no patch of 16'):
        Thumbnail(100, multiple_of=16).transform(dict(img=np.zeros((20, 10, 3), np.uint8)))
