"""What sections of the recipe have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class Section(BaseModel):
    """A part of the recipe: unknown keys refused, nothing changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """`limit: yes` is a slip; pydantic would read it as 1."""
        if isinstance(value, bool) and info.field_name is not None:
            taken = set(_types_in(cls.model_fields[info.field_name].annotation))
            if taken & {int, float} and bool not in taken:
                raise ValueError("a number is wanted")
        return value


def _types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _types_in(part)


def named(value: Any) -> Any:
    """`gsm8k` → {name: gsm8k}; `{gsm8k: {limit: 9}}` → {name: gsm8k, limit: 9}; `{any: [a]}` → {name: any, of: [a]}."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if len(mapping) == 1 and "name" not in mapping:
            name, settings = next(iter(mapping.items()))
            if isinstance(settings, list):
                return {"name": name, "of": cast("list[Any]", settings)}
            if isinstance(settings, dict) and "name" in settings:
                raise ValueError(f"{name} has a setting `name`, which would make it another")
            if settings is None or isinstance(settings, dict):
                return {"name": name, **cast("dict[str, Any]", settings or {})}
        if "name" not in mapping:
            raise ValueError("an entry is a name, or one name with its settings below it: {name: {setting: value}}")
        return mapping
    return value


def unique(names: Sequence[str]) -> None:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is named twice")


class SamplingSection(Section):
    temperature: float = Field(default=0.0, ge=0, le=5, description="0 is greedy")
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0, description="0 switches the cut off")
    max_tokens: int = Field(default=512, gt=0)
