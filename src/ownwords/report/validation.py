"""What `ownwords validate` says to people."""

from __future__ import annotations

from typing import Any

from ownwords.report.lines import table, wrap
from ownwords.report.numbers import decimal, duration, percent
from ownwords.report.text import one_line

SHORT = 160
SKIPPED_SHOWN = 5


def as_text(facts: dict[str, Any]) -> str:
    """The facts of `validate`, section by section, warnings last: there they are seen."""
    sections = [
        _data(facts),
        *_overlap(facts),
        _lengths(facts),
        _training(facts),
        _rewriting(facts),
        *_evaluation(facts),
        _warnings(facts),
    ]
    return "\n\n".join("\n".join(section) for section in sections)


def _data(facts: dict[str, Any]) -> list[str]:
    data, targets, equal = facts["data"], facts["targets"], facts["duplicates"]
    first = data["train"]["first"]
    heldout = _sizes(data["heldout"]) if data["heldout"] else f"none: {data['heldout_missing']}"
    mix = ", ".join(f"{script} {percent(share)}" for script, share in targets["script_mix"].items())
    return [
        "Data",
        *wrap(f"train       {_sizes(data['train'])}", 2),
        *wrap(f"held out    {heldout}", 2),
        *_skipped(data["skipped"]),
        *wrap(f"duplicates  {equal['duplicates']:,} exact, {equal['different']:,} different examples", 2),
        *wrap(f"references  {targets['distinct']:,} different texts", 2),
        *wrap(f"script mix  {mix}", 2),
        *_chat(facts["chat"]),
        *wrap(f"first row   {first['origin']}", 2),
        *(_turn("tools", ", ".join(first["tools"])) if first["tools"] else []),
        *(line for message in first["messages"] for line in _turn(message["role"], message["content"])),
        *_turn("reference", first["reference"]),
    ]


def _chat(chat: dict[str, Any]) -> list[str]:
    """Only where there are tools or reasoning."""
    lines: list[str] = []
    if chat["tools"]:
        functions = len(chat["functions"])
        lines += wrap(
            f"tools       {chat['tools']:,} examples, {functions:,} functions; {chat['calls']:,} references call", 2
        )
    if chat["reasoning"] or chat["thinking"] != "keep":
        lines += wrap(f"reasoning   {chat['reasoning']:,} references have some (data.thinking={chat['thinking']})", 2)
    return lines


def _skipped(rows: list[dict[str, str]]) -> list[str]:
    if not rows:
        return []
    shown = [line for row in rows[:SKIPPED_SHOWN] for line in wrap(one_line(row["reason"], SHORT), 4)]
    return [*wrap(f"left out    {len(rows):,} rows that are wrong, such as", 2), *shown]


def _sizes(part: dict[str, int]) -> str:
    return f"{part['rows']:,} rows, {part['examples']:,} examples"


def _turn(label: str, text: str) -> list[str]:
    return wrap(f"{label}: {one_line(text, SHORT)}", 4)


def _overlap(facts: dict[str, Any]) -> list[list[str]]:
    if not facts["overlap"]:
        return []
    rows = [["benchmark", "items", "exact", "near"]]
    shown: list[str] = []
    for found in facts["overlap"]:
        exact, near = found["exact"], found["near"]
        rows.append([found["benchmark"], f"{found['items']:,}", f"{exact['items']:,}", f"{near['items']:,}"])
        for kind, part in (("exact", exact), ("near", near)):
            for repeat in part["shown"]:
                shown += wrap(
                    f"{found['benchmark']}, {kind} ({percent(repeat['share'])} of its runs of five words):", 2
                )
                shown += wrap(f"item:    {one_line(repeat['question'], SHORT)}", 4)
                shown += wrap(f"prompt:  {one_line(repeat['prompt'], SHORT)} ({repeat['origin']})", 4)
    return [["Test questions among the training prompts", *table(rows), *shown]]


def _lengths(facts: dict[str, Any]) -> list[str]:
    lengths = facts["lengths"]
    heads = [head if head == "max" else f"{100 * float(head):g} %" for head in lengths["prompt"]]
    rows = [["shares of the rows", *heads]]
    rows += [[name.replace("_", " "), *(f"{n:,}" for n in found.values())] for name, found in lengths.items()]
    return ["Tokens of a row at most", *table(rows)]


def _training(facts: dict[str, Any]) -> list[str]:
    training, probe = facts["training"], facts["training_probe"]
    if training["on_too_long"] == "error":
        fate = "tune.on_too_long=error: none may be"
    else:
        fate = (
            f"{training['dropped_rows']:,} dropped, {training['truncated_rows']:,} truncated by "
            f"{training['truncated_tokens']:,} tokens"
        )
    return [
        "Training on the references (vanilla)",
        *wrap(f"{training['rows']:,} rows, {training['supervised_tokens']:,} supervised tokens", 2),
        *wrap(f"longer than tune.max_length={training['max_length']}: {training['too_long']:,} rows ({fate})", 2),
        *wrap(_plan(training), 2),
        *([] if probe is None else _training_probe(probe)),
    ]


