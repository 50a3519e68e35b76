"""Every kind of damage to a miniature ends with its own line and status 1; intact ones pass."""

import json
import pickle
import shutil
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image
from scipy.io import loadmat, savemat

from mmmask.commands.main import run_command
from mmmask.datasets.miniatures import write_miniature
from mmmask.datasets.pickles import load_pickle
from mmmask.utils.errors import UserError
from mmmask.utils.progress import Progress

main = partial(run_command, 'check-data')

HEADER = """
default_scope = '{scope}'
train_cfg = dict()
val_cfg = dict()
model = dict(head=dict(num_classes={classes}))
"""
DATASET = '{mode}_dataloader = dict(dataset=dict({arguments}))\n'

# Layout: scope, classes of the head, and the arguments of the training and validation data.
CONFIGS = {
    'imagenet': ('mmpretrain', 1000, "type='ImageNet', split='{split}'", 'train', 'val'),
    'coco': (
        'mmdet',
        80,
        "type='CocoDataset', ann_file='annotations/instances_{split}2017.json', "
        "data_prefix=dict(img='{split}2017/')",
        'train',
        'val',
    ),
    'ade20k': (
        'mmseg',
        150,
        "type='ADE20KDataset', data_prefix=dict(img_path='images/{split}', "
        "seg_map_path='annotations/{split}')",
        'training',
        'validation',
    ),
    'cityscapes': (
        'mmseg',
        19,
        "type='CityscapesDataset', data_prefix=dict(img_path='leftImg8bit/{split}', "
        "seg_map_path='gtFine/{split}')",
        'train',
        'val',
    ),
    'cifar10': ('mmpretrain', 10, "type='LocalCIFAR10', split='{split}'", 'train', 'test'),
    'cifar100': ('mmpretrain', 100, "type='LocalCIFAR100', split='{split}'", 'train', 'test'),
    'flowers102': ('mmpretrain', 102, "type='Flowers102', split='{split}'", 'trainval', 'test'),
    'inaturalist2018': (
        'mmpretrain',
        8142,
        "type='INaturalist', year=2018, num_classes=8142, split='{split}'",
        'train',
        'val',
    ),
    'inaturalist2019': (
        'mmpretrain',
        1010,
        "type='INaturalist', year=2019, num_classes=1010, split='{split}'",
        'train',
        'val',
    ),
}
COUNTS = {
    'imagenet': ('1,000 images, 1,000 classes', '1,281,167', '50,000'),
    'coco': ('8 images, 80 classes, 23 objects', '118,287', '5,000'),
    'ade20k': ('8 images, 8 label maps read', '20,210', '2,000'),
    'cityscapes': ('8 images, 8 label maps read', '2,975', '500'),
    'cifar10': ('200 images, 10 classes', '50,000', '10,000'),
    'cifar100': ('200 images, 100 classes', '50,000', '10,000'),
    'flowers102': ('204 images, 102 classes', '2,040', '6,149'),
    'inaturalist2018': ('24 images, 8,142 classes', '437,513', '24,426'),
    'inaturalist2019': ('24 images, 1,010 classes', '265,213', '3,030'),
}


@pytest.fixture(scope='module')
def intact(tmp_path_factory):
    """Layout -> its miniature, written once."""
    folder = tmp_path_factory.mktemp('intact')

    def write(layout) -> Path:
        write_miniature(layout, folder / layout)
        return folder / layout

    return write


@pytest.fixture
def check(tmp_path, capsys):
    """Run the tool on a folder: status and output."""

    def run(layout, root, *options, **replaced):
        scope, classes, arguments, train, val = CONFIGS[layout]
        text = HEADER.format(scope=scope, classes=classes)
        for mode, split in (('train', train), ('val', val)):
            own = f'{arguments.format(split=split)}, data_root={str(root)!r}'
            text += DATASET.format(mode=mode, arguments=own)
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / 'config.py'
        path.write_text(text)
        capsys.readouterr()
        DefaultScope._instance_dict.clear()
        status = main([str(path), *options])
        streams = capsys.readouterr()
        return status, streams.out, streams.err

    return run


