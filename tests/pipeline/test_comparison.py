"""What the comparison says follows from the score files alone, computed here in another way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.errors import RecipeError
from ownwords.recipe import Recipe, build_recipe
from ownwords.report.compared import Change, Standing
from ownwords.run import write_json
from ownwords.stages import comparison, costs, scores, summarise
from ownwords.stages.comparison import roles
from ownwords.stages.context import Context
from ownwords.stages.exams import stage_name
from ownwords.stats import smallest_p

ITEMS = 200
Write = Callable[..., dict[str, Any]]


def recipe(folder: Path, evaluate: Mapping[str, Any] | None = None, **tune_section: Any) -> Recipe:
    return build_recipe(
        {
            "model": {"name_or_path": "m"},
            "data": {"train": {"path": "d"}},
            "tune": {"checkpoints": 1, **tune_section},
            "evaluate": {
                "benchmarks": ["gsm8k", "heldout_nll", "arc_easy", "hellaswag", "advbench"],
                **(evaluate or {}),
            },
            "output_dir": str(folder / "run"),
        }
    )


def put(context: Context, benchmark: str, label: str, values: Sequence[float], *, usable: bool = True) -> None:
    table, facts = scores.files(context, benchmark, label)
    table.parent.mkdir(parents=True, exist_ok=True)
    rows = {"item_id": [f"i{number}" for number in range(len(values))], "score": [float(value) for value in values]}
    pq.write_table(pa.table(rows), table)
    write_json(facts, {"engine": {"kind": "x"}, "sanity": None, "usable": usable, "reason": "" if usable else "noise"})


def every_stage(context: Context) -> set[str]:
    names = [benchmark.name for benchmark in context.recipe.evaluate.benchmarks]
    return {stage_name(name, label) for name in names for label in ("seed", *context.variants)}


def share(right: int) -> list[float]:
    """So many of the items right, always the first ones: pairs then differ in as few items as they can."""
    return [1.0] * right + [0.0] * (ITEMS - right)


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write score files from `{label: {benchmark: values}}` and give what `comparison.json` says."""
    monkeypatch.setattr(comparison, "costs", lambda _: ())

    def write(found: Mapping[str, Mapping[str, Sequence[float]]], **sections: Any) -> dict[str, Any]:
        context = Context(recipe(tmp_path, **sections))
        for label, by_benchmark in found.items():
            for benchmark, values in by_benchmark.items():
                put(context, benchmark, label, values)
        summarise.write(context, every_stage(context))
        comparison.write(context)
        return json.loads((tmp_path / "run" / comparison.FILE).read_text(encoding="utf-8"))

    return write


