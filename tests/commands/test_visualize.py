from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from PIL import Image

from mmmask.commands.main import run_command
from mmmask.pictures import figure, reconstruction
from mmmask.pictures.attention import hardest
from mmmask.pictures.figure import HIDDEN, Options, Sample, Subject
from mmmask.probe import Probe

visualize = partial(run_command, 'visualize')

ROOT = Path(__file__).parents[2]
DEMO = ROOT / 'configs/demo'
SYSTEMS = ('mst', 'gpa', 'attmask-high-ibot')


def config_of(system: str) -> str:
    return str(DEMO / f'{system}_vit-demo_material-scenes.py')


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory) -> dict[str, str]:
    """Untrained networks of the demo's size."""
    import mmmask.models  # noqa: F401

    folder, paths = tmp_path_factory.mktemp('checkpoints'), {}
    for system in SYSTEMS:
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            torch.manual_seed(0)
            model = MODELS.build(Config.fromfile(config_of(system)).model)
            model.init_weights()
        paths[system] = str(folder / f'{system}.pth')
        torch.save(dict(state_dict=model.state_dict(), meta={}), paths[system])
    return paths


@pytest.fixture
def photos(tmp_path):
    """Two images, in folders, of one name."""
    generator = np.random.default_rng(0)
    for name, shape in (('a', (40, 50, 3)), ('b', (64, 33, 3))):
        (tmp_path / 'photos' / name).mkdir(parents=True)
        pixels = generator.integers(0, 256, shape).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / 'photos' / name / '0.png')
    return tmp_path / 'photos'


@pytest.fixture
def show(checkpoints, photos, tmp_path):
    """``tools/visualize.py`` in this process: system and options -> status and folder."""

    def run(system: str, *options: str, out: str = 'out', images=None, checkpoint=None):
        checkpoint = checkpoint or checkpoints[system]
        argv = [config_of(system), checkpoint, '--images', str(images or photos)]
        return visualize([*argv, '--out', str(tmp_path / out), *options]), tmp_path / out

    return run


def probe_of(system: str, checkpoints: dict[str, str], **options) -> Probe:
    return Probe(checkpoints[system], Config.fromfile(config_of(system)), **options)


@pytest.mark.parametrize(
    'system, kinds, left_out',
    [
        ('gpa', {'attention', 'gpa', 'reconstruction', 'patches'}, None),
        ('mst', {'attention', 'gpa', 'reconstruction', 'patches'}, None),
        ('attmask-high-ibot', {'attention', 'gpa', 'patches'}, 'reconstruction: left out.'),
    ],
)
def test_everything_that_a_model_gives(show, capsys, system, kinds, left_out):
    status, out = show(system)
    assert status == 0
    masks = {'masks-001-a_0', 'masks-002-b_0'}
    assert {file.stem for file in out.glob('*.png')} == kinds | masks
    page = (out / 'index.html').read_text()
    assert all(f'src="{name}.png"' in page for name in kinds | masks)
    assert str(out) not in page.split('<h2>', 1)[1]  # links are relative
    said = capsys.readouterr().out
    assert (left_out in said) if left_out else 'left out' not in said


def test_seeds(show):
    _, first = show('gpa', '--what', 'masks', 'reconstruction', out='first')
    torch.rand(7)  # whatever happened before
    _, again = show('gpa', '--what', 'masks', 'reconstruction', out='again')
    _, other = show('gpa', '--what', 'masks', 'reconstruction', '--seed', '1', out='other')
    names = sorted(file.name for file in first.glob('*.png'))
    assert len(names) == 3
    for name in names:
        assert (first / name).read_bytes() == (again / name).read_bytes()
        assert (first / name).read_bytes() != (other / name).read_bytes()


def test_inputs_are_normalised_as_in_training_and_back(checkpoints):
    probe = probe_of('mst', checkpoints)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    inputs = probe.inputs([image])
    red = (float(image[3, 5, 0]) - 123.675) / 58.395  # ImageNet's, channels in the order RGB
    assert inputs.shape == (1, 3, 32, 32) and inputs[0, 0, 3, 5].item() == pytest.approx(red)
    assert (probe.pixels(inputs[0]) == image).all()


