"""Reads a config by path or by an installed package's name for it."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from mmengine.config import Config

from mmmask.utils.errors import UserError
from mmmask.utils.suggestions import nearest


def read_config(name: str) -> Config:
    """Read a config.

    Args:
        name: A path, or ``package::path`` for a config of an installed package (mmdet, mmseg,
            mmpretrain).

    Raises:
        UserError: If there is no such file (near names are named), it isn't Python, or inheriting
            fails.
    """
    path = _package_config(*name.split('::', 1)) if '::' in name else _file(Path(name), name)
    try:
        return Config.fromfile(str(path))
    except SyntaxError as error:
        error = _syntax_error(str(path)) or error
        raise UserError(f'{error.filename or path}, line {error.lineno}: {error.msg}') from error
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"The config '{name}' can't be read: {type(error).__name__}: {error}"
        ) from error


def _syntax_error(path: str) -> SyntaxError | None:
    """Return the syntax error of a config or of one of its bases, which names its file."""
    try:
        ast.parse(Path(path).read_text(encoding='utf-8'), filename=path)
    except SyntaxError as error:
        return error
    bases = (Config._get_cfg_path(base, path)[0] for base in Config._get_base_files(path))
    return next(filter(None, map(_syntax_error, bases)), None)


def config_name(name: str) -> str:
    """Return the name without folders, package and suffix, e.g. for the work dir."""
    return Path(name.split('::')[-1]).stem


def _package_config(package: str, relative: str) -> Path:
    """Return a config that an installed package carries."""
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or spec.origin is None:
        raise UserError(f"'{package}::{relative}': no package '{package}' is installed.")
    root = Path(spec.origin).parent
    folders = [
        folder for folder in (root / '.mim' / 'configs', root.parent / 'configs') if folder.is_dir()
    ]
    if not folders:
        raise UserError(f"'{package}::{relative}': the package '{package}' carries no configs.")
    return _file(folders[0] / relative, f'{package}::{relative}')


def _file(path: Path, name: str) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        raise UserError(f"'{name}' is a folder, not a config.")
    if path.with_name(f'{path.name}.py').is_file():
        raise UserError(f"There is no config '{name}'. Did you mean '{name}.py'?")
    raise UserError(f"There is no config '{name}'.{_suggestion(path, name)}")


def _suggestion(path: Path, name: str) -> str:
    """Return `` Did you mean ...?`` with the nearest file around, or nothing."""
    folder = path.parent
    missing_folders = 0
    while not folder.is_dir():
        folder, missing_folders = folder.parent, missing_folders + 1
    if missing_folders > 2 or folder == Path(folder.anchor):
        return ''
    depth = 1 + missing_folders
    files = {
        str(f.relative_to(folder)): f
        for d in range(1, depth + 1)
        for f in folder.glob('/'.join('*' * d) + '.py')
    }
    wanted = str(path.relative_to(folder))
    near = nearest(wanted, files, cutoff=0.5)
    if near is None:
        near = next((f for f in files if Path(f).name == path.name), None)
    return f" Did you mean '{name.removesuffix(wanted)}{near}'?" if near else ''
