"""Align the visible with the masked patches of an image, ccMIM's regulariser of CLS."""

import torch
from mmengine.dist import all_gather, get_rank, get_world_size
from mmengine.model import BaseModule
from mmpretrain.models.necks import NonLinearNeck
from mmpretrain.registry import MODELS
from torch import Tensor
from torch.distributed.nn.functional import all_gather as all_gather_with_gradient

from mmmask.utils.errors import UserError, check_choice

from ..losses import negative_cosine, visible_masked_nce


@MODELS.register_module()
class ContrastiveAlignmentHead(BaseModule):
    r"""Project the two CLS tokens of an image and align the visible with the masked one (ccMIM).

    One projector, Linear-BN-ReLU-Linear-BN without biases and with a last BN without affine, serves
    both sides. The masked side is the teacher: neither its projection nor whatever made its token
    gets a gradient (Eq. 7 and 8; Fig. 1). Negatives come from all ranks, and the gradient is that
    of one rank with the whole batch. BN's statistics cross ranks on GPUs, where the launcher
    synchronises BN; on CPUs every rank has its own.

    Args:
        in_channels: Width C of the CLS tokens.
        objective: ``'nce'`` (Eq. 7, the paper's default) or ``'cosine'`` (Eq. 8), which has a
            predictor on the visible side and no negatives. The predictor is SimSiam's, which the
            paper cites: Linear-BN-ReLU-Linear through a quarter of the channels.
        weight: :math:`\lambda` of Eq. 10. 0.2 is best in Fig. 2 and the value of Appendix C and of
            the code's first upload; since March 2023 the code has 0.1.
        temperature: tau of Eq. 7. See :func:`visible_masked_nce`.
        negatives: ``'masked'`` (the published code) or ``'visible'`` (Eq. 7 as printed). See
            :func:`visible_masked_nce`.
        hidden_channels: Hidden width of the projector; None: ``in_channels``, as published.
        out_channels: Width D of the contrastive space.
        init_cfg: As every mm module's.

    Raises:
        ValueError: If the objective or the negatives are unknown, or the weight or the temperature
            isn't positive.
    """

    def __init__(
        self,
        in_channels: int,
        objective: str = 'nce',
        weight: float = 0.2,
        temperature: float = 0.5,
        negatives: str = 'masked',
        hidden_channels: int | None = None,
        out_channels: int = 256,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('objective', objective, ('nce', 'cosine'))
        check_choice('negatives', negatives, ('masked', 'visible'))
        if weight <= 0:
            raise ValueError(
                f'weight must be positive, got {weight}: leave out `contrast` instead, and nothing '
                'is computed for it.'
            )
        if temperature <= 0:
            raise ValueError(f'temperature must be positive, got {temperature}.')
        self.in_channels = in_channels
        self.objective = objective
        self.weight = weight
        self.temperature = temperature
        self.negatives = negatives
        self.projector = _mlp(in_channels, hidden_channels or in_channels, out_channels)
        if objective == 'cosine':
            self.predictor = _mlp(out_channels, max(out_channels // 4, 1), out_channels, last=False)

    def loss(self, visible_cls: Tensor, masked_cls: Tensor) -> Tensor:
        """Return the weighted loss of a batch.

        Args:
            visible_cls: (B, C) CLS tokens of the visible patches.
            masked_cls: (B, C) CLS tokens of the masked patches of the same images.

        Returns:
            Scalar.

        Raises:
            UserError: If the batch has one image.
            ValueError: If the ranks hold batches of different sizes.
        """
        if len(visible_cls) < 2:
            raise UserError(
                'ccMIM compares the images of a batch, and normalises over them: set '
                'train_dataloader.batch_size to at least 2'
            )
        (visible,) = self.projector((visible_cls,))
        with torch.no_grad():
            (masked,) = self.projector((masked_cls,))
        if self.objective == 'cosine':
            (predicted,) = self.predictor((visible,))
            return self.weight * negative_cosine(predicted, masked)
        pool, first = _gather(masked if self.negatives == 'masked' else visible)
        return self.weight * visible_masked_nce(
            visible, masked, self.temperature, self.negatives, pool, first
        )


def _mlp(
    in_channels: int, hidden_channels: int, out_channels: int, last: bool = True
) -> BaseModule:
    """Build Linear-BN-ReLU-Linear, and a BN without affine or (``last=False``) a bias behind it."""
    return NonLinearNeck(
        in_channels,
        hidden_channels,
        out_channels,
        with_last_bn=last,
        with_last_bn_affine=False,
        with_last_bias=not last,
        with_avg_pool=False,
        norm_cfg=dict(type='BN1d'),
        init_cfg=dict(type='Xavier', layer='Linear', distribution='uniform'),
    )


def _gather(vectors: Tensor) -> tuple[Tensor, int]:
    """Return all ranks' (N, D) vectors with gradients, and the index of this rank's first one."""
    if get_world_size() == 1:
        return vectors, 0
    size = torch.tensor([len(vectors)], device=vectors.device)
    sizes = torch.cat(all_gather(size)).tolist()
    if len(set(sizes)) > 1:
        raise ValueError(
            f'The ranks hold batches of different sizes, {sizes}: set '
            'train_dataloader.drop_last=True.'
        )
    return torch.cat(all_gather_with_gradient(vectors)), get_rank() * len(vectors)
