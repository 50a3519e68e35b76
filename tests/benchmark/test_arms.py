import pytest

from mmmask.benchmark.arms import TaskMaker, demo_protocol, read_arms
from mmmask.utils.errors import UserError

SCORER = 'model.scorer.backbone.init_cfg'
PROTOCOLS = dict(
    mae=dict(run='train', config='mae.py'),
    gpa=dict(run='train', config='gpa.py'),
    knn=dict(run='test', config='knn.py', metrics={'top1': 'top-1'}),
    linear=dict(run='train', config='linear.py'),
    masked=dict(run='test', config='masked.py', after='linear', weights={SCORER: 'dino'}),
)
ARMS = dict(
    mae=dict(protocol='mae'),
    gpa=dict(
        protocol='gpa', weights={SCORER: 'mae'}, options={'a': 1}, demo=dict(options={'b': 2})
    ),
    scratch=dict(weights='none'),
    dino=dict(source='its authors'),
)


def made(arm, protocol, seeds=(0,), given=(), demo=False):
    maker = TaskMaker(read_arms(ARMS, PROTOCOLS, dict(given), demo), PROTOCOLS, seeds)
    maker.add(arm, protocol)
    return maker


def test_an_evaluation_comes_behind_the_chain_that_it_needs():
    tasks = made('gpa', 'knn', seeds=(0, 4)).tasks
    assert [task['name'] for task in tasks] == [
        *('mae-s0', 'gpa-s0', 'knn-gpa-s0'),
        *('mae-s4', 'gpa-s4', 'knn-gpa-s4'),
    ]
    assert tasks[1] == dict(
        name='gpa-s0',
        protocol='gpa',
        seed=0,
        arm='gpa',
        weights={SCORER: 'mae-s0'},
        options={'a': 1},
    )
    assert tasks[5] == dict(name='knn-gpa-s4', protocol='knn', seed=4, arm='gpa', weights='gpa-s4')


def test_a_task_that_two_numbers_need_is_made_once():
    maker = made('mae', 'knn')
    maker.add('gpa', 'knn')
    maker.add('mae', None)
    maker.add('mae', 'mae')  # a number of the pre-training itself
    names = [task['name'] for task in maker.tasks]
    assert names == ['mae-s0', 'knn-mae-s0', 'gpa-s0', 'knn-gpa-s0']


def test_an_arm_without_training_gives_its_weights():
    assert [task['weights'] for task in made('scratch', 'knn').tasks] == ['none']


def test_an_evaluation_can_follow_another_one_and_take_more_weights():
    tasks = made('mae', 'masked', given={'dino': 'dino.pth'}).tasks
    assert [task['name'] for task in tasks] == ['mae-s0', 'linear-mae-s0', 'masked-mae-s0']
    assert tasks[2]['weights'] == {'checkpoint': 'linear-mae-s0', SCORER: 'dino.pth'}


def test_what_lacks_a_checkpoint_is_not_made():
    maker = made('mae', 'masked')
    assert maker.tasks == [] and maker.missing == {'dino': 'its authors'}
    assert made('dino', 'knn').missing == {'dino': 'its authors'}


def test_a_given_checkpoint_replaces_a_training():
    tasks = made('gpa', 'knn', given={'mae': 'mae.pth'}).tasks
    assert [task['weights'] for task in tasks] == [{SCORER: 'mae.pth'}, 'gpa-s0']
    assert [task['weights'] for task in made('gpa', 'knn', given={'gpa': 'x'}).tasks] == ['x']


def test_a_demo_has_options_of_its_own():
    assert made('gpa', None, demo=True).tasks[1]['options'] == {'b': 2}
    large = dict(
        run='train', config='a.py', options={'x': 1}, gpus=8, hours=3, metrics={'m': 'M'}, title='T'
    )
    small = demo_protocol('p', dict(large, demo=dict(config='b.py', minutes=1)))
    assert small == dict(run='train', config='b.py', minutes=1, metrics={'m': 'M'}, title='T')


@pytest.mark.parametrize(
    'arm, message',
    [
        (dict(protocl='mae'), "arm 'a': unknown key 'protocl'; did you mean 'protocol'"),
        (dict(protocol='mea'), "arm 'a': no such protocol: 'mea'; did you mean 'mae'"),
        (dict(title='A'), "arm 'a': 'protocol', 'weights' or 'source' must say where it is from"),
        (dict(weights='none', options={'b': 1}), "need a 'protocol'"),
        (dict(protocol='mae', demo=dict(config='x')), "arm 'a', 'demo': unknown key 'config'"),
    ],
)
def test_a_wrong_arm_is_told(arm, message):
    with pytest.raises(UserError, match=message):
        read_arms(dict(a=arm), PROTOCOLS, {}, demo=False)


def test_a_wrong_gift_or_demo_is_told():
    with pytest.raises(UserError, match="--set: no such arm: 'dnio'; did you mean 'dino'"):
        read_arms(ARMS, PROTOCOLS, {'dnio': 'x'}, demo=False)
    with pytest.raises(UserError, match="protocol 'knn', 'demo': as many metrics are needed"):
        demo_protocol('knn', dict(PROTOCOLS['knn'], demo=dict(config='k.py', metrics={})))
