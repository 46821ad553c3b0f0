"""Sentences computed from the numbers of a run. They are honest where the method did not do what it is for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from ownwords.report.board import Scoreboard, beyond_alone, beyond_noise, compared
from ownwords.report.data import Gap, PairedDifference, ReportData, Training
from ownwords.report.numbers import count, decimal, duration, interval_in, items, known, p_value, percent
from ownwords.report.rewritten import ArmTargets, CandidateSource, LeftAlone, Rewriting
from ownwords.report.text import one_line

#: Reasons of rows that no source was asked about.
UNASKED = ("earlier_turn", "near_the_seed", "not_asked")
BEFORE, AFTER = "references", "final targets"
MOST_NAMED = 6


def gap_direction(difference: PairedDifference | None) -> str:
    """`narrowed` or `widened` where the 95 % interval excludes zero and the test agrees, as for scores.

    Otherwise `unchanged`, and `unknown` where there is no interval.
    """
    if difference is None or difference.low is None or difference.high is None:
        return "unknown"
    if difference.p is not None and difference.p >= 0.05:
        return "unchanged"
    if difference.high < 0:
        return "narrowed"
    return "widened" if difference.low > 0 else "unchanged"


def gap_sentence(gap: Gap) -> str:
    """What the gap shows, in plain words."""
    before, after, difference = gap.group(BEFORE), gap.group(AFTER), gap.difference
    if before is not None and after is None:
        return (
            f"The references lie {decimal(before.mean_nll)} nats per token from the seed model (n = "
            f"{count(before.n)}). No rewrites were asked for, so there is nothing to compare them with."
        )
    if before is None or after is None or difference is None:
        return "The gap of references and of final targets has not both been measured, so nothing can be said about it."
    numbers = (
        f"{decimal(before.mean_nll)} nats per token for the references, {decimal(after.mean_nll)} for the final "
        f"targets; paired difference {decimal(difference.mean, sign=True)}, 95 % interval "
        f"{interval_in('', difference.low, difference.high)}, n = {count(difference.n)}"
    )
    match gap_direction(difference):
        case "narrowed":
            return (
                f"Rewriting narrowed the gap: the final targets lie closer to the seed model's own words ({numbers}). "
                "This is the paper's reason why training on them should forget less; whether it did, the scores say."
            )
        case "widened":
            return (
                f"Rewriting widened the gap: the final targets lie further from the seed model's own words than the "
                f"references did ({numbers}). This is the opposite of what the method is for, and the paper's reason "
                "to expect less forgetting does not apply to this run."
            )
        case "unchanged":
            return (
                f"Rewriting did not change the gap beyond noise ({numbers}). Whether the paper's reason to expect less "
                "forgetting applies to this run cannot be told from these examples."
            )
        case _:
            return f"Too few examples to say whether rewriting changed the gap ({numbers})."


def acceptance_sentence(rewriting: Rewriting) -> str:
    """How many rewrites passed, and what that leaves of the method."""
    if rewriting.n == 0:
        return "No example was rewritten."
    if not rewriting.asked:
        return "No rewrites were asked for: no arm of this recipe takes any."
    share = rewriting.accepted / rewriting.n
    text = (
        f"{count(rewriting.accepted)} of {count(rewriting.n)} examples ({percent(share)}, 95 % interval "
        f"{interval_in('share', rewriting.low, rewriting.high)}) have a rewrite that passed every check."
    )
    dropped, unasked = total(rewriting, "dropped"), sum(o.count for o in rewriting.outcomes if o.reason in UNASKED)
    failed = total(rewriting, "fallback") - unasked
    if failed:
        text += f" {count(failed)} have none that passed: an arm that takes rewrites keeps their reference."
    if unasked:
        text += f" {count(unasked)} keep their reference because they were not asked about."
    if dropped:
        text += f" {count(dropped)} are left out of training."
    if failed + dropped > rewriting.accepted:
        text += " Most rewrites failed: what such an arm is trained on is mostly not the model's own words."
    return text


def no_own_words(rewriting: Rewriting) -> str:
    """The arms that take more than references and found nothing else, so that they train on vanilla's targets."""
    names = [arm.arm for arm in rewriting.arms if arm.sources != ("reference",) and set(arm.targets) == {"reference"}]
    if not names:
        return ""
    verb = "has" if len(names) == 1 else "have"
    return f"{', '.join(names)} {verb} references alone to train on: the same targets as vanilla."


