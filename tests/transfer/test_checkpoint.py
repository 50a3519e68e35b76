"""Files are read as data: what is wrong with one is said in a line, and nothing in it runs."""

from __future__ import annotations

import argparse
import collections
import json
import os
import pickle
import sys
import types

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmmask.config.init_cfg import PLACEHOLDER
from mmmask.transfer import read_checkpoint, select_backbone
from mmmask.transfer.checkpoint import CONTAINERS
from mmmask.utils.errors import UserError


def message_of(path) -> str:
    with pytest.raises(UserError) as error:
        read_checkpoint(path if path is None else str(path))
    text = str(error.value)
    assert '\n' not in text
    return text


def test_reads_what_mmengine_saves(checkpoint, content):
    read = read_checkpoint(str(checkpoint))
    assert list(read.state_dict) == list(content['state_dict'])
    assert all(torch.equal(read.state_dict[k], v) for k, v in content['state_dict'].items())
    assert read.meta['seed'] == 0


def test_reads_numpy_metadata_plain_dicts_and_wrapped_models(tmp_path):
    weight = torch.arange(3.0)
    torch.save(
        dict(state_dict={'module.a': weight}, meta=dict(x=np.float64(1), y=np.arange(2))),
        tmp_path / 'wrapped.pth',
    )
    torch.save({'a': weight}, tmp_path / 'plain.pth')
    save_file({'a': weight}, tmp_path / 'a.safetensors')
    for name in ('wrapped.pth', 'plain.pth', 'a.safetensors'):
        state_dict = read_checkpoint(str(tmp_path / name)).state_dict
        assert list(state_dict) == ['a'] and torch.equal(state_dict['a'], weight)


def test_versions_of_modules_survive(tmp_path):
    torch.save(dict(state_dict=torch.nn.BatchNorm2d(2).state_dict()), tmp_path / 'bn.pth')
    state_dict = read_checkpoint(str(tmp_path / 'bn.pth')).state_dict
    assert state_dict._metadata['']['version'] == 2


@pytest.mark.parametrize('share', [0.0, 0.3, 0.99])
@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
def test_truncated(tmp_path, checkpoint, content, share, suffix):
    whole = checkpoint
    if suffix == 'safetensors':
        whole = tmp_path / 'whole.safetensors'
        save_file(dict(content['state_dict']), whole)
    data = whole.read_bytes()
    path = tmp_path / f'cut.{suffix}'
    path.write_bytes(data[: int(share * len(data))])
    assert 'truncated or not a checkpoint' in message_of(path)


