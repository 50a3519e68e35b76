import errno
import hashlib

import pytest

from mmmask.utils.errors import UserError
from mmmask.utils.files import (
    list_images,
    sha256_of_file,
    write_atomically,
    write_text_atomically,
)


def test_text(tmp_path):
    path = tmp_path / 'a.txt'
    write_text_atomically(path, 'one')
    write_text_atomically(path, 'two')
    assert path.read_text() == 'two'
    assert [p.name for p in tmp_path.iterdir()] == ['a.txt']


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def fail(part):
        part.write_text('half')
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fail)
    assert path.read_text() == 'old' and [p.name for p in tmp_path.iterdir()] == ['a.txt']


def test_a_full_disk_is_one_line_and_leaves_no_part(tmp_path):
    def fill(part):
        part.write_text('half')
        raise OSError(errno.ENOSPC, 'No space left on device')

    with pytest.raises(UserError, match='a.txt cannot be written: No space left on device'):
        write_atomically(tmp_path / 'a.txt', fill)
    assert not list(tmp_path.iterdir())


def test_images_of_a_folder(tmp_path):
    for name in ('b.png', 'a/x.PNG', 'a-b.png', 'a/x.txt', '.a.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('')
    assert {path.name for path in list_images(tmp_path)} == {'a-b.png', 'x.PNG', 'b.png'}


def test_sha256(tmp_path):
    data = bytes(range(256)) * 10000  # several blocks
    (tmp_path / 'file').write_bytes(data)
    assert sha256_of_file(tmp_path / 'file') == hashlib.sha256(data).hexdigest()
