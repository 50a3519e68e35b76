"""Write a data set's features to a file of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.runner import Runner
from mmpretrain.registry import LOOPS
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError
from mmmask.utils.files import new_files

from .loop import VectorLoop


@LOOPS.register_module()
class EmbedLoop(VectorLoop):
    """Write the features of the test set, and the names of its files.

    ``mmmask embed`` runs this loop in the place of a config's own. Row i of the features belongs to
    line i of the names.

    Args:
        runner: The runner.
        dataloader: The test set.
        evaluator: Must be empty.
        out: File ``NAME.safetensors``: ``features`` (N, C), of patches (N, L, C), float32, and
            ``labels`` (N,) int64 where there are any. Names go to ``NAME.txt`` beside it.
        **options: See `VectorLoop`.

    Raises:
        UserError: If a file is there already, or ``out`` has another ending.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        out: str,
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **options)
        self.out = check_new(out)

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Write the files, and return how many images there are and how wide a feature is."""
        features, labels = self.vectors(self.dataloader, 'images')
        if is_main_process():
            dataset = self.dataloader.dataset
            infos = (dataset.get_data_info(index) for index in range(len(dataset)))
            names = [info.get('img_path', str(index)) for index, info in enumerate(infos)]
            tensors = dict(features=features.contiguous())
            if labels is not None:
                tensors['labels'] = labels
            with new_files(self.out.parent) as aside:
                save_file(tensors, aside / self.out.name, {k: str(v) for k, v in self.read.items()})
                text = ''.join(f'{name}\n' for name in names)
                (aside / self.out.with_suffix('.txt').name).write_text(text, encoding='utf-8')
            self.runner.logger.info(f'{self.out}: features {tuple(features.shape)}')
        barrier()
        return {'embed/images': len(features), 'embed/width': features.shape[-1]}

    def values(self) -> dict:
        """Return what is read."""
        return dict(out=str(self.out), **self.read)


def check_new(out: str) -> Path:
    """Return the path of a file of features that can be written.

    Raises:
        UserError: If that file or its names are there already, or the ending is another.
    """
    path = Path(out)
    if path.suffix != '.safetensors':
        raise UserError(f"--out '{out}': the file's name must end in .safetensors.")
    for file in (path, path.with_suffix('.txt')):
        if file.exists():
            raise UserError(f"'{file}' exists already: remove it or choose another --out.")
    return path