def left_alone_sentence(only: LeftAlone) -> str:
    """How many rows were near the seed already, and what leaving them alone saved."""
    share = percent(only.near / only.rows) if only.rows else "none"
    text = (
        f"{count(only.near)} of {count(only.rows)} references ({share}) lie no more than {only.gap_above:g} nats per "
        "token from the seed model and were kept without asking for anything else (rewrite.only)."
    )
    if only.near:
        text += (
            f" That saved about {count(only.completion_tokens_saved)} tokens and {duration(only.seconds_saved)}, had "
            "they needed as many tokens a row, at as many a second, as the rows that were asked about."
        )
    if only.measuring_seconds is not None:
        text += f" Telling which they are took {duration(only.measuring_seconds)}."
    return text


def source_sentence(source: CandidateSource) -> str:
    """How a source of candidates did."""
    name = {"own": "Own answers", "rewrite": "Rewrites", "other": "Rewrites by rewrite.model"}[source.source]
    share = source.accepted / source.n if source.n else None
    cost = f"; {count(source.completion_tokens)} tokens in all attempts, {duration(source.seconds)}"
    return (
        f"{name}: {count(source.asked)} examples asked about, {count(source.accepted)} with one that passed "
        f"({percent(share)} of all, 95 % interval {interval_in('share', source.low, source.high)}){cost}."
    )


def why_references(arm: ArmTargets) -> str:
    """The three commonest reasons for which an arm kept references."""
    if arm.sources == ("reference",):
        return "what the arm takes"
    reasons = arm.why_references
    more = f", {len(reasons) - 3} more reasons" if len(reasons) > 3 else ""
    return ", ".join(f"{one_line(o.reason, 40)} {count(o.count)}" for o in reasons[:3]) + more


def total(rewriting: Rewriting, kind: str) -> int:
    return sum(outcome.count for outcome in rewriting.outcomes if outcome.kind == kind)


def scores_sentence(board: Scoreboard) -> str:
    """What the table shows beyond noise, and how much of that chance alone would give."""
    judged, found = compared(board), beyond_noise(board)
    if board.comparisons and judged:
        text = _corrected_sentence(judged, len(found), beyond_alone(board), board.comparisons)
        return f"{text} {_too_few_sentence(board)}".rstrip()
    if not judged:
        return f"There is no difference between arms to judge{' yet' if board.pending else ''}."
    if not found:
        verdict = "the one difference is" if judged == 1 else f"all {judged} differences between arms are"
        return f"Nothing here is beyond noise: {verdict} within what chance gives at this number of test items."
    chance = f" At the 95 % level about {judged / 20:.1f} of them would look real by chance even if no arm differed."
    verb = "is" if len(found) == 1 else "are"
    return f"{len(found)} of {judged} differences between arms {verb} beyond noise, the others within it.{chance}"


def _corrected_sentence(judged: int, found: int, alone: int, comparisons: int) -> str:
    correction = f"after Holm's correction for all {count(comparisons)} comparisons of this run"
    if not found:
        text = f"Nothing here is beyond noise {correction}"
    else:
        text = f"{found} of {judged} differences between arms {'is' if found == 1 else 'are'} beyond noise {correction}"
    if alone:
        text += f"; {alone} more {'is' if alone == 1 else 'are'} by {'itself' if alone == 1 else 'themselves'} only"
        text += ", which chance gives in about one of twenty"
    return text + "."


def _too_few_sentence(board: Scoreboard) -> str:
    """Benchmarks on which nothing could have stood out, whatever the arms did."""
    if not board.too_few:
        return ""
    named = ", ".join(board.too_few[:MOST_NAMED]) + (", …" if len(board.too_few) > MOST_NAMED else "")
    return (
        f"With so few test items and {count(board.comparisons)} comparisons no difference could stand out on {named}: "
        "evaluate more items, or fewer variants and benchmarks."
    )


def repeated_sentences(board: Scoreboard) -> list[str]:
    """One for each benchmark whose questions are, in part, training prompts."""
    return [
        f"{count(row.repeated)} of the questions of {row.benchmark.name} ({count(row.n)} scored) are training prompts: "
        "on them its score measures memory."
        for row in board.rows
        if row.repeated and row.benchmark.of is None
    ]


def training_sentence(trainings: Iterable[Training]) -> str:
    """How unlike the arms' token counts are, and what the loss curves do not say."""
    by_label = {training.label: training for training in trainings}
    vanilla, sdft = by_label.get("vanilla"), by_label.get("sdft")
    if vanilla is None or sdft is None or not vanilla.supervised_tokens:
        return ""
    change = sdft.supervised_tokens / vanilla.supervised_tokens - 1
    amount = (
        "as many supervised tokens as"
        if abs(change) < 0.005
        else f"{percent(abs(change))} {'more' if change > 0 else 'fewer'} supervised tokens than"
    )
    return (
        f"sdft trains on {amount} vanilla. A lower training loss of sdft only says that its targets were easier for "
        "the model from the start; it is no measure of quality."
    )