def _plan(training: dict[str, Any]) -> str:
    least, most = training["steps"]
    rows, accumulated = training["batch"]
    steps = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return (
        f"trainings of all arms and places of the sweep: {training['trainings']:,}, of {steps} optimizer steps with "
        f"batches of {rows:,} × {accumulated:,}; variants to evaluate: {training['variants']:,}"
    )


def _training_probe(probe: dict[str, Any]) -> list[str]:
    return [
        *wrap(
            f"two batches tried, the longest rows among them ({probe['longest']:,} tokens): "
            f"{probe['tokens_per_second']:,.0f} tokens/s; an arm takes about {duration(3600 * probe['hours_an_arm'])}, "
            "or less",
            2,
        ),
        *wrap(f"peak memory: {_memory(probe)}", 2),
    ]


def _memory(probe: dict[str, Any]) -> str:
    found = (probe["peak_resident_gib"], "in all processes"), (probe["peak_device_gib"], "on the device")
    return ", ".join(f"{decimal(gib, 2)} GiB {where}" for gib, where in found if gib is not None) or "not known here"


def _rewriting(facts: dict[str, Any]) -> list[str]:
    fit = facts["rewriting"]
    room = f"{fit['room']:,} tokens left" if fit["room"] >= 0 else f"{-fit['room']:,} tokens missing"
    engine = facts["engine"]
    lines = [
        "Rewriting",
        *wrap(f"engine {engine['name']} ({engine['reason']})", 2),
        *wrap(
            f"context of {fit['context']:,} tokens: the longest prompt has {fit['longest_prompt']:,}, an answer at "
            f"most {fit['max_tokens']:,}: {room}; {fit['cut']:,} rows could be cut by the context",
            2,
        ),
    ]
    probe = facts["probe"]
    return lines if probe is None else [*lines, *_probe(probe, facts["spending"])]


def _probe(probe: dict[str, Any], spending: dict[str, Any] | None) -> list[str]:
    engine = probe["engine"]
    return [
        *wrap(
            f"{probe['rows']:,} rows tried with {engine['kind']} ({engine['dtype']} on {engine['device']}): "
            f"{probe['rows_per_second']:,.2f} rows/s; {probe['prompt_tokens_per_second']:,.0f} tokens/s read and "
            f"{probe['tokens_per_second']:,.0f} tokens/s written; {duration(probe['startup_seconds'])} of starting up "
            "not counted",
            2,
        ),
        *wrap(f"all rows once: about {duration(3600 * probe['hours'])}, or less, in full batches", 2),
        *([] if spending is None else wrap(f"all rows once: {_spending(probe, spending)}", 2)),
        *wrap(f"peak memory: {_memory(probe)}", 2),
    ]


def _spending(probe: dict[str, Any], spending: dict[str, Any]) -> str:
    """Tokens, so that they can be priced, and the price if it is known."""
    if spending["tokens"] is None:
        return "the server does not say how many tokens it uses, so neither tokens nor cost can be told"
    tokens = (
        f"about {spending['tokens']:,} tokens ({probe['all_prompt_tokens']:,} read, "
        f"{probe['all_completion_tokens']:,} written)"
    )
    if spending["cost"] is None:
        return f"{tokens}; for the cost set runtime.openai.prompt_price and completion_price"
    return f"{tokens}, which cost {spending['cost']:,.2f}"


def _evaluation(facts: dict[str, Any]) -> list[list[str]]:
    evaluation = facts["evaluation"]
    if not evaluation["benchmarks"]:
        return []
    rows = [["benchmark", "requests an arm", "tokens read by each", "written at most", "all arms"]]
    for found in evaluation["benchmarks"]:
        hours = found["hours_at_most"]
        rows.append(
            [
                found["benchmark"],
                f"{found['requests']:,}",
                f"{found['read']:,.0f}",
                f"{found['written_at_most']:,.0f}",
                "not known" if hours is None else f"≤ {duration(3600 * hours)}",
            ]
        )
    about = (
        f"{evaluation['arms']} arms, the seed among them. Times follow from the speed of the rewriting trial, as if "
        "every answer were as long as it may be and every arm as fast as the seed; they are not known without a trial, "
        "or where another engine evaluates"
    )
    return [["Evaluation", *table(rows), *wrap(about, 2)]]


def _warnings(facts: dict[str, Any]) -> list[str]:
    if not facts["warnings"]:
        return ["Nothing looks wrong."]
    return ["Warnings", *(line for warning in facts["warnings"] for line in wrap(f"- {warning}", 2))]