def test_other_files(tmp_path):
    text = tmp_path / 'notes.pth'
    text.write_text('not a checkpoint\n')
    assert 'truncated or not a checkpoint' in message_of(text)
    torch.save(dict(state_dict={'a': 'text'}), tmp_path / 'a.pth')
    assert 'no state_dict of weights (found: state_dict)' in message_of(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    'content, said',
    [
        ([1, 2], 'holds a list of 2 values, no state_dict of weights'),
        ([{'a': torch.zeros(1)}] * 3, 'holds a list of 3 state_dicts'),
        (torch.zeros(1), 'holds a Tensor, no state_dict'),
        ({'a': torch.zeros(1), 'epoch': 3}, "'epoch' among the tensors is of type int"),
        (dict(model={'a': torch.zeros(1), 'b': None}), "'b' among the tensors of model is of type"),
        (dict(vit={'a': torch.zeros(1)}, epoch=3), "as dict(state_dict=file['vit'])"),
        ({}, 'no state_dict of weights (found: nothing)'),
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:0', 'git lfs pull'),
        (b'\n<!DOCTYPE html><html lang="en">', 'is a web page, not a checkpoint'),
        (b'<html><body>Sign in</body></html>', 'is a web page, not a checkpoint'),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_state_dict_is_called_what_it_is(tmp_path, content, said):
    path = tmp_path / 'file.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    assert said in message_of(path)


def test_reasons_are_whole_and_not_torch_s_advice(tmp_path):
    """torch's own messages are long, and tell how to read the file without any protection."""
    path = tmp_path / 'file.pth'
    path.write_bytes(pickle.dumps(dict(a=1), protocol=5)[2:])
    text = message_of(path)
    assert text.endswith('copy or save it again (Unsupported operand 149).')
    torch.save(dict(model=torch.nn.Linear(1, 1)), path)
    for said in (text, message_of(path)):
        assert 'weights_only' not in said and 'safe_globals' not in said


@pytest.mark.parametrize('name', CONTAINERS)
def test_containers(tmp_path, name):
    torch.save({name: {'a': torch.ones(1)}, 'epoch': 3}, tmp_path / 'file.pth')
    read = read_checkpoint(str(tmp_path / 'file.pth'))
    assert list(read.state_dict) == ['a'] and read.about == dict(epoch=3)


def test_of_several_containers_the_one_that_is_taken_is_told(tmp_path):
    weights = {name: {'a': torch.full((1,), value)} for name, value in (('model', 1), ('ema', 2))}
    torch.save(dict(model_ema=weights['ema'], model=weights['model']), tmp_path / 'file.pth')
    read = read_checkpoint(str(tmp_path / 'file.pth'))
    assert read.state_dict['a'] == 1 and read.about == dict(weights='model, not model_ema')


@pytest.mark.parametrize('zipped', [False, True])
def test_content_decides_not_the_name(tmp_path, zipped):
    weight = torch.arange(3.0)
    torch.save(
        dict(model={'a': weight}),
        tmp_path / 'pickle.safetensors',
        _use_new_zipfile_serialization=zipped,
    )
    save_file({'a': weight}, tmp_path / 'a')
    (tmp_path / 'a').rename(tmp_path / 'safe.pth')
    for name in ('pickle.safetensors', 'safe.pth'):
        assert torch.equal(read_checkpoint(str(tmp_path / name)).state_dict['a'], weight)


def test_folders(tmp_path):
    assert 'is a folder: name the checkpoint in it (none that looks' in message_of(tmp_path)
    (tmp_path / 'epoch_1.pth').touch()
    (tmp_path / 'notes.txt').touch()
    assert 'name the checkpoint in it (epoch_1.pth)' in message_of(tmp_path)


def _shard(folder):
    save_file({'a': torch.ones(1)}, folder / 'model-00001-of-00003.safetensors')


def _index(folder):
    weights = dict(weight_map={'a': 'model-00001-of-00002.safetensors'})
    (folder / 'model.safetensors.index.json').write_text(json.dumps(weights))


def _detectron(folder):
    content = dict(model={'a': np.ones(2)}, __author__='someone')
    (folder / 'model_final.pkl').write_bytes(pickle.dumps(content, protocol=4))


def _script(folder):
    torch.jit.script(torch.nn.Linear(1, 1)).save(folder / 'script.pt')


def _saved(**tensors):
    return lambda folder: torch.save(tensors, folder / 'file.pth')


@pytest.mark.parametrize(
    'write, said',
    [
        (_shard, 'is shard 1 of 3, a part of the weights'),
        (_index, 'is a JSON file that holds no weights'),
        (_detectron, "is a plain pickle that torch.save didn't write"),
        (_script, 'is a TorchScript program, not a state_dict'),
        (lambda folder: np.savez(folder / 'augreg.npz', kernel=np.ones(2)), "is numpy's .npz"),
        (_saved(a=np.ones(2)), "no state_dict of weights, but numpy's arrays: save them as"),
        (_saved(a=torch.ones(2).to(torch.float8_e4m3fn)), "holds 'a' as float8_e4m3fn"),
        (_saved(a=torch.ones(2, 2).to_sparse()), "holds 'a' as a sparse tensor"),
        (_saved(a=torch.ones(2, device='meta')), "holds 'a' as a meta tensor, a shape without"),
        (
            _saved(a=torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)),
            "holds 'a' as qint8: such weights aren't read; save it as float32",
        ),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(write, said, tmp_path):
    write(tmp_path)
    (path,) = tmp_path.iterdir()
    assert said in message_of(path)


def test_i_jepa_evaluates_its_target_encoder(tmp_path):
    encoders = {
        name: {'module.a': torch.full((1,), value)}
        for name, value in (('encoder', 1.0), ('target_encoder', 2.0))
    }
    content = dict(encoders, predictor={'module.x': torch.ones(1)}, opt={}, epoch=3)
    torch.save(content, tmp_path / 'jepa.pth.tar')
    read = read_checkpoint(str(tmp_path / 'jepa.pth.tar'))
    assert {name: value.item() for name, value in read.state_dict.items()} == {
        'student.a': 1.0,
        'teacher.a': 2.0,
    }
    assert select_backbone(read).label == 'teacher'


def test_a_trusted_file_needs_no_library_of_its_objects(tmp_path, monkeypatch):
    """Such as the hyper-parameters that Lightning saves as OmegaConf's."""
    library = types.ModuleType('gone')
    for base in (object, dict, list):
        kind = type(f'Config{base.__name__}', (base,), {'__module__': 'gone'})
        setattr(library, kind.__name__, kind)
    options = [library.Configobject(), library.Configdict(a=1), library.Configlist([1])]
    options[0].content = 3
    with monkeypatch.context() as context:
        context.setitem(sys.modules, 'gone', library)
        torch.save(dict(state_dict={'a': torch.ones(1)}, options=options), tmp_path / 'last.ckpt')
    assert "it holds 'gone.Config" in message_of(tmp_path / 'last.ckpt')
    read = read_checkpoint(str(tmp_path / 'last.ckpt'), trust=True)
    assert torch.equal(read.state_dict['a'], torch.ones(1))


def test_missing_and_unset(tmp_path):
    assert 'There is no checkpoint' in message_of(tmp_path / 'nowhere.pth')
    for unset in (None, '', PLACEHOLDER):
        assert 'model.backbone.init_cfg.checkpoint=FILE' in message_of(unset)


def test_options_of_a_training_are_plain_values(tmp_path, monkeypatch):
    """argparse's, as DINO and MAE save them, and yacs's, as Swin does, without yacs."""
    yacs = types.ModuleType('yacs.config')
    yacs.CfgNode = type('CfgNode', (dict,), {'__module__': 'yacs.config'})
    with monkeypatch.context() as context:
        context.setitem(sys.modules, 'yacs', types.ModuleType('yacs'))
        context.setitem(sys.modules, 'yacs.config', yacs)
        node = yacs.CfgNode(BASE_LR=0.1, MODEL=yacs.CfgNode(NAME='swin_tiny'))
        node.frozen = True  # an attribute beside the entries, as yacs has
        args = argparse.Namespace(arch='vit_small', lr=0.5, output_dir=tmp_path)
        args.meters = collections.defaultdict(list, a=[1])
        content = dict(model={'a': torch.zeros(1)}, config=node, args=args, epoch=3)
        torch.save(content, tmp_path / 'file.pth')
    about = read_checkpoint(str(tmp_path / 'file.pth')).about
    assert about == dict(config=dict(BASE_LR=0.1), args=dict(arch='vit_small', lr=0.5), epoch=3)


class Command:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize('plain_pickle', [False, True])
def test_code_in_a_file_is_refused_and_not_run(tmp_path, plain_pickle):
    trace, path = tmp_path / 'ran', tmp_path / 'bad.pth'
    bad = dict(state_dict={'a': torch.zeros(1)}, meta=Command(f'touch {trace}'))
    if plain_pickle:
        path.write_bytes(pickle.dumps(dict(meta=Command(f'touch {trace}')), protocol=2))
    else:
        torch.save(bad, path)
    assert 'was refused' in message_of(path) and 'posix.system' in message_of(path)
    assert not trace.exists()


class Attribute:
    def __init__(self, owner: object, name: str) -> None:
        self.owner, self.name = owner, name

    def __reduce__(self):
        return getattr, (self.owner, self.name)


def test_getattr_in_a_file_gets_nothing(tmp_path):
    path = tmp_path / 'getattr.pth'
    torch.save(dict(state_dict={'a': torch.zeros(1)}, meta=dict(x=Attribute('', 'join'))), path)
    assert not callable(read_checkpoint(str(path)).meta['x'])


def test_names_with_a_scheme_go_through_mmengine_and_run_nothing(tmp_path, monkeypatch):
    from mmengine.runner import CheckpointLoader

    trace = tmp_path / 'ran'
    torch.save(dict(state_dict={'a': torch.ones(1)}), tmp_path / 'good.pth')
    torch.save(dict(state_dict={'a': Command(f'touch {trace}')}), tmp_path / 'bad.pth')
    schemes = CheckpointLoader._schemes

    def load(name, map_location):  # mmengine's local loader, which falls back to unsafe reading
        return schemes[''](str(tmp_path / name.removeprefix('shelf://')), map_location)

    monkeypatch.setattr(CheckpointLoader, '_schemes', {'shelf://': load, **schemes})
    assert list(read_checkpoint('shelf://good.pth').state_dict) == ['a']
    assert 'posix.system' in message_of('shelf://bad.pth')
    assert not trace.exists()
    assert "couldn't be fetched or read" in message_of('shelf://nowhere.pth')


def test_a_name_of_the_hub_is_fetched_with_its_description(tmp_path, monkeypatch):
    def download(name, allow_patterns):
        assert name == 'owner/vit' and 'config.json' in allow_patterns
        return tmp_path

    monkeypatch.setattr('huggingface_hub.snapshot_download', download)
    (tmp_path / 'config.json').write_text('{"model_type": "vit"}')
    save_file({'a': torch.ones(1)}, tmp_path / 'model.safetensors')
    read = read_checkpoint('hf://owner/vit/model.safetensors')
    assert read.path == 'hf://owner/vit/model.safetensors' and list(read.state_dict) == ['a']
    assert read.about['config.json'] == dict(model_type='vit')
    with pytest.raises(UserError, match='write hf://OWNER/NAME/FILE'):
        read_checkpoint('hf://owner/vit')
