from .layer_decay import LayerDecayOptimWrapperConstructor
from .matrix_decay import MatrixDecayOptimWrapperConstructor

__all__ = ['LayerDecayOptimWrapperConstructor', 'MatrixDecayOptimWrapperConstructor']
