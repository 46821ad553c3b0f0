"""Replay: the general rows that an arm trains on among the task's (`arms/replay.py` says what for).

It lies between rewriting and training. What is asked is in the journal under no arm's name, so arms with equal settings
share it. An arm's rows are in `data/<arm>/replay.parquet`, what became of every candidate in `replay/<arm>.json`.

Of the prompts that the seed model writes itself, no fingerprint says which are left out because a benchmark repeats
them: a benchmark that is added later does not make the rows anew.
"""

# pyright: basic
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ownwords.arms.base import Arm
from ownwords.data.card import with_replay
from ownwords.data.examples import content_hash
from ownwords.data.export import NO_TOOLS, has_tools, training_table, write_tables
from ownwords.errors import DataError, RecipeError, StageError
from ownwords.fingerprint import Inputs, flatten, join
from ownwords.progress import say
from ownwords.recipe import ReplaySection
from ownwords.run import read_json, write_json, write_text
from ownwords.stages import dialogues, targets_of_arms
from ownwords.stages.context import Context
from ownwords.stages.dialogues import OK, Dialogue, Found, OwnPrompts, SourcePrompts, find_dialogues
from ownwords.stages.empty_turn import own_turn
from ownwords.stages.general import general_rows, known_prompts
from ownwords.stages.supervision import held_out_ids

STAGE = dialogues.STAGE
#: Begins the id of every replay row, and of no other.
ID = "replay-"


def stage_name(arm: Arm) -> str:
    return f"{STAGE}/{arm.name}"


def replaying(arms: Iterable[Arm]) -> list[Arm]:
    """Those that train on general rows, each once."""
    return list({arm.name: arm for arm in arms if arm.method.replay is not None}.values())


def inputs(context: Context, arm: Arm) -> Inputs:
    """What an arm's general rows depend on."""
    section, tune = _section(arm), context.recipe.tune
    settings = {k: v for k, v in flatten(section, STAGE).items() if not k.startswith(f"{STAGE}.data.")}
    source = {} if section.data is None else general_rows(context, section.data, arm.name).inputs
    return join(
        context.model_inputs,
        settings,
        source,
        context.layout_inputs("tune.chat_template", tune.chat_template),
        targets_of_arms.inputs_of(context, targets_of_arms.read_by(context, arm.method)),
        {
            "tune.max_length": tune.max_length,
            "tune.early_stopping.share": None if tune.early_stopping is None else tune.early_stopping.share,
            "seed": context.recipe.seed,
        },
    )


def check(context: Context, arm: Arm) -> None:
    """What can be known before anything is asked: the source is readable and large enough, the template has an empty
    user turn, the share means a row at least.

    Raises:
        DataError, RecipeError: it is not so.
    """
    section = _section(arm)
    wanted = _wanted(section, _trained(context, len(context.train)))
    if wanted == 0:
        raise RecipeError(
            f"tune.arms.{arm.name}.replay.share={section.share:g} is less than one row beside {len(context.train)} of "
            "the task's: raise it, or leave the arm out."
        )
    if section.prompts == "self":
        own_turn(context)
        known_prompts(context)  # every benchmark can be read
        return
    usable = len(SourcePrompts(context, section, arm.name).general.places)
    if usable < wanted and not _drops(context):
        raise DataError(_too_few(context, arm, wanted, usable))


def run(context: Context, arm: Arm) -> None:
    """Find the arm's general rows and write them.

    Raises:
        StageError: there are fewer than its share wants.
    """
    section = _section(arm)
    folder = context.run.arm_data(arm.name)
    products = [folder / "replay.parquet", facts_path(context, arm), context.run.journal_path]
    with context.run.working_on(stage_name(arm), inputs(context, arm), products):
        context.run.journal.forget_errors(STAGE)
        wanted = _wanted(section, _trained(context, _kept(context, arm)))
        own = section.prompts == "self"
        prompts = OwnPrompts(context, section, wanted) if own else SourcePrompts(context, section, arm.name)
        found = find_dialogues(context, section, prompts, wanted)
        facts = _facts(context, arm, found, prompts.tokens)
        say(f"{stage_name(arm)}: {_counted(facts)}")
        if found.usable < wanted:
            raise StageError(_too_few(context, arm, wanted, found.usable, facts))
        rows = [_row(context, section, d) for d in found.dialogues if d.reason == OK]
        write_tables([folder / "replay.parquet"], [[training_table(_with_tools(rows, folder))]])
        write_json(facts_path(context, arm), facts)
        describe(context, arm)


def facts_path(context: Context, arm: Arm) -> Path:
    return context.run.directory / STAGE / f"{arm.name}.json"


def describe(context: Context, arm: Arm) -> None:
    """Let the dataset card of the arm tell of its general rows too."""
    card = context.run.arm_data(arm.name) / "README.md"
    write_text(card, with_replay(card.read_text(encoding="utf-8"), read_json(facts_path(context, arm))))


def count_rows(rows: Sequence[Any]) -> tuple[int, int]:
    """How many of the tokenised training rows are general ones, and their supervised tokens."""
    own = [row for row in rows if str(row["id"]).startswith(ID)]
    return len(own), sum(label >= 0 for row in own for label in row.get("labels", ()))


