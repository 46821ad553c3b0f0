"""What a run has done and what it lacks, read from its files; another process may be working in it."""

from __future__ import annotations

from typing import Any

from ownwords import lineage
from ownwords.errors import InputError
from ownwords.fingerprint import changed_keys, describe_changes, flatten
from ownwords.journal import read_only
from ownwords.recipe import Recipe, load_recipe
from ownwords.report.text import one_line
from ownwords.run import Run, read_object
from ownwords.stages import evaluate, gap, interpolation, nearness, origins, products, replay, tune
from ownwords.stages.origins import ORIGINS, REWRITE
from ownwords.variants import SEED, trainings, variants


def expected_stages(recipe: Recipe, run: Run) -> list[str]:
    """Every stage of a whole run, in order; an optional benchmark only where it was begun."""
    needed, trained = origins.needed(recipe), trainings(recipe)
    asked = REWRITE if run.stage(REWRITE.stage) else None
    sources = [origin.stage for origin in ORIGINS if origin in needed or origin is asked]
    measured = [nearness.STAGE] if sources and recipe.rewrite.only is not None else []
    names = [*measured, *sources, products.STAGE, gap.STAGE]
    names += [replay.stage_name(arm) for arm in replay.replaying(training.arm for training in trained)]
    names += [tune.stage_name(training) for training in trained]
    names += [interpolation.stage_name(v) for v in variants(recipe) if interpolation.is_needed(v)]
    wanted = [benchmark.name for benchmark in recipe.evaluate.benchmarks if not benchmark.optional]
    optional = [benchmark.name for benchmark in recipe.evaluate.benchmarks if benchmark.optional]
    for label in (SEED, *(variant.label for variant in variants(recipe))):
        names += [evaluate.stage_name(name, label) for name in wanted]
        names += [name for name in (evaluate.stage_name(b, label) for b in optional) if run.stage(name)]
    return names


def status(recipe: Recipe) -> dict[str, Any]:
    """Stages with state, seconds and committed completions; outcomes by reason and tokens where rewriting is done.

    Raises:
        InputError: there is no run there.
    """
    run = Run(recipe.output_dir)
    if not run.exists:
        raise InputError(f"there is no run in {run.directory}: `ownwords run` makes one.")
    committed = read_only(run.journal_path)
    working = run.is_locked()
    stages: list[dict[str, Any]] = []
    for name in expected_stages(recipe, run):
        state = run.stage(name)
        lost = run.lost(name) if state.get("status") == "done" else []
        stages.append(
            {
                "stage": name,
                "status": "lost" if lost else _in_words(state.get("status", "missing"), working),
                "lost": lost,
                "seconds": state.get("seconds"),
                "startup_seconds": state.get("startup_seconds", 0.0),
                "completions": committed.get(replay.STAGE if name.startswith(f"{replay.STAGE}/") else name, 0),
            }
        )
    made = load_recipe(run.recipe_path, output_dir=recipe.output_dir) if run.recipe_path.is_file() else recipe
    summary = read_object(run.directory / "rewrite.json")
    return {
        "output_dir": str(run.directory),
        "stages": stages,
        "optional": _not_begun(recipe, run),
        "recipe_changes": changed_keys(flatten(made, ""), flatten(recipe, "")),
        "model_changed": lineage.moved_on(recipe.model, run.directory),
        "outcomes": summary.get("outcomes", []),
        "rewriting_tokens": summary.get("completion_tokens"),
    }


def _not_begun(recipe: Recipe, run: Run) -> list[str]:
    """The optional benchmarks that no variant has been asked: evaluation comes yet, or what they need is not here."""
    labels = (SEED, *(variant.label for variant in variants(recipe)))
    names = [benchmark.name for benchmark in recipe.evaluate.benchmarks if benchmark.optional]
    return [name for name in names if not any(run.stage(evaluate.stage_name(name, label)) for label in labels)]


def _in_words(status: str, working: bool) -> str:
    """A stage that was running when its process was killed could not say so."""
    return "interrupted" if status == "running" and not working else status


def as_text(facts: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"run in {facts['output_dir']}"]
    for stage in facts["stages"]:
        seconds = "" if stage["seconds"] is None else f"{stage['seconds']:.0f} s"
        completions = f"{stage['completions']:,} completions" if stage["completions"] else ""
        starting = f"{stage['startup_seconds']:.0f} s of starting up besides" if stage["startup_seconds"] >= 1 else ""
        counts = ", ".join(part for part in (completions, starting) if part)
        lines.append(f"  {stage['stage']:<34} {stage['status']:<11} {seconds:>8}  {counts}".rstrip())
    for outcome in facts["outcomes"]:
        lines.append(f"  {outcome['kind']:<9} {one_line(outcome['reason'], 60):<24} {outcome['count']:>7,}")
    if facts["optional"]:
        lines.append(f"optional, evaluated where what they need is here: {', '.join(facts['optional'])}")
    if facts["recipe_changes"]:
        lines.append("this recipe differs from the run's; `ownwords run` says what it would do again:")
        lines.append(describe_changes(facts["recipe_changes"]))
    if facts["model_changed"]:
        lines.append(f"{facts['model_changed'].rstrip('.')}; `ownwords run` says what it would do again")
    changed = facts["recipe_changes"] or facts["model_changed"]
    missing = sum(stage["status"] != "done" for stage in facts["stages"])
    failed = [stage["stage"] for stage in facts["stages"] if stage["status"] == "failed"]
    if failed:
        lines.append(f"failed: {', '.join(failed)}")
    lines += [f"lost: {made}, of {stage['stage']}" for stage in facts["stages"] for made in stage["lost"]]
    if missing == 0:
        lines.append("every stage of the run was done" if changed else "everything is done")
    else:
        lines.append(f"{missing} stages to do: run the same command to continue")
    return "\n".join(lines)
