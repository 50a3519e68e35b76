from .data_wait_hook import DataWaitHook
from .ema_teacher_hook import EMATeacherHook
from .feature_health_hook import FeatureHealthHook
from .feature_hook import FeatureHook
from .gradient_hooks import FreezeLastLayerHook, PerParameterGradClipHook
from .knn_hook import KNNHook
from .resumable_checkpoint_hook import ResumableCheckpointHook
from .schedule_hook import ScheduleHook
from .step_cost_hook import StepCostHook
from .stop_on_invalid_loss_hook import StopOnInvalidLossHook
from .verify_transfer_hook import VerifyTransferHook

__all__ = [
    'DataWaitHook',
    'EMATeacherHook',
    'FeatureHealthHook',
    'FeatureHook',
    'FreezeLastLayerHook',
    'KNNHook',
    'PerParameterGradClipHook',
    'ResumableCheckpointHook',
    'ScheduleHook',
    'StepCostHook',
    'StopOnInvalidLossHook',
    'VerifyTransferHook',
]
