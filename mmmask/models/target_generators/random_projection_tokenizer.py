"""Turn patches into discrete tokens without training."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class RandomProjectionTokenizer(BaseModule):
    r"""Tokenize by random projections and a random codebook (BEST-RQ, arXiv 2202.01855, Eq. 1).

    CAE and BEiT predict the tokens of DALL-E's encoder, which is a download. This one stands in for
    it where there is none: a patch x belongs to the code

    .. math:: \arg\min_k \| c_k / \|c_k\| - A x / \|A x\| \| = \arg\max_k \cos(c_k, A x)

    with A drawn from Xavier's uniform distribution and c from a normal one, once, from ``seed``.
    They are buffers: a checkpoint has them. As in the paper x is standardised over the data: set
    the data preprocessor's ``second_mean`` and ``second_std`` to those of the images, where
    DALL-E has its own. (Standardised each by itself, patches lose the light that neighbours share:
    BEiT's demo then predicts little more than how frequent the codes are.)

    Args:
        num_codes: Number K of codes.
        patch_size: Side of a patch of the *target* image in pixels.
        code_channels: Length of a code.
        seed: Seeds the projection and the codes.
        init_cfg: As every mm module's; there are no weights to initialise.
    """

    def __init__(
        self,
        num_codes: int = 8192,
        patch_size: int = 8,
        code_channels: int = 16,
        seed: int = 0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.patch_size = patch_size
        values = 3 * patch_size**2
        generator = torch.Generator().manual_seed(seed)
        limit = (6 / (values + code_channels)) ** 0.5
        projection = (torch.rand(code_channels, values, generator=generator) * 2 - 1) * limit
        codes = torch.randn(num_codes, code_channels, generator=generator)
        self.register_buffer('projection', projection)
        self.register_buffer('codes', F.normalize(codes, dim=1))

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Compare each patch with each code; the heads of CAE and BEiT take the arg-max.

        Args:
            x: Images, (B, 3, H, W), standardised over the data.

        Returns:
            Cosine similarities (B, K, H / patch_size, W / patch_size), float32.

        Raises:
            ValueError: If the image isn't made of whole patches.
        """
        size = self.patch_size
        if x.shape[-2] % size or x.shape[-1] % size:
            raise ValueError(
                f'The tokenizer cuts patches of {size} pixels, which {tuple(x.shape[-2:])} is no '
                'multiple of.'
            )
        with torch.autocast(x.device.type, enabled=False):  # near codes would swap
            patches = F.unfold(x.float(), size, stride=size).transpose(1, 2)  # (B, L, 3 size^2)
            projected = F.normalize(patches @ self.projection.T, dim=-1)
            similarities = projected @ self.codes.T
        return similarities.transpose(1, 2).unflatten(2, (x.shape[-2] // size, -1))
