"""Every folder of configs has a README that names each of its configs by a link that works."""

import re

import pytest
from config_values import CONFIGS

FOLDERS = sorted(path for path in CONFIGS.iterdir() if path.is_dir() and path.name[0] not in '_.')


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda folder: folder.name)
def test_a_readme_names_every_config(folder):
    text = (folder / 'README.md').read_text()
    links = {(folder / link).resolve() for link in re.findall(r'\]\(([^)#]+)[^)]*\)', text)}
    assert all(path.exists() for path in links), [path for path in links if not path.exists()]
    configs = {path for path in folder.rglob('*.py') if '_base_' not in path.parts}
    assert configs <= links, configs - links
    for command in re.findall(r'mmmask (?:train|test|suite) (configs/\S+\.py)', text):
        assert (CONFIGS.parent / command).is_file(), command
