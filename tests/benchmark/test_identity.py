import hashlib

import pytest

from mmmask.benchmark.identity import (
    data_hashes,
    first_change,
    identity_of,
    protocol_values,
    sha256,
    value_at,
)
from mmmask.benchmark.suite import load_suite
from mmmask.utils.errors import UserError


def test_value_at_a_dotted_path():
    config = dict(model=dict(heads=[dict(k=5), dict(k=6)], none=None))
    assert value_at(config, 'model.heads.1.k') == 6
    assert value_at(config, 'model.none') is None
    with pytest.raises(UserError, match="model.heads has no '2'; known: 0, 1"):
        value_at(config, 'model.heads.2')
    with pytest.raises(UserError, match="the config has no 'modle'; did you mean 'model'"):
        value_at(config, 'modle.x')
    with pytest.raises(UserError, match="model.none has no 'x'"):
        value_at(config, 'model.none.x')


def test_sha256_follows_the_content(tmp_path):
    file = tmp_path / 'a'
    file.write_bytes(b'abc')
    assert sha256(file) == hashlib.sha256(b'abc').hexdigest()
    file.write_bytes(b'abcd')
    assert sha256(file) == hashlib.sha256(b'abcd').hexdigest()
    assert data_hashes(['*'], tmp_path) == {'a': sha256(file)}
    with pytest.raises(UserError, match='nothing matches b'):
        data_hashes(['b'], tmp_path)


def test_an_identity_holds_the_resolved_config(miniature):
    miniature.write('configs/child.py', "_base_ = 'pretrain.py'\nk = 5\ntrain_cfg = dict(by=abs)\n")
    protocol = dict(
        run='train',
        config='configs/child.py',
        options={'k': 6},
        values={'k': 'k', 'T': 'train_cfg'},
    )
    tasks = [
        dict(name='a', protocol='p', seed=3, options={'train_cfg.max_iters': 7}, weights='w.pth')
    ]
    weights = miniature.write('w.pth', 'w')
    task = load_suite(miniature.suite(tasks, dict(p=protocol)), miniature.root).tasks[0]
    assert identity_of(task, miniature.root, {'model.backbone.init_cfg': weights}, {}) == dict(
        run='train',
        seed=3,
        weights=hashlib.sha256(b'w').hexdigest(),
        data={},
        config=dict(k=6, train_cfg=dict(by='abs', max_iters=7)),
    )
    assert protocol_values(task, dict(k=1)) == dict(k=1, T=None)


def test_first_change_in_words():
    old = dict(seed=0, weights='ab', data=dict(f='1'), config=dict(k=1, x=[1]))
    assert first_change(old, dict(old)) is None
    assert first_change(old, dict(old, seed=1)) == 'seed changed from 0 to 1'
    assert first_change(old, dict(old, weights='cd')) == 'weights changed'
    assert first_change(old, dict(old, data=dict(f='2'))) == 'data.f changed'
    assert first_change(old, dict(old, config=dict(k=1))) == 'config.x is gone'
    assert first_change(old, dict(old, config=dict(old['config'], y=1))) == 'config.y is new'
    assert (
        first_change(old, dict(old, config=dict(k=1, x=[2]))) == 'config.x changed from [1] to [2]'
    )
