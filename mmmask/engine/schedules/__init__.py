from .lr_schedulers import CosineToLR, WarmUpLR
from .schedules import ConstantSchedule, CosineSchedule, LinearSchedule, ProgressSchedule

__all__ = [
    'ConstantSchedule',
    'CosineSchedule',
    'CosineToLR',
    'LinearSchedule',
    'ProgressSchedule',
    'WarmUpLR',
]
