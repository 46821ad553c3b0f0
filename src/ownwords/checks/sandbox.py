"""Runs programs that a model wrote where they can do no harm."""

from __future__ import annotations

from ownwords.errors import InputError


class _Permission:
    unsafe = False


def allow_unsafe_code() -> None:
    """From now on this process may run a model's code without a sandbox, where none is to be had."""
    _Permission.unsafe = True


def require(*, allow_unsafe_code: bool) -> None:
    """Refuse to go on where code can neither be contained nor may run without (InputError)."""
    raise InputError("code checks: there is no sandbox yet")
