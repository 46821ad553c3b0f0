"""The rows of ARC as its authors published them, and as the Hub's allenai/ai2_arc has them."""

from __future__ import annotations

from typing import Any, cast

from ownwords.benchmarks._likelihood import Choices, texts_of
from ownwords.benchmarks._rows import Row


def arc_choices(row: Row) -> Choices | None:
    """Question, choices {text, label} and answerKey, one of the labels; None for a row of another layout."""
    if "answerKey" not in row.fields:
        return None
    choices: Any = row.fields.get("choices")
    if not isinstance(choices, dict) or not {"text", "label"} <= set(cast("dict[str, Any]", choices)):
        raise row.error("the field 'choices' must be an object with text and label")
    texts = texts_of(row, "choices.text", choices["text"])
    labels = cast("list[Any]", choices["label"] if isinstance(choices["label"], list) else [])
    answer = row.text("answerKey")
    if len(labels) != len(texts) or answer not in labels:
        raise row.error(
            f"'choices.label' must have a label for each text, and the field 'answerKey' {answer[:60]!r} too"
        )
    return f"Question: {row.text('question')}\nAnswer:", texts, labels.index(answer)
