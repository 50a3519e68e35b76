from .patch_hog_generator import PatchHOGGenerator
from .random_projection_tokenizer import RandomProjectionTokenizer

__all__ = ['PatchHOGGenerator', 'RandomProjectionTokenizer']