def standings(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {standing["variant"]: standing for standing in found["standings"]}


SCORES: dict[str, dict[str, list[float]]] = {
    "seed": {"gsm8k": share(60), "arc_easy": share(120), "hellaswag": share(100)},
    "vanilla@part0.5": {"gsm8k": share(80), "arc_easy": share(110), "hellaswag": share(90)},
    "vanilla": {"gsm8k": share(100), "arc_easy": share(80), "hellaswag": share(70)},
    "sdft@part0.5": {"gsm8k": share(70), "arc_easy": share(120), "hellaswag": share(99)},
    "sdft": {"gsm8k": share(90), "arc_easy": share(116), "hellaswag": share(96)},
}


def test_what_was_learnt_and_kept_are_differences_from_the_seed_by_item(compare: Write) -> None:
    found = compare(SCORES)
    assert (found["acquisition"], found["retention"]) == ("gsm8k", ["arc_easy", "hellaswag"])
    for label, one in standings(found).items():
        if label == "seed":
            assert one["acquisition"]["mean"] == one["retention"]["mean"] == 0
            continue
        gained = np.mean(SCORES[label]["gsm8k"]) - np.mean(SCORES["seed"]["gsm8k"])
        kept = np.mean([np.mean(SCORES[label][b]) - np.mean(SCORES["seed"][b]) for b in ("arc_easy", "hellaswag")])
        assert one["acquisition"]["mean"] == pytest.approx(gained)
        assert one["retention"]["mean"] == pytest.approx(kept)
        assert one["retention"]["low"] < kept < one["retention"]["high"]
        assert (one["acquisition"]["n"], one["retention"]["n"]) == (ITEMS, 2 * ITEMS)


def test_n_of_a_difference_counts_the_items_that_both_have(compare: Write, tmp_path: Path) -> None:
    """The seed has 200 items and sdft 120, so that a pair needs one of those; of each benchmark of a mean."""
    fewer = {"gsm8k": share(90)[:120], "arc_easy": share(116)[:150], "hellaswag": share(96)}
    found = compare({**SCORES, "sdft": fewer, "sdft@part0.5": fewer})
    one = standings(found)["sdft"]
    assert (one["acquisition"]["n"], one["retention"]["n"]) == (120, 150 + ITEMS)
    summary = json.loads((tmp_path / "run/scores/summary.json").read_text(encoding="utf-8"))
    pairs = {(d["variant"], d["baseline"]): d["n"] for d in summary["differences"] if d["benchmark"] == "gsm8k"}
    assert pairs["sdft", "seed"] == pairs["sdft", "vanilla"] == 120
    assert pairs["vanilla", "seed"] == ITEMS
    assert {s["n"] for s in summary["scores"] if (s["benchmark"], s["variant"]) == ("gsm8k", "seed")} == {ITEMS}


def test_n_over_seeds_counts_the_items_that_every_seed_has(compare: Write, tmp_path: Path) -> None:
    other = {**SCORES["sdft"], "gsm8k": share(90)[:120]}
    compare({**SCORES, "sdft@seed7": other, "vanilla@seed7": SCORES["vanilla"]}, sweep={"seed": [42, 7]})
    summary = json.loads((tmp_path / "run/scores/summary.json").read_text(encoding="utf-8"))
    found = {
        (o["arm"], o["baseline"]): (o["n"], o["seeds"]) for o in summary["over_seeds"] if o["benchmark"] == "gsm8k"
    }
    assert found["sdft", "vanilla"] == found["sdft", "seed"] == (120, 2)
    assert found["vanilla", "seed"] == (ITEMS, 2)


def test_less_is_better_where_the_benchmark_says_so(compare: Write) -> None:
    nll = {label: {**own, "heldout_nll": [2.0 + 0.01 * i] * 9} for i, (label, own) in enumerate(SCORES.items())}
    found = standings(compare(nll, evaluate={"acquisition": "heldout_nll"}))
    assert found["sdft"]["acquisition"]["mean"] == pytest.approx(-0.04)
    change = next(c for c in found["sdft"]["changes"] if c["benchmark"] == "heldout_nll")["change"]
    assert change["low"] <= change["mean"] <= change["high"] < 0


def test_the_front_holds_those_that_no_other_beats_in_both(compare: Write) -> None:
    front = {label for label, one in standings(compare(SCORES)).items() if one["front"]}
    assert front == {"vanilla", "sdft", "sdft@part0.5", "seed"}


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=1, max_size=25))
def test_the_front_is_what_sorting_gives(points: list[tuple[int, int]]) -> None:
    def change(mean: int) -> Change:
        return Change(float(mean), None, None, beyond_noise=False, n=1)

    made = [Standing(str(i), "a", "", 0, 1, 1, False, (), change(x), change(y)) for i, (x, y) in enumerate(points)]
    marked = {points[int(s.variant)] for s in comparison._on_the_front(made) if s.front}
    expected: set[tuple[int, int]] = set()
    highest = -99
    for x, y in sorted(set(points), reverse=True):  # from the most learnt downwards: on the front if it keeps more
        if y > highest:
            expected.add((x, y))
            highest = y
    assert marked == expected


