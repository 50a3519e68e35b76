"""Tries on a device what trainings do there, and measures it: precision, processes, steps."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import torch.distributed as dist
import torchvision.ops
from mmcv import ops
from mmdet.testing import demo_mm_inputs
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmmask.launch.acceleration import best_format
from mmmask.timing.step_timing import Step, time_steps
from mmmask.utils.errors import UserError, one_line

#: Seconds until a check counts as hanging.
TIME_LIMIT = 900.0

#: Dense tensor-core TFLOP/s of bfloat16 (float16 where a card has no bfloat16), by a part of the
#: card's name. Makers' data sheets.
PEAKS = {
    'V100': 125,
    'T4': 65,
    'A10': 125,
    'A30': 165,
    'A40': 150,
    'A100': 312,
    'L4': 121,
    'L40S': 362,
    'H100 PCIe': 756,
    'H100': 989,
    'H200': 989,
    'B200': 2250,
    'RTX 3090': 71,
    'RTX 4090': 165,
    'RTX A6000': 155,
}

_ATTMASK = 'mmmask::demo/attmask-high-ibot_vit-demo_material-scenes.py'
_SMALL = 'mmmask::attmask/attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'
_BASE = 'mmmask::ibot/ibot_vit-base-p16_8xb30-coslr-100e_in1k.py'


class Skipped(Exception):
    """Says why a check can't be made on a device."""


@dataclass(frozen=True)
class Setting:
    """Say where checks are made, and how large they are.

    Attributes:
        device: ``'cuda'``, or ``'cpu'`` for what has a form there.
        tiny: Take the demo's networks in the place of ViT-S and ViT-B.
        batch_size: Largest batch of a measured step; it is halved until it fits.
        steps: Measured steps.
    """

    device: str = 'cuda'
    tiny: bool = False
    batch_size: int = 64
    steps: int = 10


@dataclass(frozen=True)
class Outcome:
    """Keep what a check found.

    Attributes:
        name: The check's name.
        state: ``'pass'``, ``'fail'`` or ``'skip'``.
        text: Numbers, or the reason.
        seconds: Its duration.
    """

    name: str
    state: str
    text: str
    seconds: float = 0.0


def peak_of(card: str) -> float | None:
    """Return the data sheet's TFLOP/s of a card, None of an unknown one."""
    words = set(card.replace('-', ' ').split())
    fits = [name for name in PEAKS if set(name.split()) <= words]
    return PEAKS[max(fits, key=len)] if fits else None


def matrix_speed(device: str, size: int, dtype: torch.dtype) -> float:
    """Measure the TFLOP/s of products of square matrices."""
    matrix = torch.randn(size, size, device=device).to(dtype)
    best = float('inf')
    for _ in range(6):
        _wait(device)
        start = time.perf_counter()
        matrix @ matrix
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e12


def _wait(device: str) -> None:
    if device == 'cuda':
        torch.cuda.synchronize()


def _half() -> torch.dtype:
    """Return the number format of a measured step."""
    return dict(bf16=torch.bfloat16, fp16=torch.float16)[best_format()]


def _side(setting: Setting) -> int:
    """Return the side of measured matrices."""
    return 8192 if setting.device == 'cuda' else 512


def check_device(setting: Setting) -> str:
    """Name the device and measure its matrix products."""
    cuda = setting.device == 'cuda'
    kinds = (torch.float32, _half())
    speeds = {kind: matrix_speed(setting.device, _side(setting), kind) for kind in kinds}
    text = ', '.join(f'{str(kind)[6:]} {speed:.3g} TFLOP/s' for kind, speed in speeds.items())
    name = torch.cuda.get_device_name() if cuda else 'CPU'
    count = torch.cuda.device_count() if cuda else 1
    return f'{count} x {name}, torch {torch.__version__}: {text}'


def _check_amp(amp: str, setting: Setting) -> str:
    if amp == 'fp16' and setting.device != 'cuda':
        raise Skipped('fp16 needs a GPU')
    losses = []
    for kind in (None, amp):
        step = Step(_ATTMASK, device=setting.device, batch_size=4, amp=kind)
        step.take(seed=1)
        losses.append(_loss(step, kind))
    _expect_close(losses[1], losses[0], 0.05)
    return f'loss {losses[1]:.4f}, in float32 {losses[0]:.4f}'