def _section(arm: Arm) -> ReplaySection:
    if arm.method.replay is None:
        raise ValueError(f"the arm {arm.name} has no replay")
    return arm.method.replay


def _wanted(section: ReplaySection, task_rows: int) -> int:
    """So many general rows make `share` of all."""
    return round(section.share / (1 - section.share) * task_rows)


def _trained(context: Context, rows: int) -> int:
    """The task's rows without those that early stopping holds out; some may yet turn out to be too long."""
    stopping = context.recipe.tune.early_stopping
    if stopping is None:
        return rows
    return rows - len(held_out_ids([str(number) for number in range(rows)], stopping.share, context.recipe.seed))


def _drops(context: Context) -> bool:
    return context.recipe.rewrite.on_failure == "drop"


def _kept(context: Context, arm: Arm) -> int:
    """The examples that are not dropped."""
    if not _drops(context):
        return len(context.train)
    return sum(row.arms is not None for row in targets_of_arms.of_arm(context, arm))


def _row(context: Context, section: ReplaySection, dialogue: Dialogue) -> dict[str, Any]:
    """A row with the columns of `train.parquet`. Nobody has another answer, so the reference is the target too."""
    candidate, completion, recipe = dialogue.candidate, dialogue.completion, context.recipe
    switch = {} if context.thinking is None else {"chat_template_kwargs": {"enable_thinking": context.thinking}}
    asked = completion is not None
    return {
        "prompt": [message.as_dict() for message in candidate.messages],
        "completion": [{"role": "assistant", "content": dialogue.answer}],
        "id": f"{ID}{content_hash(candidate.messages, dialogue.answer, candidate.tools)}",
        "outcome": "accepted",
        "source": STAGE,
        "reason": "own_prompt" if section.prompts == "self" else "own_answer" if asked else "as_given",
        "reference": dialogue.answer,
        "verdicts": "[]",
        "prompt_preset": "",
        "prompt_hash": "",
        "model": recipe.model.name_or_path if asked else "",
        "revision": (recipe.model.revision or "") if asked else "",
        "engine": dialogue.engine,
        "sampling": json.dumps(section.sampling.model_dump(), sort_keys=True) if asked else "",
        "attempt": 0 if asked else -1,
        "prompt_tokens": completion.prompt_tokens if completion is not None else -1,
        "completion_tokens": completion.completion_tokens if completion is not None else -1,
        "tools": candidate.tools or NO_TOOLS,
        **switch,
    }


def _with_tools(rows: Sequence[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """The rows with a column of tools where they, or the task's rows beside them, have one."""
    beside = has_tools(folder / "train.parquet")
    if beside or any(row["tools"] != NO_TOOLS for row in rows):
        return list(rows)
    return [{key: value for key, value in row.items() if key != "tools"} for row in rows]


def _facts(context: Context, arm: Arm, found: Found, prompt_tokens: int) -> dict[str, Any]:
    """What became of every candidate, and of the rows that were none."""
    section = _section(arm)
    reasons = Counter(dialogue.reason for dialogue in found.dialogues)
    completions = [d.completion for d in found.dialogues if d.completion is not None]
    engines = sorted({dialogue.engine for dialogue in found.dialogues if dialogue.engine})
    general = None if section.data is None else general_rows(context, section.data, arm.name)
    return {
        "arm": arm.name,
        "share": section.share,
        "prompts": section.prompts,
        "answers": section.answers,
        "rows": min(found.usable, found.wanted),
        "wanted": found.wanted,
        "candidates": len(found.dialogues),
        "reasons": dict(reasons.most_common()),
        "unused": {} if general is None else dict(general.unused),
        "skipped": [] if general is None else [{"origin": o, "reason": r} for o, r in general.skipped.items()],
        "prompt_tokens": prompt_tokens,
        "answer_tokens": sum(completion.completion_tokens for completion in completions),
        "sampling": section.sampling.model_dump(),
        "engines": [json.loads(engine) for engine in engines],
    }


def _counted(facts: dict[str, Any]) -> str:
    others = ", ".join(f"{count} {reason}" for reason, count in facts["reasons"].items() if reason != OK)
    whose = "the seed model wrote" if facts["prompts"] == "self" else "of the source were looked at"
    return f"{facts['rows']} general rows, from {facts['candidates']} prompts that {whose}" + (
        f" (others: {others})" if others else ""
    )


def _too_few(context: Context, arm: Arm, wanted: int, usable: int, facts: dict[str, Any] | None = None) -> str:
    section = _section(arm)
    start = f"tune.arms.{arm.name}.replay: a share of {section.share:g} wants {wanted} general rows, and "
    longer = f"raise replay.sampling.max_tokens={section.sampling.max_tokens} where answers are unfinished"
    if section.data is None:
        found = f"the seed model made {usable} that can be used. "
        advice = f"Lower the share, {longer}, or take prompts from data."
    else:
        general = general_rows(context, section.data, arm.name)
        unused = ", ".join(f"{count} {reason}" for reason, count in general.unused.items())
        source = section.data.path or section.data.generator
        found = f"{source} gave {usable} that can be used" + (f" (not used: {unused}). " if unused else ". ")
        advice = f"Lower the share, name more rows{', or ' + longer if section.answers == 'self' else ''}."
    return start + found + (f"{_counted(facts)}. " if facts else "") + advice
