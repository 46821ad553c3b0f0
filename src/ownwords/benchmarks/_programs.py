"""The program that an answer stands for, where a model is asked for a function or to go on writing one.

What is on trial is source code that defines the function. It is taken from the answer as somebody would who copies it
into a file, with three things done for them: what stood in the prompt above the function (imports, helpers) stands
above it again, a body without its head gets the prompt's, and examples of the function's use after it (`print`,
`assert`) are left out. Nothing else is repaired: code in a fence that does not parse goes on trial as it is, and of an
answer without a fence only whole statements are taken. Everything here is text; nothing is run.

Not covered: a function in one fence that needs a helper in another; a function that is a method of a class.
"""

from __future__ import annotations

import ast
import re
import symtable
import textwrap
import warnings
from collections.abc import Iterator, Sequence, Set

from ownwords.checks._source import code_of, definitions

_INDENT = "    "
#: Where code can begin in a text without a fence.
_BEGIN = re.compile(r"(?:from|import|def|async def|class|@)\b|@\w|\w+[ \t]*=[^=]")
#: Of a text that looks like code again and again no more is tried than this.
_TRIES = 50
#: Where bigcode-evaluation-harness stops in HumanEvalPack's Python (`humanevalpack.py`).
_STOPS = ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\nassert", "<|endoftext|>")


def program_of(answer: str, names: Set[str], *, above: str = "", head: str = "") -> str:
    """The source that an answer gives for functions with these names; empty where there is no code in it.

    `above` is the part of the prompt's code before the function. `head` is the function's own beginning, if the answer
    may be its body alone.
    """
    code = code_of(answer, names)
    if code is None or not code.source.strip():
        return ""
    if code.fenced:
        if names & _bound(code.source):
            return _below(above, _without_examples(code.source, names))
        whole = _with_head(above, head, code.source, names) if head else ""
        return whole or _below(above, f"{code.source}\n{_undefined(names)}")
    found = _statements(code.source, names)
    if found:
        return _below(above, _without_examples(found, names))
    return _with_head(above, head, code.source, names) if head else ""


def continuation(text: str) -> str:
    """The part of a raw continuation that belongs to the function, as bigcode-evaluation-harness cuts it: up to the
    first of its stops, then up to the first line without indentation."""
    text = text.rstrip()
    for stop in _STOPS:
        text = text.partition(stop)[0]
    lines = text.split("\n")
    end = next((n for n, line in enumerate(lines) if line.strip() and line[0] not in " \t"), len(lines))
    return "\n".join(lines[:end])


def fenced(source: str) -> str:
    """Source in a fence that nothing in it can close; nothing where there is none."""
    if not source.strip():
        return ""
    ticks = max((len(run) for run in re.findall(r"`+", source)), default=0)
    mark = "`" * max(3, ticks + 1)
    return f"{mark}python\n{source}\n{mark}"


def compiles(source: str) -> bool:
    return _parsed(source) is not None


def _parsed(source: str) -> ast.Module | None:
    return None if isinstance(found := _parse(source), int) else found


def _parse(source: str) -> ast.Module | int:
    """Its syntax tree, or the number of the line that is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of an unknown escape: it runs
            return ast.parse(source)
    except SyntaxError as error:
        return max(1, error.lineno or 1)
    except (ValueError, RecursionError, MemoryError):
        return 1


def _undefined(names: Set[str]) -> str:
    """A line for programs without the function: tests would take Python's own, of a name such as `sum`."""
    return f"raise NameError({f'the answer does not define {min(names)}'!r})"


def _bound(source: str) -> frozenset[str]:
    """The names that it defines for the whole file, by whatever statement; also of source that does not parse."""
    if not compiles(source):
        return definitions(source)
    try:
        table = symtable.symtable(source, "<answer>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # such as two parameters of one name
        return definitions(source)
    return frozenset(s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported())


def _names(node: ast.stmt) -> Iterator[str]:
    """What a statement gives a name to."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _below(above: str, source: str) -> str:
    """Both, one after the other; what must stand first in a file (`from __future__`) does."""
    if not above.strip():
        return source
    tree = _parsed(source)
    ends = [_end(n) for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"] if tree else []
    lines = source.split("\n")
    first = max(ends, default=0)
    return "\n".join([*lines[:first], above.strip("\n"), "", "", *lines[first:]])


def _with_head(above: str, head: str, body: str, names: Set[str]) -> str:
    """The function with that body; empty if it is none.

    The first line may have lost its indentation on the way: answers are often stripped.
    """
    tried = (body, textwrap.indent(body, _INDENT), f"{_INDENT}{body.lstrip()}")
    for lines in tried:
        source = f"{head.rstrip()}\n{lines}"
        if lines[:1] in {" ", "\t", "\n"} and compiles(source) and _is_longer(source, head):
            return _below(above, _without_examples(source, names))
    return ""


def _is_longer(source: str, head: str) -> bool:
    """Whether more has come into the function than its head has: not only a comment, or code below it."""
    tree, alone = ast.parse(source), ast.parse(f"{head.rstrip()}\n{_INDENT}...")
    first, bare = tree.body[0], alone.body[0]
    assert isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef)
    assert isinstance(bare, ast.FunctionDef | ast.AsyncFunctionDef)
    return len(first.body) >= len(bare.body)


def _statements(text: str, names: Set[str]) -> str:
    """The whole statements in a text with words around them that define one of these names; empty if none do."""
    lines = text.split("\n")
    begins = [0, *(number for number, line in enumerate(lines) if number and _BEGIN.match(line))]
    for begin in begins[:_TRIES]:
        found = _whole(lines[begin:])
        if names & _bound(found):
            return found
    return ""


def _whole(lines: Sequence[str]) -> str:
    """Those of the lines, from the first, that are whole statements."""
    for _ in range(_TRIES):
        found = _parse("\n".join(lines))
        if not isinstance(found, int):
            return "\n".join(lines)
        margins = (number for number in range(min(found, len(lines)) - 1, -1, -1) if lines[number][:1].strip())
        lines = lines[: next(margins, 0)]
    return ""


def _without_examples(source: str, names: Set[str]) -> str:
    """Without what only shows the function's use after it: expressions, assertions, annotations of nothing."""
    tree = _parsed(source)
    if tree is None:
        return source
    after, kept, left_out = False, set[int](), set[int]()
    for node in tree.body:
        after = after or not names.isdisjoint(_names(node))
        (left_out if after and _is_example(node) else kept).update(_lines(node))
    lines = source.split("\n")
    return "\n".join("" if n in left_out - kept else line for n, line in enumerate(lines, start=1)).rstrip()


def _is_example(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr | ast.Assert) or (isinstance(node, ast.AnnAssign) and node.value is None)


def _lines(node: ast.stmt) -> Iterator[int]:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    yield from range(min([node.lineno, *(one.lineno for one in decorators)]), _end(node) + 1)


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno
