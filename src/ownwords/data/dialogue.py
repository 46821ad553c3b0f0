"""A whole conversation, as a file holds it: what every format is read into and written from."""

from __future__ import annotations

from dataclasses import dataclass

from ownwords.records import Message


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns in order; `targets` are the positions of the assistant turns to train on, rising and at least one.

    `tools` is JSON text of a list of functions, or empty.
    """

    messages: tuple[Message, ...]
    targets: tuple[int, ...]
    tools: str = ""

    @property
    def untrained(self) -> tuple[int, ...]:
        """Positions of the assistant turns that are only shown."""
        answers = (index for index, message in enumerate(self.messages) if message.role == "assistant")
        return tuple(index for index in answers if index not in self.targets)
