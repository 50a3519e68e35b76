"""Several runs in one process, each as if it were the first."""

from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer


def forget_earlier_runs() -> None:
    """mmengine keeps loggers by config name and second: runs of one process would share them."""
    for kept in (MMLogger, MessageHub, DefaultScope, Visualizer, *Visualizer.__subclasses__()):
        kept._instance_dict.clear()
