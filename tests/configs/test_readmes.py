"""Every folder of configs has a README that names each of its configs by a link that works."""

import re

import pytest
from config_values import CONFIGS

FOLDERS = {path for path in CONFIGS.iterdir() if path.is_dir() and path.name[0] not in '_.'}
FOLDERS = sorted(FOLDERS | {path.parent for path in CONFIGS.rglob('README.md')})


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda folder: str(folder.relative_to(CONFIGS)))
def test_a_readme_names_every_config(folder):
    text = (folder / 'README.md').read_text()
    links = {(folder / link).resolve() for link in re.findall(r'\]\(([^)#]+)[^)]*\)', text)}
    assert all(path.exists() for path in links), [path for path in links if not path.exists()]
    configs = {path for path in folder.rglob('*.py') if '_base_' not in path.parts}
    for other in FOLDERS:
        if folder in other.parents:  # it has a README of its own
            assert other / 'README.md' in links
            configs -= set(other.rglob('*.py'))
    assert configs <= links, configs - links
    for command in re.findall(r'mmmask (?:train|test|suite) (configs/\S+\.py)', text):
        assert (CONFIGS.parent / command).is_file(), command
