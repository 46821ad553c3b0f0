"""Values as JSON, between two processes that do not trust each other.

Plain values (numbers, texts, the containers of the standard library, dates) are copied. Anything else stays where it
is, and the other side gets a stand-in for it (see `exchange`). Nothing that is read can run code: every kind of value
has its own case here, and a kind that has none is an error.

The mutable containers of a message are numbered in the order in which they are met, on both sides. So a container that
occurs twice stays one, and after a call each side can tell which of the arguments have changed.
"""

from __future__ import annotations

import builtins
import datetime
import importlib
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from types import ModuleType
from typing import Any, Protocol, cast

_MUTABLE: dict[str, Any] = {
    kind.__name__: kind for kind in (list, dict, set, bytearray, deque, Counter, OrderedDict, defaultdict)
}
_MAPPINGS = (dict, Counter, OrderedDict, defaultdict)
_SEQUENCES: dict[str, Any] = {kind.__name__: kind for kind in (tuple, frozenset)}
_FROM_TEXT: dict[str, Any] = {
    "Decimal": Decimal,
    "Fraction": Fraction,
    "date": datetime.date.fromisoformat,
    "datetime": datetime.datetime.fromisoformat,
    "time": datetime.time.fromisoformat,
}
_TYPES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (bool, int, float, complex, str, bytes, tuple, frozenset, range, object, Decimal, Fraction)
}
_TYPES.update(_MUTABLE)
_TYPES.update(
    {
        n: e
        for n, e in vars(builtins).items()
        if isinstance(e, type) and issubclass(e, BaseException) and e.__name__ == n
    }
)
#: JSON's own numbers; a larger one takes long to read as decimal digits.
_LARGEST = 2**63


class Ends(Protocol):
    """What stands in for the things that are not copied."""

    def export(self, value: Any) -> list[Any]: ...

    def stand_in(self, tag: str, content: list[Any]) -> Any: ...


class Codec:
    """One message's values. `containers` are those that both sides know by number already."""

    def __init__(self, ends: Ends, containers: Sequence[Any] = ()) -> None:
        self.containers = list(containers)
        self._numbers = {id(container): number for number, container in enumerate(self.containers)}
        self._ends = ends

    def encode(self, value: Any) -> Any:
        """JSON that `decode` on the other side reads."""
        kind = cast("Any", type(value))
        if value is None or kind in (bool, str, float) or (kind is int and -_LARGEST < value < _LARGEST):
            return value
        name = kind.__name__
        if _MUTABLE.get(name) is kind:
            number = self._numbers.get(id(value))
            if number is not None:
                return ["again", number]
            self._add(value)
            return [name, *self.content(value)]
        if _SEQUENCES.get(name) is kind:
            return [name, *map(self.encode, value)]
        return _encode_atom(value) or self._ends.export(value)

    def decode(self, given: Any) -> Any:
        """The value. Raises ValueError, TypeError, KeyError or IndexError for what is none."""
        if not isinstance(given, list):
            return given
        tag, *content = cast("list[Any]", given)
        if tag == "again":
            return self.containers[content[0]]
        if tag in _MUTABLE:
            container: Any = _MUTABLE[tag](maxlen=content[0]) if tag == "deque" else _MUTABLE[tag]()
            self._add(container)
            self.fill(container, content)
            return container
        if tag in _SEQUENCES:
            return _SEQUENCES[tag](map(self.decode, content))
        atom = _decode_atom(tag, content)
        return self._ends.stand_in(tag, content) if atom is None else atom

    def content(self, container: Any) -> list[Any]:
        """What a mutable container holds, as JSON."""
        if isinstance(container, bytearray):
            return [container.hex()]
        if not isinstance(container, _MAPPINGS):
            items = [self.encode(item) for item in container]
            return [container.maxlen, *items] if isinstance(container, deque) else items
        mapping = cast("dict[Any, Any]", container)
        pairs = [[self.encode(key), self.encode(value)] for key, value in mapping.items()]
        return [self.encode(container.default_factory), *pairs] if isinstance(container, defaultdict) else pairs

    def fill(self, container: Any, content: list[Any]) -> None:
        """Let a container hold this and nothing else."""
        if isinstance(container, bytearray):
            container[:] = bytes.fromhex(content[0])
        elif isinstance(container, _MAPPINGS):
            if isinstance(container, defaultdict):
                container.default_factory = self.decode(content[0])
            pairs = [
                (self.decode(key), self.decode(value)) for key, value in content[isinstance(container, defaultdict) :]
            ]
            container.clear()
            for key, value in pairs:
                container[key] = value
        else:
            items = [self.decode(item) for item in content[isinstance(container, deque) :]]
            container.clear()
            _add_all(container, items)

    def _add(self, container: Any) -> None:
        self._numbers[id(container)] = len(self.containers)
        self.containers.append(container)


def _add_all(container: Any, items: Iterable[Any]) -> None:
    if type(container) is set:
        cast("set[Any]", container).update(items)
    else:
        container.extend(items)


def _encode_atom(value: Any) -> list[Any] | None:
    """What holds no other values; None where it has to stay where it is."""
    kind = cast("Any", type(value))
    found: list[Any] | None = None
    if kind is int:
        found = ["int", hex(value)]
    elif kind is bytes:
        found = ["bytes", value.hex()]
    elif kind is complex:
        found = ["complex", value.real, value.imag]
    elif kind is range:
        found = ["range", hex(value.start), hex(value.stop), hex(value.step)]
    elif kind in (Decimal, Fraction):
        found = [kind.__name__, str(value)]
    elif kind in (datetime.date, datetime.datetime, datetime.time):
        aware = getattr(value, "tzinfo", None) is not None
        other_zone = aware and type(value.tzinfo) is not datetime.timezone
        has_fold = getattr(value, "fold", 0)  # which the text does not say
        found = None if other_zone or has_fold else [kind.__name__, value.isoformat()]
    elif kind is datetime.timedelta:
        found = ["timedelta", value.days, value.seconds, value.microseconds]
    elif kind is type and _TYPES.get(value.__name__) is value:
        found = ["type", value.__name__]
    elif kind is ModuleType and _is_public_standard(value.__name__) and sys.modules.get(value.__name__) is value:
        found = ["module", value.__name__]
    elif value is Ellipsis or value is NotImplemented:
        found = ["constant", str(value)]
    return found


def _decode_atom(tag: str, content: list[Any]) -> Any:
    """The value; None for a tag that is no atom's."""
    found: Any = None
    if tag == "int":
        found = int(content[0], 16)
    elif tag == "bytes":
        found = bytes.fromhex(content[0])
    elif tag == "complex":
        found = complex(float(content[0]), float(content[1]))
    elif tag == "range":
        found = range(*(int(end, 16) for end in content))
    elif tag in _FROM_TEXT:
        found = _FROM_TEXT[tag](str(content[0]))
    elif tag == "timedelta":
        found = datetime.timedelta(*content)
    elif tag == "type":
        found = _TYPES[content[0]]
    elif tag == "module":
        if not _is_public_standard(content[0]):
            raise ValueError(f"{content[0]!r} is no module of the standard library")
        found = importlib.import_module(content[0])
    elif tag == "constant":
        found = {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}[content[0]]
    return found


def _is_public_standard(name: str) -> bool:
    """Whether it is a module that can be imported without anything happening."""
    top, *below = name.split(".")
    private = any(part.startswith("_") for part in (top, *below))
    return top in sys.stdlib_module_names and not private and top not in ("antigravity", "this", "idlelib")
