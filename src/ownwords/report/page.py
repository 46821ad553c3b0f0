"""One self-contained HTML page of a run.

Everything that comes from data or models is escaped by jinja2 (autoescape) after control characters were made visible.
The page loads nothing: styles are inline, charts are inline SVG, and its content security policy forbids the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ownwords.recipe import LoraSection, Recipe
from ownwords.report import chain, numbers, words
from ownwords.report.charts import Bar, Distribution, Line, bar_chart, histogram_chart, line_chart
from ownwords.report.data import Gap, ReportData, Sample, Stage, Training, verb_of
from ownwords.report.movement import build_movement
from ownwords.report.paper import beside_the_paper, in_words
from ownwords.report.rewritten import Rewriting
from ownwords.report.scoreboard import arm_color, build_scoreboard
from ownwords.report.text import excerpt, visible
from ownwords.report.tradeoff import build_tradeoff
from ownwords.variants import trainings

TEMPLATES = Path(__file__).parent / "templates"
OUTCOME_COLORS = {"accepted": 2, "fallback": 1, "dropped": 0}
SHOWN_ACCEPTED, SHOWN_PER_REASON = 3, 2
MOST_CURVES = 10
#: Stages that every run has, as verbs; what others a run has joins them.
VERBS = ("rewrite", "gap", "tune", "evaluate")


@dataclass(frozen=True, slots=True)
class SampleGroup:
    """Samples that ended alike: the first ones are shown, the rest can be opened."""

    outcome: str
    reason: str
    first: tuple[Sample, ...]
    rest: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class StageTime:
    """A verb's stages together, and each of them."""

    name: str
    status: str
    seconds: float
    startup_seconds: float
    parts: tuple[tuple[str, Stage], ...]


def render_page(data: ReportData) -> str:
    """The page as HTML text."""
    scores = data.scores if data.scores and data.scores.scores else None
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            data=data,
            board=build_scoreboard(scores, data.recipe, data.failed, data.begun) if scores else None,
            beside=beside_the_paper(scores, data.recipe) if scores else None,
            tradeoff=build_tradeoff(data.comparison) if data.comparison else None,
            movement=build_movement(data.shift, data.recipe) if data.shift else None,
            facts=_facts(data),
            engine_notes=[*words.engine_notes(data), *words.judge_notes(data)],
            gap_chart=_gap_chart(data.gap) if data.gap else None,
            outcome_chart=_outcome_chart(data.rewriting) if data.rewriting else None,
            loss_chart=_loss_chart(data.trainings),
            untrained=_untrained(data),
            sample_groups=_sample_groups(data.samples or ()),
            times=_times(data),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "count": numbers.count,
        "decimal": numbers.decimal,
        "percent": numbers.percent,
        "duration": numbers.duration,
        "p_value": numbers.p_value,
        "excerpt": excerpt,
    }
    names: dict[str, Any] = {
        "interval_in": numbers.interval_in,
        "words": words,
        "chain": chain,
        "setting_in_words": in_words,
    }
    environment.filters.update(filters)
    environment.globals.update(names)
    return environment


def _shown(value: Any) -> Any:
    """What jinja2 writes for a value, before it escapes it."""
    if value is None:
        return numbers.MISSING
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _gap_chart(gap: Gap) -> Markup:
    groups = [(gap.group(name), color) for name, color in ((words.BEFORE, 1), (words.AFTER, 2))]
    return histogram_chart(
        [Distribution(g.name, g.histogram, g.mean_nll, color) for g, color in groups if g and g.histogram],
        "negative log-likelihood under the seed model, nats per token",
    )


def _outcome_chart(rewriting: Rewriting) -> Markup:
    """Accepted first, then fallbacks and drops, the commonest reason first."""
    order = list(OUTCOME_COLORS)
    outcomes = sorted(rewriting.outcomes, key=lambda o: (order.index(o.kind), -o.count, o.reason))
    bars = [
        Bar(o.kind if o.kind == "accepted" else f"{o.kind}: {o.reason}", o.count, OUTCOME_COLORS[o.kind])
        for o in outcomes
    ]
    return bar_chart(bars, rewriting.n)


def _loss_chart(found: Iterable[Training]) -> Markup:
    """Every training's curve; where they are too many to tell apart, those at the recipe's own point."""
    shown = list(found)
    arms = [training.arm for training in shown]
    if len(shown) > MOST_CURVES:
        shown = [training for training in shown if training.label == training.arm] or shown[:MOST_CURVES]
    by_epoch = all(point.epoch is not None for training in shown for point in training.loss)
    lines = [
        Line(
            training.label,
            tuple(
                (point.epoch if by_epoch and point.epoch is not None else float(point.step), point.loss)
                for point in training.loss
                if point.loss is not None
            ),
            arm_color(training.arm, arms),
        )
        for training in shown
    ]
    return line_chart(lines, "epoch" if by_epoch else "step", "training loss, nats per token")


def _untrained(data: ReportData) -> list[str]:
    """Trainings of the recipe that are not there yet, by label."""
    trained = {(training.arm, training.variant) for training in data.trainings}
    wanted = [] if data.recipe is None else trainings(data.recipe)
    return [training.label for training in wanted if (training.arm.name, training.folder) not in trained]


