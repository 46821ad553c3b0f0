"""Objects that stand for objects of the other process: whatever is done with them is done there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ownwords.checks._inside.exchange import Exchange
from ownwords.checks._inside.operations import ARITHMETIC, COMPARISONS, CONVERSIONS, OTHERS

#: Attributes with two underscores that are looked up on the other side. Others are questions of Python's own machinery.
_ASKED = frozenset({"__name__", "__qualname__", "__dict__", "__annotations__", "__slots__", "__members__"})


class StandIn:
    """An object of the other side."""

    __slots__ = ("ownwords_exchange", "ownwords_number")
    ownwords_exchange: Exchange
    ownwords_number: int

    def __init__(self, exchange: Exchange, number: int) -> None:
        object.__setattr__(self, "ownwords_exchange", exchange)
        object.__setattr__(self, "ownwords_number", number)

    def __call__(self, *values: Any, **named: Any) -> Any:
        return self.ownwords_exchange.ask("call", self.ownwords_number, *values, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in _ASKED:
            raise AttributeError(name)
        return self.ownwords_exchange.ask("get", self.ownwords_number, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.ownwords_exchange.ask("set", self.ownwords_number, name, value)


class GuardedStandIn(StandIn):
    """An object of a candidate, on the side of the tests: what it is equal to is not for the candidate to say.

    - Compared with a plain value it is what its class is derived from (a named tuple is a tuple), and otherwise equal
      to none; in an order with plain values it has no place.
    - Arithmetic with a plain value gives another object of the candidate, never a plain value; and what came of it is
      turned into no number. So `abs(result - 0.5) < 1e-6` cannot be answered by an object that has learned the 0.5.
    """

    __slots__ = ("ownwords_informed",)
    ownwords_informed: bool

    def __init__(self, exchange: Exchange, number: int) -> None:
        super().__init__(exchange, number)
        object.__setattr__(self, "ownwords_informed", False)


def _forwarded(name: str) -> Callable[..., Any]:
    def method(self: StandIn, *values: Any) -> Any:
        return self.ownwords_exchange.ask(name, self.ownwords_number, *values)

    return method


def _compared(name: str, comparison: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def method(self: GuardedStandIn, other: Any) -> Any:
        ask, number = self.ownwords_exchange.ask, self.ownwords_number
        if isinstance(other, StandIn):
            return ask(name, number, other)
        try:
            plain = ask("plain", number)
        except TypeError:
            if name in ("__eq__", "__ne__"):
                return name == "__ne__"
            raise TypeError("an object of the tested code has no order among plain values") from None
        return comparison(plain, other)

    return method


def _calculated(name: str, operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def method(self: GuardedStandIn, other: Any) -> Any:
        ask, number = self.ownwords_exchange.ask, self.ownwords_number
        if not isinstance(other, StandIn):
            try:
                return operation(ask("plain", number), other)
            except TypeError:
                return _informed(ask(name, number, other))
        informed = self.ownwords_informed or getattr(other, "ownwords_informed", False)
        result = ask(name, number, other)
        return _informed(result) if informed else result

    return method


def _informed(result: Any) -> GuardedStandIn:
    """The same object, marked as one that has been calculated with a plain value."""
    if not isinstance(result, GuardedStandIn):
        raise TypeError("an object of the tested code gave a plain value for its sum with one")
    informed = GuardedStandIn(result.ownwords_exchange, result.ownwords_number)
    object.__setattr__(informed, "ownwords_informed", True)
    return informed


def _converted(name: str) -> Callable[..., Any]:
    def method(self: GuardedStandIn, *values: Any) -> Any:
        if self.ownwords_informed:
            raise TypeError("an object of the tested code is no number once it was calculated with one")
        return self.ownwords_exchange.ask(name, self.ownwords_number, *values)

    return method


for _name in (*ARITHMETIC, *COMPARISONS, *CONVERSIONS, *OTHERS):
    setattr(StandIn, _name, _forwarded(_name))
for _name, _operation in ARITHMETIC.items():
    setattr(GuardedStandIn, _name, _calculated(_name, _operation))
for _name, _operation in COMPARISONS.items():
    setattr(GuardedStandIn, _name, _compared(_name, _operation))
for _name in CONVERSIONS:
    setattr(GuardedStandIn, _name, _converted(_name))
