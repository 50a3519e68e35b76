from .schedules import ConstantSchedule, CosineSchedule, LinearSchedule

__all__ = ['ConstantSchedule', 'CosineSchedule', 'LinearSchedule']