@pytest.mark.parametrize('system', ['gpa', 'mst'])
def test_reconstructions_are_true_where_visible(system, checkpoints, monkeypatch):
    rows = []

    def keep(columns, given, footer):
        rows.extend(given)
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(figure, 'contact_sheet', keep)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    subject = Subject('x', probe_of(system, checkpoints), [Sample('x', image)])
    reconstruction.reconstruction_sheets(subject, Options(seed=3))
    shown, masked, pasted, predicted = (cell.image for cell in rows[0].cells[:4])
    hidden = (masked == HIDDEN).all(axis=2)
    patches = hidden[::40, ::40]  # five pixels for each of the eight of a patch
    assert (hidden == patches.repeat(40, 0).repeat(40, 1)).all() and 0 < patches.sum() < 16
    assert (masked[~hidden] == shown[~hidden]).all()
    assert (pasted[~hidden] == shown[~hidden]).all()
    assert (pasted[hidden] == predicted[hidden]).all()
    assert (predicted[hidden] != shown[hidden]).any()
    if system == 'gpa':
        assert patches.sum() == 12 and len(rows[0].cells) == 6  # attention, true and predicted


def test_thehardest_patches():
    scores = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert hardest(scores).tolist() == (scores >= 4).tolist()


def test_received_attention_of_a_chosen_block_and_head(checkpoints):
    probe = probe_of('gpa', checkpoints)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    own, last = probe.received_attention(image), probe.received_attention(image, 2, 1)
    assert np.array_equal(own, last)  # of three blocks and two heads
    other = probe.received_attention(image, 0, 'sum')
    both = probe.received_attention(image, 0, 0) + probe.received_attention(image, 0, 1)
    np.testing.assert_allclose(other, both, rtol=1e-4, atol=1e-4)
    assert not np.allclose(own, other)
    assert probe.received_name(0, 'sum') == 'sum over heads of block 0 of the student'


@pytest.mark.parametrize(
    'system, options, message',
    [
        ('attmask-high-ibot', ['--what', 'reconstruction'], '--what reconstruction: SelfDist'),
        ('gpa', ['--source', 'teacher'], 'MaskedAutoencoder has no teacher: leave out --source.'),
        ('gpa', ['--size', '36'], 'no whole number of patches'),
        ('gpa', ['--size', '12'], 'no whole number of patches'),
        ('gpa', ['--what', 'gpa', '--block', '3'], '--what gpa: ReceivedAttentionTap'),
        ('gpa', ['--what', 'reconstruction', '--size', '64'], 'neck.num_patches is 16'),
        ('gpa', ['--cfg-options', 'model.no=1'], "takes no 'no'"),
    ],
)
def test_what_cannot_be_shown_is_one_line(show, capsys, system, options, message):
    status, out = show(system, *options)
    lines = capsys.readouterr().err.strip().splitlines()
    assert status == 1 and message in lines[-1] and lines[-1].startswith('error: ')
    assert not out.exists()


def test_files_that_are_not_there(show, capsys, tmp_path, checkpoints, photos):
    assert show('gpa', images=tmp_path / 'no*.png')[0] == 1
    assert "--images: there is no '" in capsys.readouterr().err
    (tmp_path / 'text.png').write_text('no image')
    assert show('gpa', images=tmp_path / 'text.png')[0] == 1
    assert "can't be read as an image" in capsys.readouterr().err
    arguments = ['--images', str(photos), '--out', str(tmp_path / 'out')]
    assert visualize([config_of('gpa'), 'no.pth', *arguments]) == 1
    assert "There is no checkpoint 'no.pth'." in capsys.readouterr().err
    assert visualize([config_of('gpa'), checkpoints['mst'], *arguments]) == 1
    assert "doesn't fit MaskedAutoencoder" in capsys.readouterr().err


def test_a_frozen_scorer_has_weights_of_its_own(checkpoints):
    config = Config.fromfile(config_of('gpa'))
    backbone = dict(type='VisionTransformer', out_type='raw', **config.demo_backbone)
    backbone['init_cfg'] = dict(type='Pretrained', checkpoint='no.pth', source='student')
    config.model.scorer = dict(
        type='FrozenScorer', attention=dict(type='ReceivedAttentionTap'), backbone=backbone
    )
    with pytest.raises(ValueError, match=r"no checkpoint 'no.pth' \(model.scorer.backbone"):
        Probe(checkpoints['gpa'], config)
    config.model.scorer.backbone.init_cfg.checkpoint = checkpoints['mst']
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    found, student = (
        Probe(checkpoints['gpa'], config),
        probe_of('mst', checkpoints, source='student'),
    )
    np.testing.assert_array_equal(
        found.received_attention(image), student.received_attention(image)
    )
    assert "the config's frozen scorer" in found.received_name()