@pytest.fixture
def damaged(tmp_path, intact, check):
    """Copy a miniature, damage it, and give what the tool says of it."""

    def run(layout, damage, *options, **replaced):
        root = tmp_path / layout
        shutil.copytree(intact(layout), root)
        damage(root)
        status, out, err = check(layout, root, *options, **replaced)
        assert status == 1
        assert err.startswith('error: the data of')
        assert err.count('\n') == 1
        assert 'The layout should be:' in out
        return next(line for line in out.splitlines() if 'WRONG' in line)

    return run


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def paint(path, value):
    """Set the first pixel of a label map."""
    labels = np.array(Image.open(path))
    labels[0, 0] = value
    Image.fromarray(labels).save(path)


@pytest.mark.parametrize('layout', CONFIGS)
def test_intact(layout, intact, check):
    status, out, err = check(layout, intact(layout))
    assert (status, err) == (0, '')
    counts, train, val = COUNTS[layout]
    assert counts in out
    assert f'but the published split has {train}' in out
    assert f'but the published split has {val}' in out
    assert out.endswith('all 2 data sets are right\n')
    assert (' opened, all of ' in out) != layout.startswith('cifar')  # whose images have no files


def test_a_sample_is_opened(intact, check):
    _, out, _ = check('imagenet', intact('imagenet'), '--sample', '3')
    assert '3 opened, all of 32 x 32 pixels' in out
    _, out, _ = check('coco', intact('coco'), '--sample', '0')
    assert '8 opened, all of 128 x 128 pixels' in out


class TestImageNet:
    def test_nothing_there(self, tmp_path, check):
        status, out, err = check('imagenet', tmp_path / 'nowhere')
        assert status == 1
        assert 'does not exist' in out
        assert 'n01440764/*.JPEG' in out
        assert 'the data of train, val' in err

    def test_a_class_folder_missing(self, damaged):
        line = damaged('imagenet', lambda root: shutil.rmtree(root / 'val/n01443537'))
        assert 'has 999 class folders' in line
        assert 'n01443537 is missing' in line

    def test_a_class_folder_of_another_name(self, damaged):
        line = damaged(
            'imagenet', lambda root: (root / 'train/n01440764').rename(root / 'train/n00000001')
        )
        assert 'n01440764 is missing, n00000001 is none of its class ids' in line

    def test_an_empty_class_folder(self, damaged):
        line = damaged(
            'imagenet', lambda root: (root / 'train/n01440764/n01440764_0.JPEG').unlink()
        )
        assert 'no images in 1 class folders' in line
        assert 'n01440764' in line

    def test_validation_images_not_sorted(self, damaged):
        def flatten(root):
            for path in list((root / 'val').glob('*/*.JPEG')):
                path.rename(root / 'val' / path.name)
            for folder in (root / 'val').iterdir():
                if folder.is_dir():
                    folder.rmdir()

        assert 'has no sub-folders, but labels come from them' in damaged('imagenet', flatten)

    def test_a_truncated_image(self, damaged):
        line = damaged(
            'imagenet', lambda root: truncate(next((root / 'val/n01443537').iterdir())),
            '--sample', '0',
        )  # fmt: skip
        assert '1 of 1000 images that were opened are broken' in line
        assert 'ILSVRC2012_val_00000002.JPEG' in line

    def test_a_list_of_images(self, damaged):
        def write(root):
            (root / 'meta').mkdir()
            (root / 'meta/val.txt').write_text('lost.JPEG 0\nn.JPEG 1000\n')

        assert 'have label 1000, but 1000 classes' in damaged('imagenet', write)


