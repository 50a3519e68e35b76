import pytest

from mmmask.benchmark.paper_table import Cell, read_tables
from mmmask.utils.errors import UserError

PROTOCOLS = dict(knn=dict(metrics={'k10': 'a', 'k20': 'b'}), linear=dict(metrics={'top1': 'c'}))
ARMS = ('ibot', 'high', 'low')
TABLE = dict(
    name='t',
    title='T',
    heading=('method', 'epochs'),
    columns=[
        dict(label='k-NN', group='G', metric='knn:k20'),
        dict(label='linear', metric='linear'),
    ],
    rows=[
        dict(label=('iBOT', 100), arm='ibot', published=[71.5, None]),
        dict(label=('MoBY', ''), published=[None, 72.8], source='its paper'),
        dict(label=('gain', ''), arm='high', minus='ibot'),
    ],
)


def read(**changes):
    return read_tables([{**TABLE, **changes}], PROTOCOLS, ARMS)[0]


def test_rows_of_methods_and_columns_of_evaluations():
    table = read(baseline='ibot')
    assert table.heading == ('method', 'epochs') and table.columns[0].group == 'G'
    assert table.rows[0].label == ('iBOT', '100')
    assert table.rows[0].cells == (
        Cell('ibot', None, 'knn', 1, 71.5),
        Cell('ibot', None, 'linear', 0, None),
    )
    assert table.rows[1].source == 'its paper'
    assert [cell.measured for cell in table.rows[1].cells] == [False, False]
    assert table.rows[2].cells[1] == Cell('high', 'ibot', 'linear', 0)
    assert len(table.cells) == 4


def test_a_transposed_table_and_a_pivot():
    columns = [dict(label='none', arm='ibot'), dict(label='high', arm='high')]
    transposed = read(heading='', columns=columns, rows=[dict(label='', metric='knn')])
    assert transposed.rows[0].cells == (Cell('ibot', None, 'knn'), Cell('high', None, 'knn'))
    pivot = read(
        heading='p',
        metric='linear',
        columns=[dict(label=0.05), dict(label=0.1)],
        rows=[dict(label=1, arm=['low', 'high']), dict(label=2, arm=['ibot', None])],
    )
    assert [[cell.arm for cell in row.cells] for row in pivot.rows] == [
        ['low', 'high'],
        ['ibot', None],
    ]
    assert len(pivot.cells) == 3 and pivot.columns[0].label == '0.05'


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(titel='x'), "table 't': unknown key 'titel'; did you mean 'title'"),
        (dict(columns=[dict(name='a')]), "table 't', column 1: unknown key 'name'"),
        (dict(rows=[dict(label='a')]), "row 'a': 1 labels, the 'heading' has 2"),
        (
            dict(rows=[dict(label=('a', ''), arm='hihg')]),
            "no such arm: 'hihg'; did you mean 'high'",
        ),
        (dict(rows=[dict(label=('a', ''), arm=['high'])]), "1 of 'arm', 2 columns"),
        (dict(rows=[dict(label=('a', ''), arm='low', published=[1])]), "1 of 'published', 2 col"),
        (dict(rows=[dict(label=('a', ''), arm='low', published=1)]), "'published' must be a list"),
        (dict(rows=[dict(label=('a', ''), published=[1, 2])]), "'source' must say who published"),
        (dict(columns=[dict(label='a', metric='knn:k2')] * 2), "'knn' has no metric 'k2'"),
        (dict(columns=[dict(label='a', metric='kn')] * 2), "no such protocol: 'kn'"),
        (dict(name='a/b'), "table 'a/b': not a name for files"),
        (
            dict(columns=[dict(label='a', metric='knn', relative_to='low')] * 2),
            "column 'a': no cell has 'relative_to's arm 'low'",
        ),
        (dict(baseline='low'), "no cell has the baseline's arm 'low'"),
    ],
)
def test_a_wrong_table_is_told(changes, message):
    with pytest.raises(UserError, match=message):
        read(**changes)


def test_tables_need_names_of_their_own():
    with pytest.raises(UserError, match="two tables are named 't'"):
        read_tables([TABLE, TABLE], PROTOCOLS, ARMS)
    with pytest.raises(UserError, match="table 1: 'name' is missing"):
        read_tables([dict(title='T')], PROTOCOLS, ARMS)
