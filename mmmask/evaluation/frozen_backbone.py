"""Hold a backbone that nothing trains."""

from __future__ import annotations

from mmengine.model import BaseModel
from mmpretrain.registry import MODELS
from torch import Tensor

from mmmask.utils.errors import UserError


@MODELS.register_module()
class FrozenBackbone(BaseModel):
    """Serve protocols that train nothing: all parameters are ``backbone.*``.

    Args:
        backbone: Config of a ViT; it gives all tokens (``out_type='raw'``), so that one config
            serves every feature.
        data_preprocessor: As mmpretrain's ``ClsDataPreprocessor``.
        init_cfg: As every mm module's.

    Raises:
        UserError: If the backbone has another ``out_type``.
    """

    def __init__(
        self,
        backbone: dict,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if backbone.get('out_type', 'raw') != 'raw':
            raise UserError(
                'FrozenBackbone takes all tokens: leave out backbone.out_type, `feature` chooses'
            )
        preprocessor = {'type': 'mmpretrain.ClsDataPreprocessor', **(data_preprocessor or {})}
        super().__init__(data_preprocessor=preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build({**backbone, 'out_type': 'raw'})

    def forward(
        self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor'
    ) -> Tensor:
        """Return the tokens (B, E + L, C) of images (B, 3, H, W); there is no other mode.

        Raises:
            ValueError: If the mode isn't 'tensor'.
        """
        if mode != 'tensor':
            raise ValueError(f'FrozenBackbone has no mode {mode!r}: test it with a KNNLoop')
        return self.backbone(inputs)[-1]
