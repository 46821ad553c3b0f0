"""Validation: what a run of this recipe would read, train on and need, known before anything is written.

What `run` refuses is refused here with the same message; what it would do but a person may not want is a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ownwords.errors import DataError, InputError, RecipeError
from ownwords.records import Example
from ownwords.rendering import takes
from ownwords.stages import evaluate, origins, preflight
from ownwords.stages.cautions import cautions
from ownwords.stages.context import Context
from ownwords.stages.estimates import evaluation, spending
from ownwords.stages.lengths import TrainingRows, quantiles, rewriting_prompts, training_rows
from ownwords.stages.overlap import Repeat, TrainingPrompts
from ownwords.stages.probe import probe, probe_training
from ownwords.stages.targets import describe_targets
from ownwords.stages.trainer import optimizer_steps
from ownwords.turns import read_turn, split_reasoning, tool_names

SHOWN = 3


def validate(context: Context, probed: int) -> dict[str, Any]:
    """Facts about a recipe with its data and model, and `warnings`: a sentence for each that looks wrong.

    `probed` examples are rewritten on trial, and two batches are trained on; 0 loads no weights.

    Raises:
        InputError: a name, a file, a row, the model or the output folder is wrong.
    """
    if probed < 0:
        raise InputError(f"--probe {probed}: give how many examples to rewrite on trial; 0 is no trial.")
    preflight.check_names(context)
    preflight.check_sandbox(context)
    context.run.check_writable()
    examples = context.train
    preflight.check_layouts(context)
    preflight.check_trainer(context)
    tasks = evaluate.load_tasks(context)
    prompts = rewriting_prompts(context)
    trial = probe(context, prompts.tokens, probed) if probed else None  # first: peak memory is of the whole process
    rows = training_rows(context)
    trained = probe_training(context, rows.fitted) if probed and rows.fitted else None
    facts = {
        "model": context.model.name,
        "output_dir": str(context.run.directory),
        "data": _data(context),
        "chat": _chat(context),
        "duplicates": duplicates(examples),
        "overlap": _overlap(examples, tasks),
        "lengths": {
            "prompt": quantiles(rows.prompt),
            "reference": quantiles(rows.reference),
            "whole": quantiles([sum(pair) for pair in zip(rows.prompt, rows.reference, strict=True)]),
            "rewriting_prompt": quantiles(prompts.tokens),
        },
        "training": _training(context, rows),
        "targets": {
            **describe_targets(examples),
            "outside_vocabulary": len(rows.outside),
            "outside_vocabulary_ids": rows.outside[:SHOWN],
            "vocabulary": rows.vocabulary,
        },
        "rewriting": {
            **prompts.fit(),
            "judged": context.is_judged,
            "sources": [origin.name for origin in origins.needed(context.recipe)],
            "samples": context.recipe.rewrite.samples,
            "temperature": context.recipe.rewrite.sampling.temperature,
            "some_rows_only": context.recipe.rewrite.only is not None,
        },
        "engine": asdict(context.engine_choice),
        "probe": trial,
        "spending": spending(context, trial) if trial else None,
        "evaluation": evaluation(context, tasks, prompts.context, trial),
        "training_probe": trained,
    }
    return {**facts, "warnings": cautions(facts)}


def duplicates(examples: Sequence[Example]) -> dict[str, int]:
    """Examples equal in content to an earlier one, told by the occurrence number of their id, and different ones."""
    repeated = sum(not example.id.endswith("-0") for example in examples)
    return {"examples": len(examples), "duplicates": repeated, "different": len(examples) - repeated}


def _data(context: Context) -> dict[str, Any]:
    first = context.train[0]
    try:
        heldout, missing = _sizes(context.heldout(None)), None
    except (DataError, RecipeError) as error:  # no benchmark of the recipe needs them, or its loading had said so
        heldout, missing = None, str(error)
    return {
        "train": {
            **_sizes(context.train),
            "first": {
                "origin": first.origin,
                "tools": tool_names(first.tools),
                "messages": [message.as_dict() for message in first.messages],
                "reference": first.reference,
            },
        },
        "skipped": [{"origin": origin, "reason": reason} for origin, reason in context.skipped.items()],
        "heldout": heldout,
        "heldout_missing": missing,
    }


def _chat(context: Context) -> dict[str, Any]:
    """Tools and reasoning of the examples, and what the chat template that trains on them makes of these."""
    tokenizer = context.tokenizer(context.recipe.tune.chat_template)
    template = takes(tokenizer)
    examples = context.train
    return {
        "tools": sum(bool(example.tools) for example in examples),
        "functions": sorted({name for example in examples for name in tool_names(example.tools)}),
        "calls": sum(bool(example.tools and read_turn(example.reference, tools=True).calls) for example in examples),
        "reasoning": sum(bool(split_reasoning(example.reference)[0]) for example in examples),
        "thinking": context.recipe.data.thinking,
        "words_beside_calls": sum(_says_and_calls(example) for example in examples),
        "template_takes_tools": template.tools and template.calls,
        "template_drops_words": template.calls and not template.words,
        "template_thinks": bool(template.reasoning) or "<think>" in str(tokenizer.chat_template),
    }


def _says_and_calls(example: Example) -> bool:
    parts = read_turn(example.reference, tools=bool(example.tools))
    return bool(parts.calls and parts.words)


def _sizes(examples: Sequence[Example]) -> dict[str, int]:
    """Rows and the examples that they give: a row with several assistant turns gives several."""
    return {"rows": len({example.origin for example in examples}), "examples": len(examples)}


def _overlap(examples: Sequence[Example], tasks: Sequence[evaluate.Task]) -> list[dict[str, Any]]:
    prompts = TrainingPrompts(examples)
    found: list[dict[str, Any]] = []
    for task in tasks:
        overlap = prompts.overlap(task.items)
        found.append(
            {
                "benchmark": task.benchmark.name,
                "items": len(task.items),
                "exact": {"items": len(overlap.exact), "shown": [_repeat(r) for r in overlap.exact[:SHOWN]]},
                "near": {"items": len(overlap.near), "shown": [_repeat(r) for r in overlap.near[:SHOWN]]},
            }
        )
    return found


def _repeat(repeat: Repeat) -> dict[str, Any]:
    return {
        "item": repeat.item.id,
        "question": repeat.item.question,
        "example": repeat.example.id,
        "origin": repeat.example.origin,
        "prompt": repeat.example.prompt,
        "share": round(repeat.share, 3),
    }


def _training(context: Context, rows: TrainingRows) -> dict[str, Any]:
    """What tune.max_length leaves of the vanilla arm; with on_too_long "error", of the rows that fit."""
    tune = context.recipe.tune
    fitted = rows.fitted
    count = len(fitted.rows) if fitted else 0
    steps = [optimizer_steps(training.tune, count) for training in context.trainings]
    return {
        "arm": "vanilla",
        "max_length": tune.max_length,
        "on_too_long": tune.on_too_long,
        "too_long": rows.too_long,
        "rows": count,
        "supervised_tokens": fitted.supervised_tokens if fitted else 0,
        "truncated_rows": fitted.truncated_rows if fitted else 0,
        "truncated_tokens": fitted.truncated_tokens if fitted else 0,
        "dropped_rows": fitted.dropped_rows if fitted else len(rows.prompt),
        "trainings": len(steps),
        "variants": len(context.variants),
        "steps": [min(steps), max(steps)],
        "batch": [tune.per_device_train_batch_size, tune.gradient_accumulation_steps],
    }
