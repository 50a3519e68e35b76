import hashlib

import pytest

from mmmask.utils.files import sha256_of_file, write_atomically, write_text_atomically


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


def test_sha256(tmp_path):
    data = bytes(range(256)) * 10000  # several blocks
    (tmp_path / 'file').write_bytes(data)
    assert sha256_of_file(tmp_path / 'file') == hashlib.sha256(data).hexdigest()