def absent(data: ReportData, stage: str) -> str:
    """Why a part of the report is empty."""
    statuses = {s.status for s in data.stages(stage).values()}
    if "failed" in statuses:
        return f"Not done yet: {stage} failed. Run the same command again to continue."
    if statuses & {"running", "interrupted"}:
        return f"Not done yet: {stage} was started and has not finished."
    return "Not done yet."


def unfinished(data: ReportData, stage: str) -> str:
    """A note where a part exists but its stage was started again, or has parts that are missing; else nothing."""
    open_stages = [name for name, s in data.stages(stage).items() if s.status != "done"]
    if not open_stages:
        return ""
    more = len(open_stages) - MOST_NAMED
    names = ", ".join(open_stages[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"Not finished: {names}. What is shown is what earlier, finished work left."


def engine_names(engine: dict[str, Any] | None) -> list[str]:
    """`transformers 5.19.0, bfloat16 on cpu`; several where the stage used several."""
    if not engine:
        return []
    several = cast("list[dict[str, Any]] | None", engine.get("engines"))
    if several is not None:
        return sorted({name for one in several for name in engine_names(one)})
    kind = " ".join(str(engine[key]) for key in ("kind", "version") if engine.get(key))
    place = " on ".join(str(engine[key]) for key in ("dtype", "device") if engine.get(key))
    return [", ".join(part for part in (kind, place) if part)]


def engine_notes(data: ReportData) -> list[str]:
    """Warnings where numbers of several engines meet: they are not comparable."""
    notes: list[str] = []
    by_benchmark: dict[str, set[str]] = {}
    for score in data.scores.scores if data.scores else ():
        by_benchmark.setdefault(score.benchmark, set()).update(engine_names(score.engine))
    for benchmark, engines in by_benchmark.items():
        if len(engines) > 1:
            names = " and ".join(sorted(engines))
            notes.append(f"The scores of {benchmark} come from different engines ({names}) and are not comparable.")
    scored = {name for names in by_benchmark.values() for name in names}
    others = [name for name in engine_names(data.rewriting.engine if data.rewriting else None) if name not in scored]
    if scored and others:
        made, judged = " and ".join(others), " and ".join(sorted(scored))
        notes.append(f"Rewrites were made by another engine ({made}) than the scores ({judged}).")
    return notes


def judge_notes(data: ReportData) -> list[str]:
    """Warnings where a score is the seed's own opinion."""
    scores = data.scores.scores if data.scores else ()
    names = list(dict.fromkeys(s.benchmark for s in scores if s.judge is not None and s.judge.is_seed))
    if not names:
        return []
    return [
        f"{' and '.join(names)}: judged by the seed model itself, which is weak evidence. A model likes answers "
        "that are like its own. Take another, stronger one (evaluate.judge.model)."
    ]


def judges_line(data: ReportData) -> str:
    """`Judged by gpt-4.1-mini: alpaca_eval.`; nothing where no score is an opinion."""
    found: dict[str, list[str]] = {}
    for score in data.scores.scores if data.scores else ():
        if score.judge is not None and score.benchmark not in found.setdefault(score.judge.model, []):
            found[score.judge.model].append(score.benchmark)
    return " ".join(f"Judged by {one_line(model, 60)}: {', '.join(names)}." for model, names in found.items())


def gap_line(gap: Gap) -> str:
    """`0.951 → 0.623 nats/token, −0.328 [−0.401, −0.262], n = 117, p < 0.001, narrowed`, or that nothing changed."""
    before, after, difference = gap.group(BEFORE), gap.group(AFTER), gap.difference
    start = decimal(before.mean_nll) if before else "–"
    end = decimal(after.mean_nll) if after else "–"
    if difference is None or not known(difference.mean):
        return f"{start} → {end} nats/token"
    change = f"{decimal(difference.mean, sign=True)} {interval_in('', difference.low, difference.high)}"
    change += f", {items(difference.n)}"
    p, direction = p_value(difference.p), gap_direction(difference)
    said = {"unchanged": "no change beyond noise", "unknown": "too few examples to say"}.get(direction, direction)
    return f"{start} → {end} nats/token, {change}{', ' + p if p else ''}, {said}"


def unusable_note(board: Scoreboard) -> str:
    """How many scores of the table cannot be used."""
    cells = [cell for row in board.rows for cell in (*row.cells, *row.other_cells) if cell.state != "missing"]
    unusable = sum(cell.state == "unusable" for cell in cells)
    return f"{len(cells)} scores, {f'{unusable} unusable' if unusable else 'all usable'}"
