"""Train masked auto-encoders: MAE, GPA and ccMIM are configs of this class."""

import torch
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.registry import MODELS
from torch import Tensor

from mmmask.utils.errors import UserError, check_choice

from ..attention import check_scorer
from ..backbones.masked_tokens import restore_indices
from ..backbones.protocol import check_global_token, check_masked_encoder


@MODELS.register_module()
class MaskedAutoencoder(BaseSelfSupervisor):
    """Encode the visible patches and predict the masked ones.

    One step: scores say which patches matter, the masker hides some, the encoder sees the others,
    and the decoder restores the hidden pixels. Which parts are given makes the method:

    ====== ================ ============= ================= ========
    method masker           scorer        attention_decoder contrast
    ====== ================ ============= ================= ========
    MAE    RandomMasker     None          None              None
    GPA    SoftToHardMasker FrozenScorer  as a feature      None
    ccMIM  ImportanceMasker OnlineScorer  None              yes
    ====== ================ ============= ================= ========

    Args:
        backbone: Config of an encoder that drops masked patches, e.g. ``MaskedVisionTransformer``
            with ``mask_mode='drop'``.
        neck: Config of the pixel decoder, mmpretrain's ``MAEPretrainDecoder``.
        head: Config of mmpretrain's ``MAEPretrainHead``.
        masker: Config of a masker that masks equally many patches of every image.
        scorer: Config of an ``OnlineScorer`` or a ``FrozenScorer``, for maskers that need scores
            and for the attention decoder.
        attention_decoder: Config of a decoder with ``predict_feature_dim=1`` that predicts the
            scores (GPA as a feature).
        attention_head: Config of its head; an ``AttentionPredictionHead`` by default.
        combine: ``'sum'``: the pixel and the attention decoder work in every iteration (GPA,
            Eq. 8). ``'alternate'``: they take turns, pixels first (GPA, Section 3.3). The iteration
            is a buffer, so a resumed run goes on in turn; several ranks need
            ``find_unused_parameters = True`` in the config, as one decoder is idle.
        contrast: Config of a ``ContrastiveAlignmentHead`` (ccMIM): the masked patches pass the
            encoder, too, without gradient, and the two CLS tokens are aligned.
        data_preprocessor: As mmpretrain's ``SelfSupDataPreprocessor``.
        init_cfg: As every mm module's.

    Raises:
        UserError: If parts don't fit each other.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        masker: dict,
        scorer: dict | None = None,
        attention_decoder: dict | None = None,
        attention_head: dict | None = None,
        combine: str = 'sum',
        contrast: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        self.masker = MODELS.build(masker)
        self.scorer = MODELS.build(scorer) if scorer else None
        self.contrast = MODELS.build(contrast) if contrast else None
        self.attention_decoder = MODELS.build(attention_decoder) if attention_decoder else None
        if self.attention_decoder is not None:
            attention_head = attention_head or dict(type='AttentionPredictionHead')
            self.attention_head = MODELS.build(attention_head)
        elif attention_head or combine != 'sum':
            raise UserError('attention_head and combine go with an attention_decoder: give one')
        check_choice('combine', combine, ('sum', 'alternate'))
        self.combine = combine
        if combine == 'alternate':
            self.register_buffer('iteration', torch.zeros((), dtype=torch.long))
        self._check()

    def _check(self) -> None:
        """Find what doesn't fit before any image is read."""
        check_masked_encoder(self, self.backbone, 'drop')
        check_global_token(self, self.backbone)
        check_scorer(self.scorer, self.masker.needs_scores or self.attention_decoder is not None)
        patch_size, image_size = self.head.patch_size, self.backbone.img_size
        grid = self.backbone.grid(*image_size)
        if grid != tuple(side // patch_size for side in image_size):
            raise UserError(
                f'head.patch_size is {patch_size}, but the encoder has {grid[0]} x {grid[1]} '
                f'patches for images of {tuple(image_size)}'
            )
        if grid[0] != grid[1]:
            raise UserError(f'The decoder takes square grids, got {grid[0]} x {grid[1]} patches')
        width, pixels = self.backbone.embed_dims, self.head.in_channels * patch_size**2
        outputs = {'neck': (self.neck, pixels, 'head.patch_size asks for')}
        if self.attention_decoder is not None:
            outputs['attention_decoder'] = (self.attention_decoder, 1, 'scores need')
        for name, (decoder, wanted, who) in outputs.items():
            for option, found, encoder in (
                ('num_patches', decoder.num_patches, grid[0] * grid[1]),
                ('embed_dim', decoder.decoder_embed.in_features, width),
            ):
                if found != encoder:
                    raise UserError(
                        f'{name}.{option} is {found}: set it to {encoder}, as the encoder has it'
                    )
            if decoder.decoder_pred.out_features != wanted:
                raise UserError(
                    f'{name} predicts {decoder.decoder_pred.out_features} values for each patch, '
                    f'but {who} {wanted}'
                )
        if self.contrast is not None and self.contrast.in_channels != width:
            raise UserError(
                f'contrast.in_channels is {self.contrast.in_channels}: set it to {width}, as wide '
                'as the encoder'
            )

    def loss(self, inputs: Tensor, data_samples: list | None = None) -> dict[str, Tensor]:
        """Return the losses of a batch.

        Args:
            inputs: Images, (B, 3, H, W).
            data_samples: Not used: no label is seen.

        Returns:
            ``loss_pixel``, ``loss_attention`` (with an attention decoder), ``loss_contrast`` (with
            ``contrast``) and ``mask_ratio``. Of two decoders that alternate, the idle one has none.
        """
        mask, scores = self._mask(inputs)
        tokens, restore = self.backbone(inputs, mask)[-1], restore_indices(mask)  # (B, 1 + V, C)
        pixels, attention = self._turn()
        losses = dict(mask_ratio=mask.float().mean())
        if pixels:
            prediction = self.neck(tokens, restore)
            losses['loss_pixel'] = self.head.loss(prediction, inputs, mask.float())
        if attention:
            prediction = self.attention_decoder(tokens, restore)
            losses['loss_attention'] = self.attention_head.loss(prediction, scores, mask)
        if self.contrast is not None:
            with torch.no_grad():  # the masked side teaches: it gets no gradient
                masked_cls = self.backbone(inputs, ~mask)[-1][:, 0]
            losses['loss_contrast'] = self.contrast.loss(tokens[:, 0], masked_cls)
        return losses

    @torch.no_grad()
    def reconstruct(self, inputs: Tensor) -> dict[str, Tensor]:
        """Predict images, to be looked at.

        Args:
            inputs: Images, (B, 3, H, W), normalised.

        Returns:
            - ``mask`` (B, L) bool;
            - ``target``, the images;
            - ``prediction`` (B, 3, H, W), the decoder's output for every patch, as the inputs are
              scaled. If the head normalises patches, the true mean and variance are put back;
            - ``scores`` (B, L), with a scorer;
            - ``predicted_scores`` (B, L), with an attention decoder.
        """
        mask, scores = self._mask(inputs)
        tokens, restore = self.backbone(inputs, mask)[-1], restore_indices(mask)
        patches = self.neck(tokens, restore)
        if self.head.norm_pix:
            true = self.head.patchify(inputs)
            mean, variance = true.mean(dim=-1, keepdim=True), true.var(dim=-1, keepdim=True)
            patches = patches * (variance + 1e-6).sqrt() + mean
        found = dict(mask=mask, target=inputs, prediction=self.head.unpatchify(patches))
        if scores is not None:
            found['scores'] = scores
        if self.attention_decoder is not None:
            found['predicted_scores'] = self.attention_decoder(tokens, restore).squeeze(-1)
        return found

    def _mask(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the mask (B, L) bool and the scores (B, L), None without a scorer."""
        grid = self.backbone.grid(*images.shape[-2:])
        if grid[0] * grid[1] != self.neck.num_patches:
            raise UserError(
                f'Images of {tuple(images.shape[-2:])} have {grid[0]} x {grid[1]} patches, but '
                f'neck.num_patches is {self.neck.num_patches}: make the crop and backbone.img_size '
                'the same.'
            )
        scores = None if self.scorer is None else self.scorer(images, self.backbone)
        asked = scores if self.masker.needs_scores else None
        mask = self.masker(grid, len(images), asked, images.device)
        if not mask.any():
            raise UserError('Nothing is masked, so nothing can be learned: raise masker.ratio')
        return mask, scores

    def _turn(self) -> tuple[bool, bool]:
        """Return True for the decoders that work in this iteration: pixels, attention."""
        if self.attention_decoder is None:
            return True, False
        if self.combine == 'sum':
            return True, True
        even = self.iteration.item() % 2 == 0
        if self.training:
            self.iteration += 1
        return even, not even