def test_arms_are_compared_at_the_best_score_that_all_reach(compare: Write) -> None:
    target = compare(SCORES)["target"]
    assert target["target"] == pytest.approx(30 / ITEMS)  # sdft's best; vanilla reaches more
    rows = {row["arm"]: row for row in target["reached"]}
    assert rows["vanilla"]["variant"] == rows["vanilla"]["end"] == "vanilla"  # 80 right are too few
    assert rows["sdft"]["variant"] == "sdft"
    assert rows["sdft"]["baseline"] == "vanilla"
    assert rows["sdft"]["difference"]["mean"] == pytest.approx((36 + 26) / 2 / ITEMS)
    assert rows["sdft"]["difference"]["beyond_noise"]
    assert target["ways"] == 2


def test_the_earliest_place_that_reaches_the_target_is_taken(compare: Write) -> None:
    slower = {**SCORES, "sdft": {**SCORES["sdft"], "gsm8k": share(75)}}
    rows = {row["arm"]: row for row in compare(slower)["target"]["reached"]}
    assert rows["vanilla"]["variant"] == "vanilla@part0.5"
    assert rows["vanilla"]["end"] == "vanilla"
    assert rows["vanilla"]["retention"]["mean"] == pytest.approx(-10 / ITEMS)
    assert rows["vanilla"]["end_retention"]["mean"] == pytest.approx(-35 / ITEMS)
    assert rows["sdft"]["baseline"] == "vanilla@part0.5"


def test_an_arm_that_never_gets_above_the_seed_does_not_pull_the_target_down(compare: Write) -> None:
    lost = {**SCORES, "sdft": {**SCORES["sdft"], "gsm8k": share(40)}, "sdft@part0.5": {"gsm8k": share(60)}}
    target = compare(lost)["target"]
    assert target["left_out"] == [{"arm": "sdft", "reason": "it never gets above the seed"}]
    assert [row["arm"] for row in target["reached"]] == ["vanilla"]


def test_there_is_no_target_where_nothing_is_learnt(compare: Write) -> None:
    flat = {label: {**own, "gsm8k": share(60)} for label, own in SCORES.items()}
    assert compare(flat)["target"] is None


def test_only_the_first_seed_is_compared_and_all_are_averaged(compare: Write) -> None:
    more = {**SCORES, "vanilla@seed7": {**SCORES["vanilla"], "gsm8k": share(200)}, "sdft@seed7": SCORES["vanilla"]}
    found = compare(more, sweep={"seed": [42, 7]})
    assert {row["variant"] for row in found["target"]["reached"]} == {"vanilla", "sdft"}
    spread = {s["arm"]: s for s in found["seeds"]}
    assert spread["vanilla"]["acquisition"] == pytest.approx([(40 + 140) / 2 / ITEMS, 40 / ITEMS, 140 / ITEMS])
    assert spread["vanilla"]["seeds"] == 2


def test_an_unusable_score_gives_no_point_and_says_why(compare: Write, tmp_path: Path) -> None:
    compare(SCORES)
    context = Context(recipe(tmp_path))
    put(context, "gsm8k", "sdft", share(90), usable=False)
    summarise.write(context, every_stage(context))
    comparison.write(context)
    found = json.loads((tmp_path / "run" / comparison.FILE).read_text(encoding="utf-8"))
    one = standings(found)["sdft"]
    assert one["acquisition"] is None
    assert next(c for c in one["changes"] if c["benchmark"] == "gsm8k")["reason"] == "the score of sdft is unusable"
    assert {row["arm"]: row["variant"] for row in found["target"]["reached"]}["sdft"] == "sdft@part0.5"


def test_nothing_kept_is_said_of_a_variant_without_one_of_the_benchmarks(compare: Write) -> None:
    found = compare({**SCORES, "sdft": {key: SCORES["sdft"][key] for key in ("gsm8k", "arc_easy")}})
    assert standings(found)["sdft"]["retention"] is None


