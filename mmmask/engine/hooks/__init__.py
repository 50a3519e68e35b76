from .ema_teacher_hook import EMATeacherHook
from .gradient_hooks import FreezeLastLayerHook, PerParameterGradClipHook
from .schedule_hook import ScheduleHook

__all__ = ['EMATeacherHook', 'FreezeLastLayerHook', 'PerParameterGradClipHook', 'ScheduleHook']
