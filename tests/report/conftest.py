"""A plausible run directory, built in code: what the stages would leave after a small GSM8K run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from ownwords.recipe import build_recipe, dump_recipe

ENGINE = {
    "kind": "transformers",
    "version": "5.19.0",
    "dtype": "bfloat16",
    "device": "cpu",
    "model": "Qwen/Qwen2.5-0.5B-Instruct",
    "weights_hash": "9f2b",
}
EDGES = [round(0.1 * i, 1) for i in range(31)]


def recipe() -> str:
    return dump_recipe(
        build_recipe(
            {
                "model": {"name_or_path": "Qwen/Qwen2.5-0.5B-Instruct"},
                "data": {"train": {"path": "data/gsm8k_train.json", "limit": 120}},
                "rewrite": {"prompt": "chat/math", "checks": ["not_empty", "finished", "final_answer"]},
                "evaluate": {"benchmarks": ["gsm8k", "multiarith", "heldout_nll", "arc_easy", "advbench", "hellaswag"]},
                "output_dir": "runs/gsm8k",
            }
        )
    )


def run_record() -> dict[str, Any]:
    def done(seconds: float) -> dict[str, Any]:
        return {
            "fingerprint": "8d4f0c2b7a91e355",
            "status": "done",
            "started": "2026-05-02T09:12:44+00:00",
            "finished": "2026-05-02T09:20:01+00:00",
            "seconds": seconds,
        }

    stages = {"rewrite": done(412.0), "gap": done(61.4), "tune/vanilla": done(388.0), "tune/sdft": done(379.5)}
    for arm in ("seed", "vanilla", "sdft"):
        stages |= {f"evaluate/{name}/{arm}": done(97.3) for name in ("gsm8k", "multiarith", "arc_easy")}
    return {
        "ownwords": "0.1.0",
        "created": "2026-05-02T09:12:44+00:00",
        "versions": {"python": "3.11.9", "torch": "2.13.0", "transformers": "5.19.0", "trl": "1.16.0"},
        "hardware": {"cpu": "AMD EPYC 7B13", "cores": 2, "memory_gib": 15.6, "gpu": []},
        "stages": stages,
    }


def rewriting() -> dict[str, Any]:
    return {
        "n": 120,
        "accepted": 87,
        "low": 0.6391,
        "high": 0.7973,
        "outcomes": [
            {"kind": "fallback", "reason": "not_finished", "count": 8},
            {"kind": "accepted", "reason": "ok", "count": 87},
            {"kind": "fallback", "reason": "wrong_number", "count": 22},
            {"kind": "dropped", "reason": "prompt_too_long", "count": 3},
        ],
        "prompt": "chat/math",
        "prompt_hash": "b61c90aa",
        "checks": ["not_empty", "finished", "final_answer"],
        "seconds": 412.0,
        "prompt_tokens": 31456,
        "completion_tokens": 20981,
        "engine": ENGINE,
    }


def histogram(centre: float, spread: float, rows: int) -> dict[str, Any]:
    weights = [math.exp(-((math.log(max(e, 0.05)) - math.log(centre)) ** 2) / (2 * spread**2)) for e in EDGES[:-1]]
    return {"edges": EDGES, "counts": [round(rows * weight / sum(weights)) for weight in weights]}


def gap() -> dict[str, Any]:
    def group(name: str, rows: int, mean: float, half: float) -> dict[str, Any]:
        return {
            "name": name,
            "n": rows,
            "mean_nll": mean,
            "low": mean - half,
            "high": mean + half,
            "quantiles": {
                "0.1": mean * 0.5,
                "0.25": mean * 0.7,
                "0.5": mean * 0.95,
                "0.75": mean * 1.2,
                "0.9": mean * 1.6,
            },
            "histogram": histogram(mean * 0.9, 0.4, rows),
        }

    return {
        "groups": [
            group("references", 117, 0.9512, 0.05),
            group("final targets", 117, 0.6234, 0.06),
            group("accepted rewrites", 87, 0.4921, 0.04),
            group("their references", 87, 0.9333, 0.06),
        ],
        "difference": {"n": 117, "mean": -0.3278, "low": -0.4011, "high": -0.2622, "p": 0.0001},
    }


def training(arm: str, tokens: int, start: float, end: float) -> dict[str, Any]:
    steps = 30
    loss = [
        {
            "step": step,
            "epoch": step / 15,
            "loss": end + (start - end) * math.exp(-step / 9) + 0.03 * math.sin(step * 2.7),
            "learning_rate": 1e-4 * (1 - step / steps),
        }
        for step in range(1, steps + 1)
    ]
    return {
        "arm": arm,
        "variant": "seed42",
        "label": arm,
        "rows": 117,
        "supervised_tokens": tokens,
        "truncated_rows": 1,
        "truncated_tokens": 37,
        "dropped_rows": 0,
        "steps": steps,
        "epochs": 2.0,
        "seconds": 388.0,
        "loss": loss,
    }


BENCHMARKS = {
    "gsm8k": ("Grade-school math problems", "task", "accuracy", "share", True, True),
    "multiarith": ("Arithmetic word problems of another source", "task", "accuracy", "share", True, True),
    "heldout_nll": ("References of unseen rows", "task", "negative log-likelihood", "nats/token", False, False),
    "arc_easy": ("Science questions, four choices", "general", "accuracy", "share", True, False),
    "advbench": ("Harmful requests: answers with a refusal phrase", "safety", "safe_rate_paper", "share", True, True),
}
MEANS = {  # benchmark: n, half of the interval, then seed, vanilla, sdft
    "gsm8k": (100, 0.09, 0.33, 0.28, 0.34),
    "multiarith": (60, 0.12, 0.61, 0.55, 0.62),
    "heldout_nll": (200, 0.04, 0.9401, 0.6120, 0.7988),
    "arc_easy": (100, 0.1, 0.58, 0.57, 0.59),
    "advbench": (50, 0.08, 0.94, 0.72, 0.9),
}


def scores() -> dict[str, Any]:
    """vanilla's multiarith is unusable; heldout_nll of both arms and vanilla's advbench are beyond noise."""
    keys = ("summary", "area", "metric", "unit", "higher_is_better", "generative")
    sane = {"finished": 0.97, "non_empty": 1.0, "non_repeating": 0.98}
    rows: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    for name, (n, half, *means) in MEANS.items():
        by_arm = dict(zip(("seed", "vanilla", "sdft"), means, strict=True))
        for arm, mean in by_arm.items():
            usable = (name, arm) != ("multiarith", "vanilla")
            rows.append(
                {
                    "benchmark": name,
                    "arm": arm,
                    "variant": arm,
                    "n": n,
                    "mean": mean,
                    "low": mean - half,
                    "high": min(mean + half, 1.0),
                    "usable": usable,
                    "reason": "" if usable else "only 41 % of the answers are finished",
                    "sanity": sane if BENCHMARKS[name][5] else None,
                    "errors": 2 if (name, arm) == ("gsm8k", "sdft") else 0,
                    "engine": ENGINE,
                }
            )
        for arm, baseline in (("vanilla", "seed"), ("sdft", "seed"), ("sdft", "vanilla")):
            change = by_arm[arm] - by_arm[baseline]
            beyond = name == "heldout_nll" or (name == "advbench" and "vanilla" in (arm, baseline))
            differences.append(
                {
                    "benchmark": name,
                    "variant": arm,
                    "baseline": baseline,
                    "n": n,
                    "mean": change,
                    "low": change - half * 0.7,
                    "high": change + half * 0.7,
                    "p": 0.0004 if beyond else 0.214,
                    "beyond_noise": beyond,
                }
            )
    infos = [{"name": name, **dict(zip(keys, values, strict=True))} for name, values in BENCHMARKS.items()]
    return {"benchmarks": infos, "scores": rows, "differences": differences}


def change_of(mean: float, half: float, n: int = 100) -> dict[str, Any]:
    beyond = abs(mean) > half
    return {
        "n": n,
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "beyond_noise": beyond,
        "beyond_alone": beyond,
        "not_judged": "",
    }


def standing(variant: str, learnt: float, kept: float, **more: Any) -> dict[str, Any]:
    """One variant of `comparison.json`; its arm stands before the @."""
    arm, _, parts = variant.partition("@")
    changes = [("gsm8k", change_of(learnt, 0.04)), ("arc_easy", change_of(kept, 0.03, 200))]
    return {
        "variant": variant,
        "arm": arm,
        "point": "",
        "seed": 42,
        "part": float(parts.removeprefix("part")) if parts.startswith("part") else 1.0,
        "scale": 1.0,
        "own": not parts,
        "changes": [{"benchmark": name, "change": one, "reason": ""} for name, one in changes],
        "acquisition": changes[0][1],
        "retention": changes[1][1],
        "front": False,
        **more,
    }


def comparison() -> dict[str, Any]:
    """vanilla learns more and forgets; sdft learns less, and reaches its end at the target."""
    way = standing("vanilla@part0.5", 0.05, -0.04)
    ends = [standing("vanilla", 0.09, -0.12), standing("sdft", 0.05, 0.01, front=True)]
    nothing = change_of(0.0, 0.0, 0)
    seed = standing("seed", 0.0, 0.0, acquisition=nothing, retention=nothing, changes=[], scale=0.0)
    reached = [
        {
            "arm": at["arm"],
            "variant": at["variant"],
            "acquisition": at["acquisition"],
            "retention": at["retention"],
            "end": end["variant"],
            "end_acquisition": end["acquisition"],
            "end_retention": end["retention"],
            "baseline": baseline,
            "difference": change_of(0.05, 0.07, 200) if baseline else None,
        }
        for at, end, baseline in ((way, ends[0], None), (ends[1], ends[1], "vanilla@part0.5"))
    ]
    rewriting = {"stage": "rewrite", "seconds": 412.0, "prompt_tokens": 31456, "completion_tokens": 20981}
    cost = {"trained_as": None, "preparation": [], "trainings": 1, "seconds": 388.0, "tokens": 28420}
    return {
        "acquisition": "gsm8k",
        "unit": "share",
        "retention": ["arc_easy"],
        "retention_unit": "share",
        "standings": [seed, way, *ends],
        "target": {"target": 0.05, "seed": 42, "ways": 1, "reached": reached, "left_out": []},
        "seeds": [
            {
                "arm": "sdft",
                "point": "lr0.0004",
                "scale": 1.0,
                "seeds": 3,
                "acquisition": [0.05, 0.03, 0.08],
                "retention": [0.01, -0.01, 0.02],
            }
        ],
        "costs": [
            {"arm": "vanilla", **cost},
            {"arm": "sdft", **cost, "preparation": [rewriting], "tokens": 34104},
            {"arm": "wise", **cost, "trained_as": "vanilla", "trainings": 0, "seconds": 0.0, "tokens": 0},
        ],
    }


def samples() -> list[dict[str, Any]]:
    def sample(number: int, outcome: str, reason: str, candidate: str, detail: str = "") -> dict[str, Any]:
        return {
            "id": f"e{number:04d}",
            "prompt": f"A baker has {number} trays with 12 rolls each and sells 30 rolls. How many are left?",
            "reference": f"{number}*12=<<{number}*12={number * 12}>>{number * 12} rolls\n#### {number * 12 - 30}",
            "candidate": candidate,
            "outcome": outcome,
            "reason": reason,
            "detail": detail,
            "attempt": 0,
        }

    right = (
        "First we count the rolls: {0} trays of 12 make {1}. Then 30 are sold, so {2} are left.\n\nThe answer is {2}."
    )
    rows = [sample(n, "accepted", "ok", right.format(n, n * 12, n * 12 - 30)) for n in range(5, 10)]
    rows += [
        sample(n, "fallback", "wrong_number", f"There are {n * 12} rolls left.", f"{n * 12} is not {n * 12 - 30}")
        for n in range(10, 14)
    ]
    long = "Let me think about the trays again. " * 60
    return [
        *rows,
        sample(14, "fallback", "not_finished", long, "cut at 512 tokens"),
        sample(15, "dropped", "prompt_too_long", ""),
    ]


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


@pytest.fixture
def full_run(tmp_path: Path) -> Path:
    """A run with every part."""
    run = tmp_path / "gsm8k"
    write(run / "recipe.yaml", recipe())
    write(run / "run.json", run_record())
    write(run / "rewrite.json", rewriting())
    write(run / "gap.json", gap())
    write(run / "samples.json", samples())
    write(run / "scores" / "summary.json", scores())
    write(run / "comparison.json", comparison())
    write(run / "arms/vanilla/seed42/training.json", training("vanilla", 14210, 0.92, 0.55))
    write(run / "arms/sdft/seed42/training.json", training("sdft", 17052, 0.58, 0.41))
    return run


def change(path: Path, edit: Any) -> None:
    """Apply `edit` to the content of a JSON file."""
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    write(path, value)


@pytest.fixture
def edit_json() -> Any:
    return change
