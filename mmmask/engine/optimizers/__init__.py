from .matrix_decay import MatrixDecayOptimWrapperConstructor

__all__ = ['MatrixDecayOptimWrapperConstructor']
