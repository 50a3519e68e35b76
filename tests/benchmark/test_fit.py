import pytest

from mmmask.benchmark import identity
from mmmask.benchmark.fit import Fit, fit_suite
from mmmask.benchmark.suite import load_suite
from mmmask.utils.errors import UserError


@pytest.fixture
def load(miniature):
    """A suite of a training in 8 processes x 6 images, 2 iterations a step, and a test in 4."""

    def load(**config):
        identity._resolve.cache_clear()
        training = dict(
            train_dataloader=dict(batch_size=6),
            optim_wrapper=dict(accumulative_counts=2),
            train_cfg=dict(max_epochs=10),
        )
        miniature.config('pretrain', **{**training, **config})
        train, test = miniature.protocols.values()
        protocols = dict(pretrain=dict(train, gpus=8, nodes=2), knn=dict(test, gpus=4, baseline=''))
        tasks = [
            dict(name='pre', protocol='pretrain', options={'k': 3}),
            dict(name='knn', protocol='knn', weights='pre'),
        ]
        return load_suite(miniature.suite(tasks, protocols), miniature.root)

    return load


@pytest.mark.parametrize(
    'gpus, fit, options',
    [
        (2, Fit.BATCH, {'train_dataloader.batch_size': 24}),
        (2, Fit.ACCUMULATE, {'optim_wrapper.accumulative_counts': 8}),
        # rates are for 6 x 8 x 2 images
        (2, Fit.RATES, {'auto_scale_lr.enable': True, 'auto_scale_lr.base_batch_size': 96}),
        (8, None, {}),
        (16, None, {}),
    ],
)
def test_what_keeps_a_training_comparable(load, gpus, fit, options):
    suite = fit_suite(load(), gpus, fit)
    assert suite.task('pre').options == {'k': 3, **options}
    assert suite.task('pre').protocol.gpus == min(gpus, 8)
    assert suite.task('pre').protocol.nodes == (1 if gpus < 8 else 2)
    assert suite.protocols['pretrain'] == suite.task('pre').protocol
    assert suite.task('knn').protocol.gpus == min(gpus, 4) and suite.task('knn').options == {}


def test_the_batch_that_a_config_states_counts(load):
    suite = load(auto_scale_lr=dict(base_batch_size=192))
    with pytest.raises(UserError, match='96 images .8 .* x 6 x 2 .*, its rates are for 192'):
        fit_suite(suite)
    fitted = fit_suite(suite, fit=Fit.BATCH)
    assert fitted.task('pre').options['train_dataloader.batch_size'] == 12
    scaled = load(auto_scale_lr=dict(base_batch_size=192, enable=True))
    assert fit_suite(scaled, 2).task('pre').options == {'k': 3}


def test_refusals(load):
    with pytest.raises(UserError, match='pre: a step has 24 images .* --fit batch'):
        fit_suite(load(), 2)
    with pytest.raises(UserError, match="pretrain: 5 processes don't divide into 2 nodes"):
        fit_suite(load(), 5, Fit.BATCH)  # as stated, 4 on a node
    with pytest.raises(UserError, match='--fit batch gives 12.5, no whole number'):
        fit_suite(load(auto_scale_lr=dict(base_batch_size=200)), 8, Fit.BATCH)
    iterations = load(train_cfg=dict(max_iters=10))
    for fit in (Fit.ACCUMULATE, Fit.RATES):
        with pytest.raises(UserError, match='counts iterations'):
            fit_suite(iterations, 2, fit)