def test_scores_that_are_not_finite_are_one_line(show, checkpoints, capsys, tmp_path):
    kept = torch.load(checkpoints['gpa'])
    kept['state_dict']['backbone.layers.2.attn.qkv.bias'][:] = 1e38  # overflows
    torch.save(kept, tmp_path / 'broken.pth')
    assert show('gpa', '--what', 'gpa', checkpoint=str(tmp_path / 'broken.pth'))[0] == 1
    assert capsys.readouterr().err == 'error: --what gpa: the scores are not finite\n'


def test_networks_side_by_side(checkpoints, photos, tmp_path):
    """Files of others need no config: DINO's names, and what timm writes."""
    import timm
    from safetensors.torch import save_file

    ours = torch.load(checkpoints['attmask-high-ibot'])['state_dict']
    own = tmp_path / 'own.pth'
    config = Config.fromfile(config_of('attmask-high-ibot'))
    torch.save(dict(state_dict=ours, meta=dict(cfg=config.pretty_text)), own)
    foreign = tmp_path / 'deit.safetensors'
    vit = timm.create_model('deit_tiny_patch16_224', img_size=32, num_classes=0)
    save_file(vit.state_dict(), foreign)
    out = tmp_path / 'out'
    arguments = ['--images', str(photos), '--out', str(out), '--what', 'attention', 'gpa']
    assert visualize(['--checkpoint', str(own), str(foreign), *arguments]) == 0
    assert {path.name for path in out.glob('*.png')} == {'attention.png', 'gpa.png'}
    page = (out / 'index.html').read_text()
    imagenet = 'mean (123.675, 116.28, 103.53), std (58.395, 57.12, 57.375), RGB'
    assert f'own: 32 x 32 pixels, normalised by {imagenet} (the config)' in page
    assert f'deit: 32 x 32 pixels, normalised by {imagenet} (ImageNet' in page


def test_a_file_of_no_published_width_needs_a_config(photos, tmp_path, capsys):
    import timm

    shape = dict(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=0)
    vit = timm.create_model('vit_tiny_patch16_224', **shape)
    torch.save(vit.state_dict(), tmp_path / 'small.pth')
    out = tmp_path / 'out'
    arguments = ['--images', str(photos), '--out', str(out), '--what', 'attention']
    assert visualize(['--checkpoint', str(tmp_path / 'small.pth'), *arguments]) == 1
    assert "small.pth' needs a config of its backbone: it doesn't" in capsys.readouterr().err
    (tmp_path / 'config.py').write_text(
        "default_scope = 'mmpretrain'\nmodel = dict(type='ImageClassifier', backbone=dict(\n"
        "    type='MaskedVisionTransformer', img_size=32, patch_size=8, with_mask_token=False,\n"
        '    arch=dict(embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=96)))\n'
    )
    assert visualize([str(tmp_path / 'config.py'), str(tmp_path / 'small.pth'), *arguments]) == 0
    assert (out / 'attention.png').is_file()


def test_each_file_has_a_config_of_its_own(checkpoints, photos, tmp_path, capsys):
    """Files that hold no config, one of a name with a sign, and an untrained network."""
    gpa = tmp_path / 'lr=0.1' / 'gpa.pth'
    gpa.parent.mkdir()
    gpa.write_bytes(Path(checkpoints['gpa']).read_bytes())
    out = tmp_path / 'out'
    networks = [f'{gpa}={config_of("gpa")}', f'{checkpoints["mst"]}={config_of("mst")}']
    networks += [f'none={config_of(system)}' for system in ('mst', 'gpa')]
    arguments = ['--images', str(photos), '--out', str(out)]
    assert visualize(['--checkpoint', *networks, *arguments, '--what', 'attention', 'masks']) == 0
    names = {path.stem for path in out.glob('*.png')}
    masks = {
        f'masks-00{image}-{name}_0-{of}'
        for image, name in enumerate('ab', 1)
        for of in (1, 2, 3, 4)
    }
    assert names == {'attention', *masks}
    page = (out / 'index.html').read_text()
    untrained = (Path(config_of(system)).stem for system in ('mst', 'gpa'))
    assert all(f'{name}: 32 x 32 pixels' in page for name in ('gpa', 'mst', *untrained))
    assert visualize(['--checkpoint', f'{checkpoints["gpa"]}=nothing.py', *arguments]) == 1
    assert "There is no config 'nothing.py'" in capsys.readouterr().err


def test_a_network_is_named(photos, tmp_path, capsys):
    arguments = ['--images', str(photos), '--out', str(tmp_path / 'out')]
    assert visualize(arguments) == 1
    assert 'Give CONFIG and CHECKPOINT, or --checkpoint FILE' in capsys.readouterr().err
