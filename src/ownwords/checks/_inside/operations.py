"""What operators and Python's own functions do with an object, by the name of the method that they call."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from itertools import islice
from typing import Any, cast

_operator: Any = operator


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda target, other: function(other, target)


def _enter(target: Any) -> Any:
    return target.__enter__()


def _exit(target: Any, *error: Any) -> Any:
    return target.__exit__(*error)


def _has_instance(target: Any, value: Any) -> bool:
    return isinstance(value, target)


def _has_subclass(target: Any, value: Any) -> bool:
    return issubclass(value, target)


def _deepcopy(target: Any, _memo: Any = None) -> Any:
    return copy.deepcopy(target)


_ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "lshift",
    "rshift",
    "and",
    "or",
    "xor",
)
_BINARY: dict[str, Any] = {name: getattr(_operator, f"__{name}__") for name in _ARITHMETIC} | {"divmod": divmod}

ARITHMETIC: dict[str, Any] = {f"__{name}__": function for name, function in _BINARY.items()}
ARITHMETIC.update({f"__r{name}__": _reflected(function) for name, function in _BINARY.items()})
COMPARISONS: dict[str, Any] = {f"__{name}__": getattr(_operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
#: What gives a plain number for an object.
CONVERSIONS: dict[str, Any] = {
    "__bool__": bool,
    "__int__": int,
    "__float__": float,
    "__complex__": complex,
    "__index__": _operator.index,
    "__round__": round,
    "__abs__": abs,
    "__neg__": _operator.neg,
    "__pos__": _operator.pos,
    "__invert__": _operator.invert,
}
OTHERS: dict[str, Any] = {
    "__len__": len,
    "__iter__": iter,
    "__next__": next,
    "__reversed__": reversed,
    "__contains__": _operator.contains,
    "__getitem__": _operator.getitem,
    "__setitem__": _operator.setitem,
    "__delitem__": _operator.delitem,
    "__str__": str,
    "__repr__": repr,
    "__format__": format,
    "__bytes__": bytes,
    "__hash__": hash,
    "__dir__": dir,
    "__enter__": _enter,
    "__exit__": _exit,
    "__instancecheck__": _has_instance,
    "__subclasscheck__": _has_subclass,
    "__copy__": copy.copy,
    "__deepcopy__": _deepcopy,
}
SPECIAL: dict[str, Any] = {**ARITHMETIC, **COMPARISONS, **CONVERSIONS, **OTHERS}

_ITERATE: dict[type, Any] = {kind: vars(kind)["__iter__"] for kind in (tuple, list, set, frozenset)}
_PLAIN: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: bytes.__bytes__,
}


def plain_base(value: Any) -> Any:
    """A copy of the plain value that an object of a derived class is: of a named tuple the tuple.

    Raises:
        TypeError: it is none.
    """
    for base, plain in _PLAIN.items():
        if isinstance(value, base):
            return plain(value)
    for base, iterate in _ITERATE.items():
        if isinstance(value, base):
            made: Any = base
            return made(iterate(value))
    if isinstance(value, dict):
        pairs: Any = vars(dict)["items"](value)
        return dict(pairs)
    raise TypeError(f"{type(value).__name__} is no plain value")


def items_of(iterator: Any, most: int) -> tuple[list[Any], type[Exception] | None]:
    """What an iterator still gives, up to so many items, and the kind of exception that it raises on the way.

    Raises:
        TypeError: it is no iterator.
    """
    kind = type(cast("object", iterator))
    if not (hasattr(kind, "__next__") and hasattr(kind, "__iter__")):
        raise TypeError(f"{kind.__name__} is no iterator")
    items: list[Any] = []
    try:
        for item in islice(iterator, most):
            items.append(item)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: the candidate's own code
        return items, type(error)
    return items, None