def test_the_recipe_chooses_what_tells_learning_and_keeping(tmp_path: Path) -> None:
    def chosen(**evaluate: Any) -> tuple[str | None, list[str]]:
        found = roles(recipe(tmp_path, evaluate))
        return found.acquisition.name if found.acquisition else None, [b.name for b in found.retention]

    assert chosen() == ("gsm8k", ["arc_easy", "hellaswag"])
    assert chosen(acquisition="heldout_nll", retention=["arc_easy", "advbench"]) == (
        "heldout_nll",
        ["arc_easy", "advbench"],
    )
    assert chosen(benchmarks=["arc_easy"]) == (None, ["arc_easy"])
    with pytest.raises(RecipeError, match="no common mean"):
        chosen(retention=["heldout_nll", "arc_easy"])
    with pytest.raises(RecipeError, match="humaneval is not there"):
        chosen(acquisition="humaneval")


def test_an_arm_pays_for_the_stages_whose_answers_it_reads() -> None:
    from ownwords.arms.base import Arm
    from ownwords.recipe import Method

    stages = ["own", "rewrite", "rewrite/other", "gap", "judge", "replay/replay"]

    def read(judged: bool = False, **method: Any) -> list[str]:
        arm = Arm("a", "", "", Method.model_validate(method))
        return [stage for stage in stages if costs._reads(arm, stage, judged=judged)]

    assert read(sources=["reference"]) == []
    assert read() == ["rewrite"]
    assert read(judged=True) == ["rewrite", "judge"]
    assert read(rewriter="other") == ["rewrite/other"]
    assert read(sources=["own", "rewrite", "reference"]) == ["own", "rewrite"]
    assert read(sources=["own", "reference"]) == ["own"]
    assert read(sources=["reference"], mask={}) == ["gap"]
    assert read(mix=0.0) == []
    assert read(sources=["reference"], replay={"prompts": "self"}) == ["replay/replay"]


def test_what_holds_alone_need_not_hold_among_many(compare: Write, tmp_path: Path) -> None:
    seed = {name: share(100) for name in ("gsm8k", "arc_easy", "hellaswag")}
    slightly = share(100)[:100] + [1.0] * 6 + [0.0] * 94  # six items gained: p = 2 / 2^6
    barely = {name: share(99) for name in seed}
    found = compare(
        {"seed": seed, "vanilla": {**barely, "gsm8k": slightly}, "sdft": {**barely, "hellaswag": share(98)}}
    )
    summary = json.loads((tmp_path / "run/scores/summary.json").read_text(encoding="utf-8"))
    row = next(r for r in summary["differences"] if (r["benchmark"], r["variant"]) == ("gsm8k", "vanilla"))
    assert summary["comparisons"] == 8  # on arc_easy vanilla and sdft say the same
    assert summary["too_few"] == []
    assert row["p"] == pytest.approx(2 / 2**6)
    assert row["p_holm"] == pytest.approx(7 * 2 / 2**6)  # seven items between sdft and vanilla are clearer
    assert (row["beyond_alone"], row["beyond_noise"]) == (True, False)
    learnt = standings(found)["vanilla"]["acquisition"]
    assert (learnt["beyond_alone"], learnt["beyond_noise"]) == (True, False)


def test_an_unusable_score_is_no_comparison(tmp_path: Path) -> None:
    context = Context(recipe(tmp_path))
    for label in ("seed", "vanilla", "sdft"):
        put(context, "gsm8k", label, share({"seed": 50, "vanilla": 150, "sdft": 60}[label]), usable=label != "vanilla")
    summarise.write(context, every_stage(context))
    summary = json.loads((tmp_path / "run/scores/summary.json").read_text(encoding="utf-8"))
    assert summary["comparisons"] == 1  # sdft against the seed
    assert [row["p_holm"] is None for row in summary["differences"]] == [True, False, True]
    assert [row["not_judged"] for row in summary["differences"]] == ["unusable score", "", "unusable score"]
    assert [row["beyond_alone"] for row in summary["differences"]] == [True, True, True]
    assert [row["beyond_noise"] for row in summary["differences"]] == [False, True, False]


