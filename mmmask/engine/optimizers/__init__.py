from .bfloat16_wrapper import Bfloat16OptimWrapper
from .lars import MatrixLARS
from .layer_decay import LayerDecayOptimWrapperConstructor
from .matrix_decay import MatrixDecayOptimWrapperConstructor

__all__ = [
    'Bfloat16OptimWrapper',
    'LayerDecayOptimWrapperConstructor',
    'MatrixDecayOptimWrapperConstructor',
    'MatrixLARS',
]
