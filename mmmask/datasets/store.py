"""Write a known list of files, and only those that aren't right already.

A *manifest* beside the files records what they were made from and the size and SHA-256 of each. A
second run compares, makes what is missing or damaged, and leaves the rest alone. Every file is
written aside and renamed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from mmmask.utils.errors import UserError
from mmmask.utils.files import write_atomically

MANIFEST = 'manifest.json'


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda part: part.write_bytes(content), to_disk=False)


def fingerprint(content: bytes) -> list:
    """``[size, sha256]`` of a file's content."""
    return [len(content), hashlib.sha256(content).hexdigest()]


def read_manifest(root: Path) -> dict:
    """Manifest of a tree; ``{}`` where there is none or where it can't be read."""
    try:
        return json.loads((root / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}


def refresh(
    root: Path,
    recipe: dict,
    names: Iterable[str],
    make: Callable[[str], bytes],
    tick: Callable[[bool], None] = lambda built: None,
) -> list[str]:
    """Bring the tree at ``root`` to exactly the files ``names``, made by ``make``.

    Args:
        root: Folder of the tree. What a former manifest lists and ``names`` doesn't is deleted.
        recipe: What the files are made from (JSON values). When it changes, everything is made
            again.
        names: Paths relative to ``root``.
        make: Content of the file of that name.
        tick: Called after each file, with whether it was written.

    Returns:
        Names of the files that were written or deleted.

    Raises:
        UserError: The tree holds files that no manifest of ours lists; they aren't touched.
    """
    names = list(names)
    old = read_manifest(root)
    owned = old.get('files', {})
    present = {
        path.relative_to(root).as_posix(): path
        for path in root.rglob('*')
        if path.is_file() and not path.name.startswith('.')  # hidden: half-written, of a killed run
    }
    present.pop(MANIFEST, None)
    foreign = sorted(set(present) - set(owned))
    if foreign:
        raise UserError(
            f'{root} holds {len(foreign)} files that this tool did not write '
            f'(such as {foreign[0]}): choose another --out, or delete the folder'
        )
    known = owned if old.get('recipe') == recipe else {}
    # A manifest without fingerprints comes first: a run that is killed leaves no file that the
    # next one wouldn't own.
    plan = {'recipe': recipe, 'files': {**dict.fromkeys([*owned, *names]), **known}}
    changed = sorted((set(owned) & set(present)) - set(names))
    for name in changed:
        present[name].unlink()
    files = {}
    for name in names:
        path = root / name
        right = known.get(name) is not None and _is_right(path, known[name])
        if right:
            files[name] = known[name]
        else:
            if plan is not None:
                _write_manifest(root, plan)
                plan = None
            content = make(name)
            _write(path, content)
            files[name] = fingerprint(content)
            changed.append(name)
        tick(not right)
    final = {'recipe': recipe, 'files': files}
    if changed or final != old:
        _write_manifest(root, final)
    return changed


def _is_right(path: Path, expected: list) -> bool:
    try:
        return path.stat().st_size == expected[0] and fingerprint(path.read_bytes()) == expected
    except OSError:
        return False


def _write_manifest(root: Path, manifest: dict) -> None:
    _write(root / MANIFEST, json.dumps(manifest, indent=0, sort_keys=True).encode())
