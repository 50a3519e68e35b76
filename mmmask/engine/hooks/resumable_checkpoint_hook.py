"""Writes checkpoints from which training continues bit by bit."""

from __future__ import annotations

import os.path as osp
from collections.abc import Callable
from pathlib import Path

from mmengine.dist import all_gather_object, get_rank, get_world_size, is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmpretrain.registry import HOOKS

from mmmask.utils.errors import UserError
from mmmask.utils.files import write_atomically, write_text_atomically

from .rng_state import capture_rng_state, restore_rng_state
from .sample_seeds import SampleSeeds
from .stop_on_invalid_loss_hook import check_finite_weights


@HOOKS.register_module()
class ResumableCheckpointHook(CheckpointHook):
    """Extends mmengine's ``CheckpointHook`` by all that bit-exact resuming needs.

    - Every checkpoint holds the random number generators of every rank under ``rng_states``.
    - Validation leaves the generators as it found them, so that it doesn't matter whether it ran in
      between.
    - Each image's augmentation follows (seed, pass over the data, index), in any worker.
    - Weights that are not finite are never saved: the run ends.
    - A file is written aside and renamed; ``last_checkpoint`` is written after it; old ones are
      deleted last.

    The resumed run is the uninterrupted one, bit by bit, with and without workers (on CPUs, and on
    GPUs with deterministic operators). Data sets that wrap others are an exception: persistent
    workers keep streams of their own there, which a new process can't continue.

    An epoch-based loop can only be resumed at the end of an epoch (mmengine would repeat the begun
    one), so ``by_epoch=False`` is an error there. An iteration-based loop has a single epoch, so
    ``by_epoch=True`` is one there.

    Args:
        **kwargs: As mmengine's ``CheckpointHook``.

    Raises:
        UserError: When training starts, if the loop counts epochs and the hook iterations, or the
            other way round. Later, if a checkpoint can't be written.
    """

    def __init__(self, interval: int = -1, by_epoch: bool = True, **kwargs) -> None:
        super().__init__(interval=interval, by_epoch=by_epoch, **kwargs)
        self._loaded_states: list[dict] | None = None
        self._state_outside_validation: dict | None = None
        self._gathered_states: list[dict] | None = None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        self._loaded_states = checkpoint.get('rng_states')

    def before_train(self, runner: Runner) -> None:
        if isinstance(runner.train_loop, EpochBasedTrainLoop) and not self.by_epoch:
            raise UserError(
                'Training counts epochs, so checkpoints in the middle of one could not be '
                'resumed: set '
                'default_hooks.checkpoint.by_epoch=True, or train with an IterBasedTrainLoop.'
            )
        if isinstance(runner.train_loop, IterBasedTrainLoop) and self.by_epoch:
            raise UserError(
                'Training counts iterations, so a checkpoint of every epoch would come at the very '
                'end only: set default_hooks.checkpoint.by_epoch=False, and its interval.'
            )
        super().before_train(runner)
        runner.save_checkpoint = self._atomic(runner.save_checkpoint)
        self._sample_seeds = SampleSeeds(runner)
        if runner._resume and runner.iter > 0:
            self._restore(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        self._sample_seeds.set(runner.iter)

    def before_val(self, runner: Runner) -> None:
        self._state_outside_validation = capture_rng_state()

    def after_val(self, runner: Runner) -> None:
        restore_rng_state(self._state_outside_validation)
        self._state_outside_validation = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if self._gathered_states is not None:
            checkpoint['rng_states'] = self._gathered_states

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Save, then point ``last_checkpoint`` at it, then delete the oldest. For all ranks."""
        check_finite_weights(runner, runner.iter + (not self.by_epoch))
        outdated = self._outdated(runner, step)
        state = self._state_outside_validation or capture_rng_state()
        self._gathered_states = all_gather_object(state)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            self.filename_tmpl.format(step),
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler and runner.param_schedulers is not None,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        self._gathered_states = None
        if is_main_process():
            write_text_atomically(osp.join(runner.work_dir, 'last_checkpoint'), self.last_ckpt)
            for path in outdated:
                if self.file_backend.isfile(path):
                    self.file_backend.remove(path)

    def _outdated(self, runner: Runner, step: int) -> list[str]:
        """Note that ``step`` is kept, and return the files to delete."""
        if self.max_keep_ckpts <= 0 or (self.keep_ckpt_ids and self.keep_ckpt_ids[-1] == step):
            return []
        steps = []
        if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
            steps.append(self.keep_ckpt_ids.popleft())
        self.keep_ckpt_ids.append(step)
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        names = [self.filename_tmpl.format(old) for old in steps if old != step]
        return [self.file_backend.join_path(self.out_dir, name) for name in names]

    def _atomic(self, save: Callable) -> Callable:
        """Let ``runner.save_checkpoint`` write aside and rename, where the files are local."""

        def save_atomically(out_dir: str, filename: str, *args, **kwargs) -> None:
            def write(part: Path) -> None:
                save(str(part.parent), part.name, *args, **kwargs)

            if not is_main_process():
                return
            if isinstance(self.file_backend, LocalBackend):
                Path(out_dir).mkdir(parents=True, exist_ok=True)
                write_atomically(Path(out_dir) / filename, write)
            else:
                save(out_dir, filename, *args, **kwargs)

        return save_atomically

    def _restore(self, runner: Runner) -> None:
        states = self._loaded_states
        if states is None:
            runner.logger.warning(
                'The checkpoint has no states of random number generators (another CheckpointHook '
                'saved it): '
                'training goes on, but not bit-exactly.'
            )
        elif len(states) != get_world_size():
            runner.logger.warning(
                f'The checkpoint was saved by {len(states)} processes, this run has '
                f'{get_world_size()}: '
                'training goes on, but not bit-exactly.'
            )
        else:
            restore_rng_state(states[get_rank()])