def _loss(step: Step, amp: str | None = None) -> float:
    """Return the loss of a step's batch, without taking a step."""
    dtype = torch.float16 if amp == 'fp16' else torch.bfloat16
    torch.manual_seed(0)
    with torch.autocast(step.device, dtype, enabled=amp is not None), torch.no_grad():
        data = step.model.data_preprocessor(step._batch, True)
        return step.model.parse_losses(step.model._run_forward(data, mode='loss'))[0].item()


def check_bf16(setting: Setting) -> str:
    """Compare the loss of AttMask in bfloat16 with float32's."""
    return _check_amp('bf16', setting)


def check_fp16(setting: Setting) -> str:
    """Compare the loss of AttMask in float16, with scaling, with float32's."""
    return _check_amp('fp16', setting)


def check_compile(setting: Setting) -> str:
    """Compare the loss and the time of AttMask's step with compiled blocks."""
    backend = 'inductor' if setting.device == 'cuda' else 'aot_eager'
    options = {'model.backbone.drop_path_rate': 0.0}  # compiled code draws other numbers
    plain, compiled = (
        Step(_ATTMASK, options, setting.device, 4, compile=kind) for kind in (None, backend)
    )
    compiled.model.load_state_dict(plain.model.state_dict())
    _expect_close(_loss(compiled), _loss(plain), 0.01)
    slow, quick = (min(times) for times in time_steps([plain, compiled], setting.steps))
    return f'a step in {quick / slow:.2f} of the time'


def check_fused_adamw(setting: Setting) -> str:
    """Compare fused AdamW with the plain one."""
    found = []
    for fused in (True, False):
        torch.manual_seed(0)
        weight = torch.randn(64, 64, device=setting.device, requires_grad=True)
        optimizer = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.1, fused=fused)
        for step in range(3):
            weight.grad = torch.cos(weight.detach() * 7 + step)
            optimizer.step()
        found.append(weight.detach())
    torch.testing.assert_close(*found)
    return f'differs by {(found[0] - found[1]).abs().max().item():.1g}'


def check_processes(setting: Setting) -> str:
    """Sum over processes, average gradients, and synchronise batch normalisation on GPUs."""
    cuda = setting.device == 'cuda'
    world = torch.cuda.device_count() if cuda else 2
    with tempfile.TemporaryDirectory() as folder:
        args = (world, setting.device, f'file://{folder}/meet')
        torch.multiprocessing.spawn(_be_a_rank, args, nprocs=world)
        speed = (Path(folder) / 'speed').read_text()
    kind = 'NCCL, SyncBN' if cuda else 'gloo, without SyncBN'
    return f'{world} processes by {kind}: all_reduce {speed}'


def _be_a_rank(rank: int, world: int, device: str, meeting: str) -> None:
    if device == 'cuda':
        torch.cuda.set_device(rank)
    dist.init_process_group(
        'nccl' if device == 'cuda' else 'gloo', init_method=meeting, rank=rank, world_size=world
    )
    place = f'cuda:{rank}' if device == 'cuda' else device
    size = 2**24 if device == 'cuda' else 2**16
    values = torch.full((size,), rank + 1.0, device=place)
    dist.all_reduce(values)
    _expect_close(values[0].item(), world * (world + 1) / 2, 0)
    _wait(device)
    start = time.perf_counter()
    for _ in range(5):
        dist.all_reduce(values)
    _wait(device)
    speed = 5 * size * 4 / (time.perf_counter() - start) / 1e9

    layer = nn.Linear(2, 1).to(place)
    ids = [rank] if device == 'cuda' else None
    model = nn.parallel.DistributedDataParallel(layer, device_ids=ids)
    model(torch.full((1, 2), rank + 1.0, device=place)).sum().backward()
    _expect_close(layer.weight.grad[0, 0].item(), (world + 1) / 2, 1e-6)
    if device == 'cuda':
        rows = torch.randn(world, 4, 3, generator=torch.Generator().manual_seed(0)).to(place)
        norm = nn.SyncBatchNorm(3).to(place)
        expected = nn.BatchNorm1d(3).to(place)(rows.flatten(0, 1)).unflatten(0, (world, 4))
        torch.testing.assert_close(norm(rows[rank]), expected[rank])
    if rank == 0:
        Path(meeting.removeprefix('file://')).with_name('speed').write_text(f'{speed:.2f} GB/s')
    dist.barrier()
    dist.destroy_process_group()