class TestCoco:
    FILE = 'annotations/instances_val2017.json'

    def change(self, change):
        return lambda root: change_json(root / self.FILE, change)

    def test_an_image_absent(self, damaged):
        line = damaged('coco', lambda root: (root / 'val2017/000000001001.jpg').unlink())
        assert '1 of 4 images of val' in line
        assert line.endswith('val2017/000000001001.jpg')

    def test_annotations_absent(self, damaged):
        line = damaged('coco', lambda root: (root / self.FILE).unlink())
        assert 'the annotation file of val does not exist' in line

    def test_not_json(self, damaged):
        line = damaged('coco', lambda root: truncate(root / self.FILE))
        assert 'is not a COCO instances json' in line

    def test_an_unknown_category(self, damaged):
        line = damaged('coco', self.change(lambda c: c['annotations'][0].update(category_id=12)))
        assert 'annotates category ids it does not name: [12]' in line

    def test_a_category_missing(self, damaged):
        def drop(content):
            unused = {entry['category_id'] for entry in content['annotations']}
            gone = next(e for e in content['categories'] if e['id'] not in unused)
            content['categories'].remove(gone)

        assert '1 of the 80 names in metainfo.classes are missing' in damaged(
            'coco', self.change(drop)
        )

    def test_categories_in_another_order(self, damaged):
        line = damaged('coco', self.change(lambda c: c['categories'].reverse()))
        assert "label 0 would be 'toothbrush' in the file and 'person' in the config" in line

    def test_an_annotation_without_its_image(self, damaged):
        line = damaged('coco', self.change(lambda c: c['annotations'][0].update(image_id=7)))
        assert 'annotates 1 images that it does not list, such as image_id 7' in line

    def test_no_annotations(self, damaged):
        assert 'holds no annotations' in damaged(
            'coco', self.change(lambda c: c['annotations'].clear())
        )

    def test_another_size(self, damaged):
        line = damaged('coco', self.change(lambda c: c['images'][0].update(width=64)))
        assert 'has 128 x 128 pixels, but' in line
        assert 'say 64 x 128' in line

    def test_a_truncated_image(self, damaged):
        line = damaged('coco', lambda root: truncate(root / 'val2017/000000001001.jpg'))
        assert '1 of 4 images that were opened are broken' in line
        assert 'truncated' in line


class TestADE20K:
    MAP = 'annotations/validation/ADE_val_00000001.png'

    def test_an_image_without_a_map(self, damaged):
        line = damaged('ade20k', lambda root: (root / self.MAP).unlink())
        assert '1 of 4 label maps of val' in line
        assert line.endswith(self.MAP)

    def test_a_label_out_of_range(self, damaged):
        line = damaged('ade20k', lambda root: paint(root / self.MAP, 151))
        assert 'has label 151, but num_classes=150 allows 1 to 150' in line

    def test_maps_that_were_reduced_already(self, damaged):
        line = damaged('ade20k', lambda root: paint(root / self.MAP, 255))
        assert 'they were reduced already' in line

    def test_maps_that_must_be_reduced(self, damaged):
        line = damaged(
            'ade20k',
            lambda root: paint(root / self.MAP, 150),
            **{"type='ADE20KDataset'": "type='ADE20KDataset', reduce_zero_label=False"},
        )
        assert 'has label 150, but num_classes=150 allows 0 to 149' in line

    def test_a_colour_map(self, damaged):
        line = damaged('ade20k', lambda root: Image.new('RGB', (128, 128)).save(root / self.MAP))
        assert 'is no label map: it has 3 channels' in line

    def test_an_unreadable_map(self, damaged):
        assert 'is not a readable label map' in damaged(
            'ade20k', lambda root: truncate(root / self.MAP)
        )

    def test_a_map_of_another_size(self, damaged):
        line = damaged('ade20k', lambda root: Image.new('L', (64, 32), 1).save(root / self.MAP))
        assert 'has 64 x 32 pixels, but its image' in line

    def test_only_ignored_pixels(self, damaged):
        def erase(root):
            for path in (root / 'annotations/validation').iterdir():
                Image.new('L', (128, 128)).save(path)

        assert 'hold only ignored pixels' in damaged('ade20k', erase)

    def test_no_images(self, damaged):
        line = damaged('ade20k', lambda root: shutil.rmtree(root / 'images/validation'))
        assert 'the folder of val images does not exist' in line