def test_trainings_that_differ_in_their_seed_are_judged_together_only(compare: Write, tmp_path: Path) -> None:
    """Each training differs from the seed by itself; those of sdft lose ten items and thirty, which says little."""
    gained = {label: {"gsm8k": share(130)} for label in ("vanilla", "vanilla@seed7")}
    lost = {label: {"gsm8k": share(90 - 20 * turn)} for turn, label in enumerate(("sdft", "sdft@seed7"))}
    found = compare({"seed": {"gsm8k": share(100)}, **gained, **lost}, sweep={"seed": [42, 7]})
    summary = json.loads((tmp_path / "run/scores/summary.json").read_text(encoding="utf-8"))
    assert {row["not_judged"] for row in summary["differences"]} == {"one training of several"}
    assert all(row["beyond_alone"] and not row["beyond_noise"] for row in summary["differences"])
    assert summary["comparisons"] == len(summary["over_seeds"]) == 3
    assert {row["not_judged"] for row in summary["over_seeds"]} == {""}
    judged = {(row["arm"], row["baseline"]): row["beyond_noise"] for row in summary["over_seeds"]}
    assert judged == {("vanilla", "seed"): True, ("sdft", "seed"): False, ("sdft", "vanilla"): False}
    learnt = {label: one["acquisition"]["not_judged"] for label, one in standings(found).items() if label in gained}
    assert set(learnt.values()) == {"one training of several"}


def test_what_one_training_of_several_has_kept_is_not_judged(compare: Write) -> None:
    """sdft's other training has no scores."""
    fallen = {"gsm8k": share(120), "arc_easy": share(50), "hellaswag": share(50)}
    found = compare({**SCORES, "vanilla": fallen, "vanilla@seed7": fallen, "sdft": fallen}, sweep={"seed": [42, 7]})
    kept = {label: one["retention"] for label, one in standings(found).items() if one["retention"]}
    assert kept["vanilla"]["mean"] == kept["sdft"]["mean"] < 0
    assert kept["vanilla"]["beyond_alone"]
    assert (kept["vanilla"]["not_judged"], kept["vanilla"]["beyond_noise"]) == ("one training of several", False)
    assert (kept["sdft"]["not_judged"], kept["sdft"]["beyond_noise"]) == ("", True)


def test_one_seed_of_an_arm_is_judged_by_itself(compare: Write, tmp_path: Path) -> None:
    """The other one has no usable score, so that there is nothing over seeds."""
    compare({"seed": {"gsm8k": share(100)}, "vanilla": {"gsm8k": share(120)}}, sweep={"seed": [42, 7]})
    summary = json.loads((tmp_path / "run/scores/summary.json").read_text(encoding="utf-8"))
    assert [(row["variant"], row["beyond_noise"]) for row in summary["differences"]] == [("vanilla", True)]
    assert summary["comparisons"] == 1


def test_where_no_item_differs_nothing_is_asked(compare: Write, tmp_path: Path) -> None:
    compare({"seed": {"gsm8k": share(100)}, "vanilla": {"gsm8k": share(100)}, "sdft": {"gsm8k": share(106)}})
    summary = json.loads((tmp_path / "run/scores/summary.json").read_text(encoding="utf-8"))
    assert summary["comparisons"] == 2
    assert [row["not_judged"] for row in summary["differences"]] == ["no item differs", "", ""]


def test_benchmarks_with_too_few_items_for_a_family_are_named() -> None:
    def row(benchmark: str, n: int) -> dict[str, Any]:
        p = smallest_p(n, binary=True)
        judged = {"p": p, "least_p": p, "alike": False, "beyond_alone": True}
        return {"benchmark": benchmark, "variant": "v", "baseline": "seed", **judged}

    rows = [row("few", 8) for _ in range(10)] + [row("many", 200) for _ in range(10)]
    summary: dict[str, Any] = {"scores": [], "over_seeds": [], "differences": rows}
    summarise.correct(summary, {})
    assert summary["too_few"] == ["few"]
    assert [r["beyond_noise"] for r in rows] == [False] * 10 + [True] * 10
    summary["differences"] = rows[:3] + rows[10:]  # 3 × 0.0078: when the others have passed, three are few enough
    summarise.correct(summary, {})
    assert summary["too_few"] == []
