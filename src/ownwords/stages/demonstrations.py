"""Prompts of an on-policy training: the student's, rendered as in evaluation, and the teacher's, with the target in it.

The teacher's is the same conversation with the target in its last user turn, as a demonstration. Nothing is cut.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from ownwords.data.export import tools_of
from ownwords.errors import DataError, RecipeError, StageError
from ownwords.recipe import OnPolicySection, TuneSection
from ownwords.records import Message, last_user
from ownwords.rendering import Given, TemplateError, prompt_ids
from ownwords.stages.context import Context
from ownwords.stages.supervision import SHOWN, Supervision, reference_rows

#: The teacher's last user turn, as the authors' code writes it.
DEMONSTRATED = (
    "{prompt}\n\nThis is an example for a response to the question:\n{demonstration}\n\n"
    "Now answer with a response of your own, including the thinking process."
)


class Prompts(Supervision):
    """The rows of an on-policy training: `input_ids` are the student's prompt, `teacher_ids` the teacher's.

    `supervised_tokens` are those that the student has written, so they are known when the training is over.
    """

    def describe(self) -> str:
        held = f", {len(self.heldout)} rows held out, for which it does not stop early" if self.heldout else ""
        return f"{len(self.rows)} prompts that the model answers itself, {self.dropped_rows} dropped{held}"


def supervise(
    tokenizer: Any,
    rows: Iterable[Mapping[str, Any]],
    section: OnPolicySection,
    tune: TuneSection,
    held_out: Set[str] = frozenset(),
    *,
    thinking: bool | None = None,
) -> Prompts:
    """Tokenise training rows. The teacher's prompt and what may be written have to fit into `tune.max_length`.

    Raises:
        DataError: a row does not fit and `on_too_long` is not "drop" (what is cut would be the question or the
            demonstration), or the template refuses one.
        StageError: no row is left.
    """
    result = Prompts()
    for row in rows:
        messages = tuple(Message(m["role"], m["content"]) for m in row["prompt"])
        shown = demonstrated(messages, row["completion"][0]["content"])
        given = Given(tools=tools_of(row), thinking=thinking)
        try:
            student, teacher = (prompt_ids(tokenizer, m, given=given) for m in (messages, shown))
        except TemplateError as error:
            where = row.get("origin") or f"the row {row['id']}"
            raise DataError(f"the chat template cannot render {where}: {error}. Leave it out, or change it.") from error
        length = len(teacher) + section.max_completion_length
        if length > tune.max_length:
            result.too_long.append((row["id"], length))
            result.dropped_rows += 1
            continue
        ready = {"id": row["id"], "input_ids": student, "teacher_ids": teacher, "length": length}
        (result.heldout if row["id"] in held_out else result.rows).append(ready)
    if result.too_long and tune.on_too_long != "drop":
        raise DataError(_too_long(result, section, tune))
    if not result.rows:
        raise StageError("there is nothing to train on_policy on: no prompt fits into tune.max_length.")
    return result


def check(context: Context, section: OnPolicySection) -> None:
    """Every row fits (else DataError), and there is a place for what is written (else RecipeError)."""
    tune = context.recipe.tune
    if section.max_completion_length >= tune.max_length:
        raise RecipeError(
            f"on_policy.max_completion_length={section.max_completion_length} leaves no room for a prompt within "
            f"tune.max_length={tune.max_length}: lower it, or raise tune.max_length."
        )
    tokenizer = context.tokenizer(tune.chat_template)
    supervise(tokenizer, reference_rows(context.train), section, tune, thinking=context.thinking)


def demonstrated(messages: Sequence[Message], demonstration: str) -> tuple[Message, ...]:
    """The teacher's conversation: the target stands in the last user turn as an example."""
    place = last_user(messages)
    shown = DEMONSTRATED.format(prompt=messages[place].content, demonstration=demonstration)
    return (*messages[:place], Message("user", shown), *messages[place + 1 :])


def _too_long(prompts: Prompts, section: OnPolicySection, tune: TuneSection) -> str:
    longest = sorted(prompts.too_long, key=lambda pair: -pair[1])[:SHOWN]
    listed = ", ".join(f"{row_id} ({length})" for row_id, length in longest)
    return (
        f"on_policy: {len(prompts.too_long)} rows are longer than tune.max_length={tune.max_length} tokens. The "
        f"teacher reads the prompt with the reference in it, and {section.max_completion_length} tokens may be "
        f"written. Longest: {listed}. Raise tune.max_length, lower on_policy.max_completion_length, or choose "
        "tune.on_too_long=drop: nothing is truncated here."
    )
