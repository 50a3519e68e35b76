"""The command writes a miniature, or says in one line why it can't."""

from functools import partial

from mmmask.commands.main import run_command

main = partial(run_command, 'prepare-miniature')


def test_it_writes(tmp_path, capsys):
    assert main(['coco', '--out', str(tmp_path / 'coco')]) == 0
    assert f'{tmp_path}/coco: a miniature of coco' in capsys.readouterr().out
    assert len(list((tmp_path / 'coco/val2017').iterdir())) == 4


def test_a_file_in_the_way(tmp_path, capsys):
    (tmp_path / 'coco').write_text('')
    assert main(['coco', '--out', str(tmp_path / 'coco')]) == 1
    message = capsys.readouterr().err
    assert message.startswith('error: ')
    assert message.count('\n') == 1
