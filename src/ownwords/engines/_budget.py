"""What may be used up: tokens, money. The count is of one engine, so of one start of a command."""

from __future__ import annotations

from ownwords.recipe import OpenAISection


class Budget:
    """Counts answers and says whether there is room for another.

    What is under way is reckoned as the dearest answer so far, and the first one goes alone: so the limit is not passed
    by what was in flight when it was reached. Counted in one thread, read in any.
    """

    def __init__(self, settings: OpenAISection) -> None:
        self._tokens = _Limit(settings.token_budget)
        self._money = _Limit(settings.cost_budget)
        self._prices = (settings.prompt_price / 1e6, settings.completion_price / 1e6)

    @property
    def limited(self) -> bool:
        return self._tokens.most is not None or self._money.most is not None

    def allows(self, under_way: int) -> bool:
        """Whether one more may be asked beside those under way."""
        return self._tokens.allows(under_way) and self._money.allows(under_way)

    def count(self, prompt_tokens: int, completion_tokens: int) -> None:
        """An answer, or the part of one that cannot be used but was made."""
        if not prompt_tokens + completion_tokens:
            self.count_unheard()
        self._tokens.count(prompt_tokens + completion_tokens)
        self._money.count(prompt_tokens * self._prices[0] + completion_tokens * self._prices[1])

    def count_unheard(self) -> None:
        """An attempt that may have used something without our hearing how much: as the dearest answer so far."""
        self._tokens.count(self._tokens.dearest)
        self._money.count(self._money.dearest)

    def describe(self) -> str:
        """Which limit is reached."""
        if not self._tokens.allows(0):
            return f"the budget of {self._tokens.most:,} tokens is spent ({self._tokens.used:,.0f} used)."
        return f"the budget of {self._money.most:g} is spent ({self._money.used:.4g} used)."


class _Limit:
    """One kind of thing; `most` None counts nothing up to a limit."""

    def __init__(self, most: float | None) -> None:
        self.most = most
        self.used = 0.0
        self.dearest = 0.0

    def allows(self, under_way: int) -> bool:
        if self.most is None:
            return True
        if under_way and not self.dearest:
            return False
        return self.used + (under_way + 1) * self.dearest <= self.most * (1 + 1e-9)  # sums of prices are not exact

    def count(self, amount: float) -> None:
        self.used += amount
        self.dearest = max(self.dearest, amount)
