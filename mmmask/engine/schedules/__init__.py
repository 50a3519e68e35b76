from .schedules import ConstantSchedule, CosineSchedule, LinearSchedule, ProgressSchedule

__all__ = ['ConstantSchedule', 'CosineSchedule', 'LinearSchedule', 'ProgressSchedule']
