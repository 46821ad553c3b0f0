"""What looks wrong in the facts that validation has collected: one plain sentence each, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def cautions(facts: dict[str, Any]) -> list[str]:
    """Sentences about the facts of `validate`; empty where nothing looks wrong."""
    return [
        *_data(facts),
        *_chat(facts["chat"]),
        *_overlap(facts),
        *_training(facts),
        *_targets(facts),
        *_rewriting(facts),
        *_probe(facts),
        *_spending(facts["spending"]),
        *_judging(facts["evaluation"]),
    ]


def _data(facts: dict[str, Any]) -> Iterator[str]:
    found = facts["duplicates"]
    if found["duplicates"]:
        yield (
            f"{found['duplicates']:,} of {found['examples']:,} training examples repeat an earlier one exactly: each "
            "is rewritten and trained on again. Remove them, unless the repetition is meant."
        )
    if facts["data"]["heldout"] is None:
        yield f"there is nothing held out: {facts['data']['heldout_missing']}"


def _chat(chat: dict[str, Any]) -> Iterator[str]:
    if chat["tools"] and not chat["template_takes_tools"]:
        yield (
            f"{chat['tools']:,} examples have tools, and the chat template has no place for them: they stand in the "
            "system text, in a form that the model was hardly trained on. Expect more rewrites that fail."
        )
    if chat["words_beside_calls"] and chat["template_drops_words"]:
        yield (
            f"{chat['words_beside_calls']:,} references say something beside their calls, and the chat template leaves "
            "the words out: they are not trained on."
        )
    if chat["reasoning"] and chat["thinking"] == "keep":
        yield (
            f"{chat['reasoning']:,} references have reasoning, and rewriting that is risky: a model that sees the "
            "answer writes reasons that lead to it, not those by which it would find it. The paper rewrites answers "
            "only. data.thinking=strip takes reasoning out."
        )
    if chat["template_thinks"] and not chat["reasoning"] and chat["thinking"] != "forbid":
        yield (
            "the model thinks before it answers, and the references have no reasoning: trained on them, it learns to "
            "answer without. data.thinking=forbid tells it not to think in rewriting, training and evaluation alike."
        )


def _overlap(facts: dict[str, Any]) -> Iterator[str]:
    for found in facts["overlap"]:
        name, items = found["benchmark"], found["items"]
        if found["exact"]["items"]:
            yield (
                f"{found['exact']['items']:,} of {items:,} questions of {name} are training prompts: "
                "their scores measure memory. Leave them out of training."
            )
        if found["near"]["items"]:
            yield (
                f"{found['near']['items']:,} of {items:,} questions of {name} are nearly training prompts: "
                "look at the examples shown."
            )


def _training(facts: dict[str, Any]) -> Iterator[str]:
    training = facts["training"]
    limit, long = f"tune.max_length={training['max_length']}", training["too_long"]
    if training["rows"] and training["steps"][0] == 1:
        yield (
            f"a whole training is a single optimizer step: {training['rows']:,} rows in batches of "
            f"{' × '.join(map(str, training['batch']))}. Lower tune.gradient_accumulation_steps or "
            "tune.per_device_train_batch_size, or raise tune.num_train_epochs."
        )
    if not long:
        return
    if training["on_too_long"] == "error":
        yield (
            f"{long:,} rows are longer than {limit} tokens, so `run` refuses this recipe. Raise tune.max_length, or "
            "choose tune.on_too_long=drop or tune.on_too_long=truncate."
        )
    elif training["rows"] == 0:
        yield f"nothing is left to train on: no row has a supervised token within {limit}."
    else:
        yield (
            f"{long:,} rows are longer than {limit} tokens: {training['dropped_rows']:,} are dropped, "
            f"{training['truncated_rows']:,} lose {training['truncated_tokens']:,} tokens of their end."
        )


def _targets(facts: dict[str, Any]) -> Iterator[str]:
    targets, examples = facts["targets"], facts["duplicates"]["examples"]
    if targets["distinct"] == 1 and examples > 1:
        yield f"all {examples:,} references are the same text: is the right column mapped?"
    if targets["blank"]:
        yield f"{targets['blank']:,} references hold nothing that can be seen."
    if targets["same_as_prompt"]:
        yield f"{targets['same_as_prompt']:,} references are the same text as their prompt: is the right column mapped?"
    if targets["outside_vocabulary"]:
        yield (
            f"{targets['outside_vocabulary']:,} rows hold a token that the model's vocabulary of "
            f"{targets['vocabulary']:,} does not have, so training fails on them: the tokenizer is another model's. "
            f"The first: {', '.join(targets['outside_vocabulary_ids'])}."
        )


def _rewriting(facts: dict[str, Any]) -> Iterator[str]:
    fit = facts["rewriting"]
    if fit["refused"]:
        yield (
            f"{fit['refused']:,} rewriting prompts fill the context of {fit['context']:,} tokens: no answer has room. "
            "Leave those rows out, or take a model with a longer context."
        )
    if fit["cut"] > fit["refused"]:
        yield (
            f"{fit['cut'] - fit['refused']:,} rows leave less than rewrite.sampling.max_tokens={fit['max_tokens']} in "
            f"a context of {fit['context']:,}: a long answer to them is cut."
        )
    if fit["samples"] > 1 and fit["temperature"] == 0:
        yield (
            f"rewrite.samples={fit['samples']} at rewrite.sampling.temperature=0 draws the same answer "
            f"{fit['samples']} times. Raise the temperature, or leave samples at 1."
        )
    others = {"own": "the model's own answers", "other": "rewrites by rewrite.model"}
    more = [words for name, words in others.items() if name in fit["sources"]]
    if fit["samples"] > 1:
        more.append(f"{fit['samples']} samples a row")
    if fit["some_rows_only"]:
        more.append("one likelihood a row (rewrite.only), and fewer rows for that")
    if facts["probe"] is not None and "rewrite" not in fit["sources"]:
        yield "no arm takes rewrites by the seed, so `run` asks for none: the estimates are what they would take."
    if facts["probe"] is not None and more:
        yield (
            f"the recipe also asks for {' and '.join(more)}: the estimates of time, tokens and cost are those of one "
            "rewrite of every row."
        )
    if fit["judged"] and facts["probe"] is not None:
        yield (
            "a judge is asked about every rewrite: its requests, one more a row and attempt, are in none of the "
            "estimates of time, tokens and cost."
        )


def _probe(facts: dict[str, Any]) -> Iterator[str]:
    probe = facts["probe"]
    if probe is not None and probe["errors"]:
        yield f"{probe['errors']} of {probe['rows']} probed rows have no answer: {probe['first_error']}"


def _spending(spending: dict[str, Any] | None) -> Iterator[str]:
    if spending is None:
        return
    for needed, budget, key in (
        (spending["tokens"], spending["token_budget"], "token_budget"),
        (spending["cost"], spending["cost_budget"], "cost_budget"),
    ):
        if needed is not None and budget is not None and needed > budget:
            yield (
                f"all rows once are reckoned to need {needed:,.10g}, more than runtime.openai.{key}={budget:,.10g}: "
                "rewriting would stop before its end. Raise the budget, or take fewer rows."
            )


def _judging(evaluation: dict[str, Any]) -> Iterator[str]:
    asked = {found["benchmark"]: found["judge_requests"] for found in evaluation["benchmarks"]}
    if not any(asked.values()):
        return
    listed = ", ".join(f"{count:,} about {name}" for name, count in asked.items() if count)
    yield (
        f"evaluate.judge is asked up to {sum(asked.values()):,} questions about {evaluation['arms']} arms, the seed "
        f"among them ({listed}): they are in none of the estimates of time, tokens and cost."
    )
    if evaluation["judge_is_seed"]:
        yield (
            "evaluate.judge is the seed model itself: weak evidence, because a model likes answers that are like its "
            "own. Take another, stronger one (evaluate.judge.model)."
        )