def _sample_groups(samples: Iterable[Sample]) -> list[SampleGroup]:
    """Accepted rewrites first, then what failed, by outcome and reason."""
    groups: dict[tuple[str, str], list[Sample]] = {}
    order = list(OUTCOME_COLORS)
    for sample in sorted(samples, key=lambda s: order.index(s.outcome)):
        reason = "" if sample.outcome == "accepted" else sample.reason
        groups.setdefault((sample.outcome, reason), []).append(sample)
    result: list[SampleGroup] = []
    for (outcome, reason), rows in groups.items():
        shown = SHOWN_ACCEPTED if outcome == "accepted" else SHOWN_PER_REASON
        result.append(SampleGroup(outcome, reason, tuple(rows[:shown]), tuple(rows[shown:])))
    return result


def _times(data: ReportData) -> list[StageTime]:
    result: list[StageTime] = []
    known = () if data.run is None else data.run.stages
    others = [name for name in dict.fromkeys(map(verb_of, known)) if name not in VERBS]
    for verb in (*VERBS, *others):
        stages = data.stages(verb)
        statuses = {stage.status for stage in stages.values()}
        unfinished = [status for status in ("failed", "interrupted", "running") if status in statuses]
        status = unfinished[0] if unfinished else "done" if stages else "not done yet"
        seconds = sum(stage.seconds or 0.0 for stage in stages.values())
        startup = sum(stage.startup_seconds for stage in stages.values())
        shown = "not finished" if status == "running" else status
        result.append(StageTime(verb, shown, seconds, startup, tuple(stages.items())))
    return result


def _facts(data: ReportData) -> list[tuple[str, str]]:
    """What was run, as pairs of a name and a value."""
    facts = _recipe_facts(data.recipe) if data.recipe else [("recipe", "not written yet")]
    if data.rewriting:
        facts.append(("rewrites made by", "; ".join(words.engine_names(data.rewriting.engine)) or "not recorded"))
        facts.append(("prompt hash", data.rewriting.prompt_hash or numbers.MISSING))
        tokens = (numbers.count(data.rewriting.prompt_tokens), numbers.count(data.rewriting.completion_tokens))
        facts.append(("rewriting tokens", f"{tokens[0]} read, {tokens[1]} written"))
    if data.scores:
        engines = sorted({name for score in data.scores.scores for name in words.engine_names(score.engine)})
        facts.append(("scores from", "; ".join(engines) or numbers.MISSING))
    if data.run:
        if data.run.sandbox:
            unsafe = "nothing: it ran without a sandbox (--allow-unsafe-code)"
            facts.append(("model's code contained by", unsafe if data.run.sandbox == "none" else data.run.sandbox))
        if data.run.engine:
            facts.append(("engine", f"{data.run.engine.name} ({data.run.engine.reason})"))
        facts.append(
            ("hardware", "; ".join(f"{k.replace('_', ' ')}: {_plain(v)}" for k, v in data.run.hardware.items()))
        )
        facts.append(("versions", ", ".join(f"{k} {_plain(v)}" for k, v in data.run.versions.items())))
        facts.append(("created", f"{data.run.created} by ownwords {data.run.ownwords}"))
    facts.append(("run directory", str(data.run_dir)))
    return facts


def _recipe_facts(recipe: Recipe) -> list[tuple[str, str]]:
    train, tune, sampling = recipe.data.train, recipe.tune, recipe.rewrite.sampling
    revision = f" at {recipe.model.revision}" if recipe.model.revision else ""
    source = train.path if train.path else f"generated: {train.generator}, seed {train.seed}"
    limit = f", first {numbers.count(train.limit)} rows" if train.path and train.limit else ""
    params = "".join(f", {key} = {value}" for key, value in train.generator_params.items())
    checks = [f"{c.name} {_plain(c.params)}" if c.params else c.name for c in recipe.rewrite.checks]
    return [
        ("seed model", recipe.model.name_or_path + revision),
        ("training data", f"{source}{params}{limit}"),
        ("rewriting prompt", recipe.rewrite.prompt),
        ("checks", ", ".join(checks) or "none"),
        ("on failure", recipe.rewrite.on_failure),
        (
            "rewriting sampling",
            f"temperature {sampling.temperature}, top_p {sampling.top_p}, top_k {sampling.top_k}, "
            f"at most {sampling.max_tokens} tokens",
        ),
        ("arms", ", ".join(tune.arm_names)),
        (
            "training",
            f"{tune.num_train_epochs:g} epochs, learning rate {tune.learning_rate:g} ({tune.lr_scheduler_type}), "
            f"batch {tune.per_device_train_batch_size} × {tune.gradient_accumulation_steps}, at most "
            f"{tune.max_length} tokens",
        ),
        ("weights", _weights(tune.lora)),
        ("seed", str(recipe.seed)),
    ]


def _weights(lora: LoraSection | None) -> str:
    if lora is None:
        return "every parameter"
    kind = ("rs" if lora.use_rslora else "") + ("DoRA" if lora.use_dora else "LoRA")
    targets = [lora.target_modules] if isinstance(lora.target_modules, str) else lora.target_modules
    return f"{kind} r = {lora.r}, alpha = {lora.alpha}, dropout {lora.dropout:g} on {', '.join(targets)}"


def _plain(value: Any) -> str:
    """A JSON value as words."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return ", ".join(_plain(inner) for inner in value) or "none"  # pyright: ignore[reportUnknownVariableType]
    return "none" if value is None else str(value)