def check_operators(setting: Setting) -> str:
    """Compare mmcv's compiled operators with torchvision's on the CPU."""
    draws = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 4, 16, 16, generator=draws)
    corners = torch.rand(20, 2, generator=draws) * 40
    boxes = torch.cat([corners, corners + 4 + torch.rand(20, 2, generator=draws) * 20], dim=1)
    rois = torch.cat([torch.randint(2, (20, 1), generator=draws).float(), boxes], dim=1)
    scores = torch.rand(20, generator=draws)
    offset = torch.randn(2, 18, 16, 16, generator=draws)
    strength = torch.rand(2, 9, 16, 16, generator=draws)
    weight = torch.randn(5, 4, 3, 3, generator=draws)

    def there(*tensors: Tensor) -> list[Tensor]:
        return [tensor.to(setting.device) for tensor in tensors]

    found = ops.roi_align(*there(maps, rois), (7, 7), 0.25, 2)
    expected = torchvision.ops.roi_align(maps, rois, (7, 7), 0.25, 2, aligned=True)
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-3, atol=1e-4)
    _, kept = ops.nms(*there(boxes, scores), 0.3)
    assert torch.equal(kept.cpu(), torchvision.ops.nms(boxes, scores, 0.3)), 'nms keeps others'
    args = there(maps, offset, strength, weight)
    found = ops.modulated_deform_conv2d(*args, None, 1, 1, 1, 1, 1)
    expected = torchvision.ops.deform_conv2d(maps, offset, weight, None, 1, 1, 1, strength)
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-2, atol=1e-2)
    return 'roi_align, nms, modulated_deform_conv2d as torchvision on the CPU'


def check_detector(setting: Setting) -> str:
    """Take steps of the demo's Mask R-CNN."""
    side = 64 if setting.tiny else 512
    batch = demo_mm_inputs(2, [(3, side, side)] * 2, [3, 2], num_classes=2, with_mask=True)
    return _steps_of('mask-rcnn', batch, setting)


def check_segmenter(setting: Setting) -> str:
    """Take steps of the demo's UperNet."""
    side = 64  # the network's crops
    inputs = [torch.randint(256, (3, side, side), dtype=torch.uint8) for _ in range(2)]
    samples = []
    for image in inputs:
        sample = SegDataSample(metainfo=dict(img_shape=image.shape[1:], ori_shape=image.shape[1:]))
        sample.gt_sem_seg = PixelData(data=torch.randint(2, (1, side, side)))
        samples.append(sample)
    return _steps_of('upernet', dict(inputs=inputs, data_samples=samples), setting)


def _steps_of(name: str, batch: dict, setting: Setting) -> str:
    config = f'mmmask::demo/{name}_vit-demo_material-scenes.py'
    step = Step(config, device=setting.device, batch_size=2, batch=batch)
    seconds = min(time_steps([step], setting.steps, warmup=1)[0])
    finite = all(value.isfinite().all() for value in step.model.parameters())
    assert finite, 'weights are no longer finite'
    return f'{seconds:.3f} s for a step of 2 images'


