"""k-NN on two ranks equals k-NN on one, with images that the sampler repeats."""

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, DefaultSampler, pseudo_collate
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.structures import DataSample
from torch.utils.data import DataLoader
from two_ranks import on_two_ranks

from mmmask.evaluation.features import FeatureEncoder, extract_features
from mmmask.evaluation.knn import KNNProtocol


class Noise(BaseDataset):
    """Random images of six classes; every class has its own brightness."""

    METAINFO = dict(classes=[f'brightness {i}' for i in range(6)])

    def __init__(self, size, seed):
        self.size, self.seed = size, seed
        super().__init__(serialize_data=False)

    def load_data_list(self):
        return [dict(label=i * 6 // self.size) for i in range(self.size)]

    def prepare_data(self, index):
        generator = np.random.default_rng((self.seed, index))
        label = self.data_list[index]['label']
        image = torch.from_numpy(generator.normal(label, 2.0, (3, 16, 16))).float()
        sample = DataSample(metainfo=dict(sample_idx=index)).set_gt_label(label)
        return dict(inputs=image, data_samples=sample)


def evaluate():
    """Features of a bank of 11, and the accuracy of 7 queries: neither divides by two."""
    torch.manual_seed(0)
    arch = dict(embed_dims=12, num_layers=1, num_heads=2, feedforward_channels=24)
    vit = VisionTransformer(arch, img_size=16, patch_size=8, out_type='raw')
    vit.init_weights()
    vit.eval()
    encode = FeatureEncoder(vit, lambda batch: batch)
    bank, queries = (
        DataLoader(
            dataset,
            batch_size=2,
            sampler=DefaultSampler(dataset, shuffle=False, seed=0),
            collate_fn=pseudo_collate,
        )
        for dataset in (Noise(11, 0), Noise(7, 1))
    )
    features, labels = extract_features(bank, encode)
    queried = extract_features(queries, encode)
    protocol = KNNProtocol((1, 3, 11))
    metrics = protocol.evaluate((features, labels), queried, num_classes=6)
    outcomes = {name: images.tolist() for name, images in protocol.outcomes.items()}
    return features.numpy(), labels.tolist(), metrics, outcomes


def test_two_ranks_measure_what_one_measures():
    found = on_two_ranks(lambda rank: evaluate())
    features, labels, metrics, outcomes = evaluate()
    assert set(metrics) == {f'knn/top{top}_k{k}' for top in (1, 5) for k in (1, 3, 11)}
    assert 0 < metrics['knn/top1_k3'] < 100
    for rank in (0, 1):
        np.testing.assert_allclose(found[rank][0], features, rtol=1e-5, atol=1e-6)
        assert found[rank][1] == labels
        assert found[rank][2] == pytest.approx(metrics)
        assert found[rank][3] == outcomes  # of each query, in the data set's order
    assert {name: np.mean(images) for name, images in outcomes.items()} == pytest.approx(metrics)
    assert set(outcomes['knn/top1_k3']) == {0.0, 100.0}
