"""Read Python literals and ``dict(...)`` from text; nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Callable


def read_literal(text: str) -> object:
    """Return the value of a text of literals and ``dict(...)``.

    Raises:
        ValueError: If the text holds anything else.
    """
    try:
        return literal_value(ast.parse(text.strip(), mode='eval').body)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f'{text} is no dict of plain values; text in it needs quotes') from error


def read_assignments(text: str) -> dict[str, object]:
    """Return the values of a text of assignments, as mmengine saves a config; nothing is run.

    What is no literal is returned as its text. {} for a text of something else.
    """
    try:
        return {
            ast.unparse(statement.targets[0]): literal_value(statement.value, otherwise=ast.unparse)
            for statement in ast.parse(text).body
            if isinstance(statement, ast.Assign)
        }
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return {}


def _refuse(node: ast.expr) -> object:
    raise ValueError(f'{ast.unparse(node)} is no literal')


def literal_value(node: ast.expr, otherwise: Callable[[ast.expr], object] = _refuse) -> object:
    """Return the value of a node.

    Args:
        node: An expression.
        otherwise: Gives the value of what is neither a literal nor ``dict(a=1)``; by default an
            error.

    Raises:
        ValueError: If ``otherwise`` does.
    """

    def value(child: ast.expr) -> object:
        return literal_value(child, otherwise)

    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        return kind(value(item) for item in node.elts)
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {value(key): value(item) for key, item in zip(node.keys, node.values)}
    if _is_dict_call(node):
        return {keyword.arg: value(keyword.value) for keyword in node.keywords}
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return otherwise(node)


def _is_dict_call(node: ast.expr) -> bool:
    """Return True if a node is ``dict(a=1, ...)`` without positional arguments."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == 'dict'
        and not node.args
        and all(keyword.arg for keyword in node.keywords)
    )
