"""Every mistake in a folder of images gets one line that says what is wrong."""

import pytest

from mmmask.datasets.folders import check_class_folders, check_folder
from mmmask.utils.errors import UserError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'x')


def one_line(info):
    return '\n' not in str(info.value)


class TestFolder:
    def test_missing(self, tmp_path):
        with pytest.raises(UserError, match='folder of training images does not exist') as info:
            check_folder(tmp_path / 'lost', 'training images')
        assert one_line(info) and 'lost' in str(info.value)

    def test_embedded_data_missing_says_how_to_make_it(self):
        with pytest.raises(UserError, match=r'run mmmask prepare-demo'):
            check_folder('no/material_scenes/cls')

    def test_empty(self, tmp_path):
        with pytest.raises(UserError, match='it is empty'):
            check_folder(tmp_path)

    def test_a_file(self, tmp_path):
        touch(tmp_path / 'x.jpg')
        with pytest.raises(UserError, match='this is a file'):
            check_folder(tmp_path / 'x.jpg')

    def test_no_images(self, tmp_path):
        touch(tmp_path / 'a' / 'x.txt')
        touch(tmp_path / '.hidden.jpg')
        with pytest.raises(UserError, match='found 2 other entries'):
            check_folder(tmp_path)

    def test_images_at_any_depth(self, tmp_path):
        touch(tmp_path / 'a' / 'b' / 'x.JPEG')
        check_folder(str(tmp_path))


class TestClassFolders:
    def test_right(self, tmp_path):
        for name in ('b', 'a'):
            touch(tmp_path / name / 'x.png')
        assert check_class_folders(tmp_path) == ['a', 'b']

    def test_flat(self, tmp_path):
        touch(tmp_path / 'x.png')
        with pytest.raises(UserError, match=r'no sub-folders.*with_label=False'):
            check_class_folders(tmp_path)

    def test_an_empty_class(self, tmp_path):
        touch(tmp_path / 'a' / 'x.png')
        (tmp_path / 'b').mkdir()
        with pytest.raises(UserError, match=r'1 class folders.*first: b'):
            check_class_folders(tmp_path)
