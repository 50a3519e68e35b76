"""Mends the installed mm packages. Importing this module applies all patches, once.

Each room that imports mm packages imports this module first, in its ``__init__.py``. There are no
other patches of the mm packages, except mmengine's ``Pretrained`` initialiser (`mmmask.transfer`).
"""

import importlib
import pickle
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from logging import INFO, Logger
from pathlib import Path

import mmengine.logging
import pycocotools.coco
from mmengine.config import Config
from mmengine.config import utils as config_utils


def mend_mmseg_configs() -> None:
    """Let ``_base_ = 'mmseg::...'`` find the installed package.

    mmengine maps ``mmseg`` to the distribution ``mmsegmentation``, which the maintained fork isn't
    called.
    """
    config_utils.MODULE2PACKAGE['mmseg'] = 'mmseg'


def find_configs_of_packages() -> None:
    """Let ``_base_ = 'package::...'`` take the file below the package's ``.mim/configs``.

    mmengine knows the mm packages only, not ``mmmask::``, whose parts are in mmpretrain's scope.
    For each base it first parses the YAML metafiles of the whole package (half a second), by a name
    that none of them has.
    """
    get_cfg_path = Config._get_cfg_path

    def get_cfg_path_at_once(cfg_path: str, filename: str) -> tuple[str, str | None]:
        package, separator, name = cfg_path.partition('::')
        spec = find_spec(package) if separator and package.isidentifier() else None
        if spec is not None and spec.origin is not None:
            file = Path(spec.origin).parent / '.mim' / 'configs' / name
            if package == 'mmmask' or file.is_file():
                return str(file), None if package == 'mmmask' else package
        return get_cfg_path(cfg_path, filename)

    Config._get_cfg_path = staticmethod(get_cfg_path_at_once)


def import_yapf() -> None:
    """Import yapf, which formats mmengine's configs, again if its cache was being written.

    At a user's first run yapf writes its grammar to the cache and gives the file its name before
    all of it is written. Another process that starts in that moment reads a part.
    """
    for pause in (0.1, 0.5, 2.0):
        try:
            importlib.import_module('yapf.yapflib.yapf_api')
            return
        except (EOFError, pickle.UnpicklingError):
            time.sleep(pause)
    importlib.import_module('yapf.yapflib.yapf_api')


def format_configs_once() -> None:
    """Keep the formatted text of a config: mmengine formats it six times a run, a second each."""
    pretty_text = Config.pretty_text.fget
    texts: dict[str, str] = {}

    def pretty_text_once(self: Config) -> str:
        content = repr(self.to_dict()) + str(self._format_python_code)
        if content not in texts:
            import_yapf()
            texts.clear()  # the last one is enough
            texts[content] = pretty_text(self)
        return texts[content]

    Config.pretty_text = property(pretty_text_once)


def leave_out_multimodal_models() -> None:
    """Let mmpretrain be imported where transformers 5 is installed.

    mmpretrain's models of images and text take parts of transformers that version 5 has no more:
    the import of all of its models fails with a TypeError. They are left out, as without
    transformers.
    """
    try:
        installed = int(version('transformers').split('.')[0])
    except (PackageNotFoundError, ValueError):
        return
    if installed >= 5:
        from mmpretrain.utils import dependency  # not before print_log is mended

        dependency.WITH_MULTIMODAL = False


def silence_chatter() -> None:
    """Leave out what packages print that isn't about the user's run.

    - mmengine's ``print_log`` without a logger prints messages of any level. The mm packages so
      tell at every import, at level DEBUG, that an optional package is missing.
    - pycocotools prints four lines for each annotation file that it reads.
    - Warnings about an optional package of mmdet, about options of mmseg that are meant, and about
      calls of torch in mmpretrain's and timm's code.
    """
    print_log = mmengine.logging.print_log

    def print_log_from_info(
        msg: str, logger: Logger | str | None = None, level: int = INFO
    ) -> None:
        if logger is not None or level >= INFO:
            print_log(msg, logger, level)

    mmengine.logging.print_log = print_log_from_info
    pycocotools.coco.print = lambda *args, **kwargs: None  # instead of the builtin, there
    for message in (
        'faster_coco_eval is not installed',
        'The draw is False, it means that the hook for visualization',
        '`reduce_zero_label` will be deprecated',
        'torch.meshgrid: in an upcoming release',
        r'torch.searchsorted\(\): input value tensor is non-contiguous',
        'Using a non-tuple sequence for multidimensional indexing',
    ):
        warnings.filterwarnings('ignore', message=message)


silence_chatter()
mend_mmseg_configs()
find_configs_of_packages()
format_configs_once()
leave_out_multimodal_models()
