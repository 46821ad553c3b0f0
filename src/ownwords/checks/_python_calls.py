"""Python source as the calls that it makes. It is parsed, never run.

The calls of a program are its outermost ones, wherever a statement has them: alone, assigned, awaited, in a list. What
`print` is given counts, `print` itself does not; what a function or class defines is not made. Names are resolved
through the imports that stand there: after `import pyarrow as pa`, `pa.Timestamp` is `pyarrow.Timestamp`.

Names that Python does not allow (`from=`, `max-results=`, `get-time()` where it is known) and placeholders (`=<token>`)
are read as well, since schemas and data sets have them.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Collection, Iterator, Sequence

from ownwords.checks._call_values import (
    UnreadableError,
    WrittenCall,
    call_of,
    dotted_name,
    masked_name,
    masked_placeholder,
    plain_name,
    value_of,
)
from ownwords.checks._json_calls import calls_in_value

#: Characters of source that are parsed at once. Longer calls cannot be read.
LONGEST = 100_000

_WHY = {True: "it is nested too deep", False: "it has a value that cannot be written again"}

_FOREIGN = re.compile(
    r"""
    (?P<string>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')
  | (?P<before>[(,]\s*+)(?P<name>[\w-]++)(?P<equals>\s*+=(?!=))(?P<rest>\s*+<(?P<placeholder>[\w -]{1,60})>(?=\s*[,)]))?
    """,
    re.VERBOSE,
)


def calls_in_source(source: str, known: Collection[str] = ()) -> list[WrittenCall] | None:
    """The calls that the source makes, in its order; None where it is no Python.

    `known` are functions that are called by themselves, even one named `print`.

    Raises:
        UnreadableError: a call is nested too deep, or is an object with a name and no arguments.
    """
    hyphenated = [name for name in known if "-" in name and name in source]
    try:
        tree = _parsed(_one_word(source, hyphenated) if hyphenated else source)
        return None if tree is None else list(_calls(tree, _imported(tree), known))
    except UnreadableError:
        raise
    except (RecursionError, ValueError) as error:  # also numbers too long to be written again
        raise UnreadableError(_WHY[type(error) is RecursionError]) from None


def call_with_arguments(name: str, arguments: str) -> WrittenCall | None:
    """The call of `name` with the source of its arguments, parentheses included; None where they are no Python.

    Raises:
        UnreadableError: they are nested too deep.
    """
    try:
        tree = _parsed(f"_{arguments}")
        match tree:
            case ast.Module(body=[ast.Expr(value=ast.Call(func=ast.Name(id="_")) as call)]):
                return call_of(call, name)
            case _:
                return None
    except UnreadableError:
        raise
    except (RecursionError, ValueError) as error:
        raise UnreadableError(_WHY[type(error) is RecursionError]) from None


def source_as_written(text: str) -> str | None:
    """The normalised source of a text that is one expression, to compare with that of `Code`; None if it is none."""
    tree = _parsed(text)
    match tree:
        case ast.Module(body=[ast.Expr(value=expression)]):
            try:
                return plain_name(ast.unparse(expression))
            except (RecursionError, ValueError):
                return None
        case _:
            return None


def _parsed(source: str) -> ast.Module | None:
    tree = _tree(source)
    if tree is None and "=" in source and len(source) <= LONGEST:
        repaired = _FOREIGN.sub(_python_spelling, source)
        tree = None if repaired == source else _tree(repaired)
    return tree


def _tree(source: str) -> ast.Module | None:
    if len(source) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a string's odd escape is no concern of who reads the log
            return ast.parse(source)
    except (SyntaxError, ValueError, MemoryError):  # also NUL, half characters, and brackets without end
        return None


def _python_spelling(found: re.Match[str]) -> str:
    if found["string"]:
        return found.group()
    name = found["name"]
    if keyword.iskeyword(name) or not name.isidentifier():
        name = masked_name(name)
    placeholder = masked_placeholder(found["placeholder"]) if found["placeholder"] else ""
    return f"{found['before']}{name}{found['equals']}{placeholder}"


def _one_word(source: str, names: Sequence[str]) -> str:
    """The source with each of these functions under a name that is one to Python, which would subtract."""
    called = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = rf"""("(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')|(?<![\w.-])({called})(?=\s*\()"""
    return re.sub(pattern, lambda found: found[1] or masked_name(found[2]), source)


def _calls(node: ast.AST, imported: dict[str, str], known: Collection[str]) -> Iterator[WrittenCall]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.Constant):
        return
    if isinstance(node, ast.Call):
        name = plain_name(_resolved(dotted_name(node.func), imported))
        if name != "print" or name in known:
            yield call_of(node, name)
            return
        for argument in node.args:
            yield from _calls(argument, imported, known)
        return
    if isinstance(node, ast.Dict):
        calls = calls_in_value(value_of(node), known)
        if calls:
            yield from calls
            return
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, imported, known)


def _imported(tree: ast.Module) -> dict[str, str]:
    """What the names that import statements give stand for."""
    names: dict[str, str] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            names |= {alias.asname: alias.name for alias in statement.names if alias.asname}
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names |= {alias.asname or alias.name: f"{statement.module}.{alias.name}" for alias in statement.names}
    return names


def _resolved(name: str, imported: dict[str, str]) -> str:
    if not imported:
        return name
    first, dot, rest = name.partition(".")
    return imported.get(first, first) + dot + rest