class TestCityscapes:
    def test_without_training_labels(self, damaged):
        def drop(root):
            for path in (root / 'gtFine/train').rglob('*labelTrainIds.png'):
                path.unlink()

        line = damaged('cityscapes', drop)
        assert 'only the published labels' in line
        assert 'csCreateTrainIdLabelImgs' in line
        assert 'tools/dataset_converters/cityscapes.py' in line

    def test_published_labels_under_the_wrong_name(self, damaged):
        def swap(root):
            for path in (root / 'gtFine/val').rglob('*labelIds.png'):
                shutil.copy(path, path.with_name(path.name.replace('labelIds', 'labelTrainIds')))

        assert 'but num_classes=19 allows 0 to 18' in damaged('cityscapes', swap)

    def test_a_city_absent(self, damaged):
        line = damaged('cityscapes', lambda root: shutil.rmtree(root / 'gtFine/val/lindau'))
        assert '2 of 4 label maps of val' in line


class TestCIFAR:
    BATCH = 'cifar-10-batches-py/data_batch_3'

    def test_a_batch_absent(self, damaged):
        line = damaged('cifar10', lambda root: (root / self.BATCH).unlink())
        assert '1 of 6 batches are absent' in line
        assert 'first: data_batch_3' in line

    def test_a_truncated_batch(self, damaged):
        line = damaged('cifar10', lambda root: truncate(root / self.BATCH))
        assert 'data_batch_3 is incomplete or no pickle of arrays' in line

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (lambda batch: batch['labels'].pop(), 'is incomplete: 40 images and 39 labels'),
            (lambda batch: batch['labels'].__setitem__(0, 10), 'have label 10, but 10 classes'),
            (lambda batch: batch.pop('data'), 'is not a batch of CIFAR'),
            (lambda batch: batch.update(data=batch['data'][:, :3000]), 'is not a batch of CIFAR'),
        ],
    )
    def test_a_changed_batch(self, damaged, change, message):
        def damage(root):
            content = load_pickle(root / self.BATCH)
            change(content)
            (root / self.BATCH).write_bytes(pickle.dumps(content))

        assert message in damaged('cifar10', damage)

    def test_the_published_class_wants_the_published_files(self, damaged):
        line = damaged('cifar100', lambda root: None, LocalCIFAR100='CIFAR100')
        assert 'is not the published file (MD5)' in line

    def test_a_pickle_runs_nothing(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return Path.touch, (tmp_path / 'was here',)

        (tmp_path / 'train').write_bytes(pickle.dumps(Evil()))
        with pytest.raises(UserError, match='it would call'):
            load_pickle(tmp_path / 'train')
        assert not (tmp_path / 'was here').exists()


class TestFlowers:
    def test_an_image_absent(self, damaged):
        line = damaged('flowers102', lambda root: (root / 'jpg/image_00007.jpg').unlink())
        assert '1 of 204 images of train' in line
        assert 'image_00007.jpg' in line

    @pytest.mark.parametrize('name', ['imagelabels.mat', 'setid.mat'])
    def test_a_list_absent(self, damaged, name):
        assert 'the annotation file of train does not exist' in damaged(
            'flowers102', lambda root: (root / name).unlink()
        )

    def test_a_damaged_list(self, damaged):
        line = damaged('flowers102', lambda root: (root / 'setid.mat').write_bytes(b'no mat'))
        assert 'Flowers102 cannot read the data of train' in line

    def test_labels_from_zero(self, damaged):
        def shift(root):
            labels = loadmat(root / 'imagelabels.mat')['labels']
            savemat(root / 'imagelabels.mat', dict(labels=labels - 1))

        assert 'have label -1, but 102 classes' in damaged('flowers102', shift)

    def test_a_class_without_images(self, damaged):
        def merge(root):
            labels = loadmat(root / 'imagelabels.mat')['labels']
            savemat(root / 'imagelabels.mat', dict(labels=np.maximum(labels, 2)))

        assert '1 of 102 classes have no image, such as label 0' in damaged('flowers102', merge)

    def test_a_head_of_another_size(self, damaged):
        line = damaged('flowers102', lambda root: None, **{'num_classes=102': 'num_classes=100'})
        assert 'num_classes=100, but the data set has 102 classes' in line


class TestINaturalist:
    def test_images_absent(self, damaged):
        line = damaged('inaturalist2018', lambda root: shutil.rmtree(root / 'train_val2018'))
        assert '12 of the 12 classes of' in line
        assert 'unpack train_val2018 into' in line

    def test_one_image_absent(self, damaged):
        def drop(root):
            next((root / 'train_val2019').rglob('train_03_1.jpg')).unlink()

        line = damaged('inaturalist2019', drop)
        assert '1 of 24 images of train' in line
        assert 'train_03_1.jpg' in line

    def test_a_json_absent(self, damaged):
        line = damaged('inaturalist2019', lambda root: (root / 'val2019.json').unlink())
        assert 'the annotation file does not exist' in line

    def test_another_number_of_categories(self, damaged):
        def drop(root):
            change_json(root / 'val2019.json', lambda content: content['categories'].pop(1))

        assert 'has 1009 categories, but num_classes is 1010' in damaged('inaturalist2019', drop)


def test_class_folders_of_any_class(check, intact, tmp_path):
    root = tmp_path / 'mine'
    shutil.copytree(intact('imagenet') / 'val', root / 'val')
    swap = {"type='ImageNet', split='train'": "type='StrictImageFolder', data_prefix='val'"}
    swap |= {"type='ImageNet', split='val'": "type='StrictImageFolder', data_prefix='val'"}
    status, out, _ = check('imagenet', root, **swap)
    assert status == 0
    assert out.startswith('train, val: StrictImageFolder')
    assert 'the published split has 50,000' in out
    assert out.endswith('the data set is right\n')


@pytest.mark.parametrize('form', ['one tar', 'a tar a class'])
def test_class_folders_in_tars(check, intact, tmp_path, monkeypatch, form):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    val, root = intact('imagenet') / 'val', tmp_path / 'mine'
    root.mkdir()
    if form == 'one tar':
        with tarfile.open(root / 'val.tar', 'w') as file:
            file.add(val, 'val')
    else:
        (root / 'val').mkdir()
        for folder in val.iterdir():
            with tarfile.open(root / 'val' / f'{folder.name}.tar', 'w') as file:
                file.add(folder, '.')
    swap = {"type='ImageNet', split='train'": "type='StrictImageFolder', data_prefix='val'"}
    swap |= {"type='ImageNet', split='val'": "type='StrictImageFolder', data_prefix='val'"}
    status, out, _ = check('imagenet', root, **swap)
    assert status == 0
    assert '1,000 images, 1,000 classes' in out and 'the published split has 50,000' in out
    kept = tmp_path / 'cache/mmmask/listings'
    assert len(list(kept.iterdir())) == (1 if form == 'one tar' else 1000)
    assert check('imagenet', root, '--relist', **swap)[0] == 0
    assert not kept.exists()  # this process has what it read
    status, out, _ = check('imagenet', root, **{"split='train'": "split='val'"})
    assert status == 1 and 'tars need type=StrictImageFolder' in out


def test_an_absent_class_of_imagenet_in_a_tar(check, intact, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    with tarfile.open(tmp_path / 'val.tar', 'w') as file:
        for folder in sorted((intact('imagenet') / 'val').iterdir())[1:]:
            file.add(folder, folder.name)
    swap = {"type='ImageNet', split='train'": "type='StrictImageFolder', data_prefix='val'"}
    swap |= {"type='ImageNet', split='val'": "type='StrictImageFolder', data_prefix='val'"}
    status, out, _ = check('imagenet', tmp_path, **swap)
    assert status == 1 and '999 class folders' in out and 'n01440764 is missing' in out


def test_a_tar_that_is_cut_off(check, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    (tmp_path / 'train.tar').write_bytes(b'no tar' * 100)
    swap = {"type='ImageNet'": "type='StrictImageFolder'", "split='train'": "data_prefix='train'"}
    status, out, err = check('imagenet', tmp_path, **swap, **{"split='val'": "data_prefix='val'"})
    assert status == 1 and 'error: the data of train, val are not' in err
    assert 'WRONG: ' in out and 'train.tar is no tar' in out and 'does not exist' in out


def test_images_of_coco_in_a_tar(check, intact, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    shutil.copytree(intact('coco') / 'annotations', tmp_path / 'annotations')
    for split in ('train2017', 'val2017'):
        with tarfile.open(tmp_path / f'{split}.tar', 'w') as file:
            file.add(intact('coco') / split, split)
    swap = {f"img='{split}2017/'": f"img='{split}2017.tar/'" for split in ('train', 'val')}
    status, out, _ = check('coco', tmp_path, **swap)
    assert status == 0 and '8 images, 80 classes, 23 objects' in out


def test_files_that_are_no_images_are_counted(check, intact, tmp_path):
    shutil.copytree(intact('imagenet') / 'val', tmp_path / 'mine/val')
    for name in ('a.gif', 'b.gif', 'c.txt'):
        (tmp_path / 'mine/val/n01440764' / name).write_text('no image')
    swap = {"type='ImageNet', split='train'": "type='StrictImageFolder', data_prefix='val'"}
    swap |= {"type='ImageNet', split='val'": "type='StrictImageFolder', data_prefix='val'"}
    _, out, _ = check('imagenet', tmp_path / 'mine', **swap)
    assert 'note: 3 files of other endings are left out (.gif, .txt)' in out


def test_a_config_without_data(tmp_path, capsys):
    (tmp_path / 'empty.py').write_text("default_scope = 'mmpretrain'\n")
    assert main([str(tmp_path / 'empty.py')]) == 1
    assert 'has no data sets' in capsys.readouterr().err
    assert main([str(tmp_path / 'lost.py')]) == 1
    assert "error: There is no config '" in capsys.readouterr().err


def test_a_suite_names_its_configs(capsys):
    suite = Path(__file__).parents[2] / 'configs/suites/demo.py'
    assert main([str(suite)]) == 1
    message = capsys.readouterr().err
    assert 'is a suite. Check its configs: mmmask::demo/attmask-high-ibot_' in message
    assert message.count('\n') == 1


def test_data_of_an_unknown_layout_are_not_called_right(check, intact):
    swap = {"type='ImageNet', split='train'": "type='NoSuchDataset'"}
    status, out, _ = check('imagenet', intact('imagenet'), **swap)
    assert status == 0
    assert out.endswith('1 of 2 data sets are right, the others were not looked into\n')


def test_any_class_shows_imagenets_tree(check, tmp_path):
    swap = {"type='ImageNet', split='train'": "type='StrictImageFolder', data_prefix='train'"}
    _, out, _ = check('imagenet', tmp_path / 'imagenet', **swap)
    assert out.count('n01440764/*.JPEG') == 2  # one tree, its two splits


def test_progress_has_a_forecast():
    lines = []
    progress = Progress('images opened', 40, interval=0, sink=lines.append)
    progress.start -= 10  # ten images in ten seconds: thirty are left
    progress.advance(10)
    assert lines == ['images opened [10/40]  eta: 0:00:30  1/s']