def _measure_step(config: str, setting: Setting, **kwargs) -> str:
    """Measure speed, memory and the share of the card's peak of a config's step."""
    if setting.tiny:
        config = _ATTMASK
    batch_size = setting.batch_size
    while (times := _times(config, setting, batch_size, kwargs)) is None:
        batch_size //= 2
    speed = batch_size / sorted(times)[len(times) // 2]
    text = f'{speed:.4g} images/s at batch {batch_size}'
    card = 'CPU'
    if setting.device == 'cuda':
        card = torch.cuda.get_device_name()
        text += f', {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB'
    counted = Step(config, device=setting.device, batch_size=2)  # attention counted: (N, N) maps
    teraflops = speed * counted.flops(range(2))['step'] / 1e12
    peak, of = peak_of(card), f'{card} by its data sheet'
    if peak is None:
        peak, of = matrix_speed(setting.device, _side(setting), _half()), 'a matrix product here'
    return f'{text}, MFU {teraflops / peak:.0%} of {peak:.3g} TFLOP/s ({of})'


def _times(config: str, setting: Setting, batch_size: int, kwargs: dict) -> list[float] | None:
    """Return the seconds of steps; None if the memory is too small for them, and less may do."""
    try:
        step = Step(config, device=setting.device, batch_size=batch_size, amp='auto', **kwargs)
        return time_steps([step], setting.steps)[0]
    except (UserError, torch.OutOfMemoryError) as error:
        reasons = (error, error.__cause__)
        if batch_size == 1 or not any(isinstance(e, torch.OutOfMemoryError) for e in reasons):
            raise
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return None


def check_small(setting: Setting) -> str:
    """Measure AttMask's step, ViT-S/16, K 8192, 2 + 6 crops."""
    return _measure_step(_SMALL, setting)


def check_small_compiled(setting: Setting) -> str:
    """Measure the same with compiled blocks."""
    backend = 'inductor' if setting.device == 'cuda' else 'aot_eager'
    return _measure_step(_SMALL, setting, compile=backend)


def check_small_recomputed(setting: Setting) -> str:
    """Measure the same with blocks that are computed again in the backward pass."""
    return _measure_step(_SMALL, setting, options={'model.backbone.recompute': 'blocks'})


def check_base(setting: Setting) -> str:
    """Measure iBOT's step, ViT-B/16."""
    return _measure_step(_BASE, setting)


CHECKS: dict[str, Callable[[Setting], str]] = {
    'device': check_device,
    'bf16': check_bf16,
    'fp16': check_fp16,
    'compile': check_compile,
    'fused AdamW': check_fused_adamw,
    'processes': check_processes,
    'operators': check_operators,
    'detector': check_detector,
    'segmenter': check_segmenter,
    'ViT-S': check_small,
    'ViT-S, compiled': check_small_compiled,
    'ViT-S, recomputed': check_small_recomputed,
    'ViT-B': check_base,
}
"""The checks by name, in their order."""


def run_check(name: str, setting: Setting) -> Outcome:
    """Make one check in this process; an error is an outcome."""
    start = time.perf_counter()
    try:
        state, text = 'pass', CHECKS[name](setting)
    except Skipped as reason:
        state, text = 'skip', str(reason)
    except Exception as error:
        state, text = 'fail', f'{type(error).__name__}: {one_line(error)}'
    return Outcome(name, state, text, time.perf_counter() - start)


def run_apart(name: str, setting: Setting, time_limit: float = TIME_LIMIT) -> Outcome:
    """Make one check in a process of its own: no error or hang of a device outlives it."""
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(name, setting, sender))
    start = time.perf_counter()
    process.start()
    sender.close()
    try:
        if receiver.poll(time_limit):
            return receiver.recv()
        text = f'no result after {time_limit:.0f} s'
    except EOFError:
        process.join()
        text = f'the process ended with status {process.exitcode}'
    finally:
        process.kill()
        process.join()
    return Outcome(name, 'fail', text, time.perf_counter() - start)


def _send(name: str, setting: Setting, sender: Connection) -> None:
    import mmmask.registration  # noqa: F401

    sender.send(run_check(name, setting))


def table(outcomes: list[Outcome]) -> str:
    """Write outcomes as lines: name, state, seconds, numbers."""
    width = max(len(outcome.name) for outcome in outcomes)
    return '\n'.join(
        f'{outcome.name:<{width}}  {outcome.state}  {outcome.seconds:6.1f} s  {outcome.text}'
        for outcome in outcomes
    )


def _expect_close(found: float, expected: float, tolerance: float) -> None:
    """Raise an AssertionError if two numbers differ by more than a share of the second."""
    assert abs(found - expected) <= tolerance * abs(expected), f'{found} instead of {expected}'
