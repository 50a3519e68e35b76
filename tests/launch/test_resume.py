import pytest
import torch

from mmmask.launch.resume import find_checkpoint
from mmmask.utils.errors import UserError


def save(path) -> str:
    state = dict(meta=dict(iter=1), state_dict={}, optimizer={}, message_hub={})
    torch.save(state, path)
    return str(path)


def truncate(path) -> str:
    save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return str(path)


def test_nothing_to_resume_from_yet(tmp_path):
    assert find_checkpoint('auto', str(tmp_path / 'nothing')) == (None, [])
    (tmp_path / 'log.txt').write_text('x')
    assert find_checkpoint('auto', str(tmp_path)) == (None, [])


def test_last_checkpoint_is_followed_also_in_a_moved_folder(tmp_path):
    save(tmp_path / 'epoch_9.pth')
    old = save(tmp_path / 'epoch_10.pth')
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_9.pth')
    assert find_checkpoint('auto', str(tmp_path)) == (str(tmp_path / 'epoch_9.pth'), [])
    (tmp_path / 'last_checkpoint').unlink()
    assert find_checkpoint('auto', str(tmp_path)) == (old, [])  # 10 is more than 9


def test_damaged_checkpoints_are_passed_over_with_a_warning(tmp_path):
    good = save(tmp_path / 'iter_100.pth')
    bad = truncate(tmp_path / 'iter_200.pth')
    (tmp_path / 'last_checkpoint').write_text(bad)
    path, warnings = find_checkpoint('auto', str(tmp_path))
    assert path == good
    assert len(warnings) == 1
    assert 'iter_200.pth: the file is truncated' in warnings[0]


def test_only_damaged_checkpoints_are_an_error(tmp_path):
    truncate(tmp_path / 'epoch_1.pth')
    with pytest.raises(UserError, match='No checkpoint in .* can be resumed from .*truncated'):
        find_checkpoint('auto', str(tmp_path))


@pytest.mark.parametrize('missing', ['optimizer', 'message_hub'])
def test_weights_alone_cannot_be_resumed_from(tmp_path, missing):
    state = dict(meta={}, state_dict={}, optimizer={}, message_hub={})
    del state[missing]
    torch.save(state, tmp_path / 'weights.pth')
    with pytest.raises(UserError, match=f'has no {missing}'):
        find_checkpoint(str(tmp_path / 'weights.pth'), str(tmp_path))


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / 'written'), 'w'))

    torch.save(dict(meta=Evil()), tmp_path / 'evil.pth')
    with pytest.raises(UserError, match='damaged or holds more than weights'):
        find_checkpoint(str(tmp_path / 'evil.pth'), str(tmp_path))
    assert not (tmp_path / 'written').exists()
