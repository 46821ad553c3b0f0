"""The page says what the files of the run say, and what is not there yet."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ownwords.errors import InputError, StageError
from ownwords.stages.report import collect, console_summary, write_report

Edit = Callable[[Path, Callable[[Any], Any]], None]


def text_of(page: Path) -> str:
    """What a reader sees, on one line: no tags, no style sheet."""
    content = page.read_text(encoding="utf-8")
    content = re.sub(r"<style>.*?</style>", "", content, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())


def section(page: Path, name: str) -> str:
    content = page.read_text(encoding="utf-8")
    start = content.index(f'<section id="{name}">')
    part = content[start : content.index("</section>", start)]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())


def test_report_is_written_into_the_run_and_nothing_else_changes(full_run: Path) -> None:
    before = {path: path.read_bytes() for path in full_run.rglob("*") if path.is_file()}
    page = write_report(full_run)
    assert page == full_run / "report.html"
    after = {path: path.read_bytes() for path in full_run.rglob("*") if path.is_file() and path != page}
    assert after == before


def test_page_says_which_method_this_is(full_run: Path) -> None:
    text = text_of(write_report(full_run))
    assert "Yang et al., ACL 2024, arXiv 2402.13669" in text
    assert (
        "This is not the later on-policy method of the same acronym ( Shenfeld et al., 2026, arXiv 2601.19897" in text
    )


def test_scores_show_mean_interval_and_number_of_items(full_run: Path) -> None:
    text = section(write_report(full_run), "scores")
    assert "33.0 % [24.0, 42.0] n = 100" in text
    assert "0.799 [0.759, 0.839] n = 200" in text
    assert "accuracy; ↑ higher is better" in text
    assert "negative log-likelihood, nats/token; ↓ lower is better" in text


def test_differences_are_put_in_words_that_respect_noise_and_direction(full_run: Path) -> None:
    text = section(write_report(full_run), "scores")
    assert "vs seed (n = 100): within noise −5.0 [−11.3, 1.3], p = 0.214" in text  # gsm8k of vanilla
    assert (
        "vs seed (n = 200): better, beyond noise −0.328 [−0.356, −0.300], p < 0.001" in text
    )  # heldout_nll: lower is better
    assert "vs seed (n = 50): worse, beyond noise −22.0 [−27.6, −16.4], p < 0.001" in text  # advbench of vanilla
    assert "5 of 13 differences between arms are beyond noise" in text
    assert "advbench: sdft is better than vanilla (+18.0 points, n = 50)" in text


def test_unusable_score_is_marked_with_its_reason_and_never_compared(full_run: Path) -> None:
    page = write_report(full_run)
    text = section(page, "scores")
    assert "55.0 % unusable only 41 % of the answers are finished" in text
    assert text.count("not compared: the score of vanilla is unusable") == 2
    assert "multiarith: " not in text
    content = page.read_text(encoding="utf-8")
    scores = content[content.index('<section id="scores">') : content.index('<section id="comparison">')]
    assert scores.count('class="hollow') == 1


def test_rows_without_an_answer_are_counted_beside_the_score(full_run: Path) -> None:
    assert "n = 100 2 more could not be answered" in section(write_report(full_run), "scores")


def test_benchmark_of_the_recipe_without_scores_is_not_done_yet(full_run: Path) -> None:
    assert "Not done yet: hellaswag." in section(write_report(full_run), "scores")


def test_an_optional_benchmark_that_was_skipped_is_not_waited_for(full_run: Path, edit_json: Edit) -> None:
    recipe = full_run / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8")
    before, name, after = text.partition("name: hellaswag")
    recipe.write_text(before + name + after.replace("optional: false", "optional: true", 1), encoding="utf-8")
    assert "Not done yet: hellaswag" not in section(write_report(full_run), "scores")

    def begin(record: Any) -> None:
        record["stages"]["evaluate/hellaswag/seed"] = {**record["stages"]["gap"], "status": "failed"}

    edit_json(full_run / "run.json", begin)
    assert "Not done yet: hellaswag." in section(write_report(full_run), "scores")


def test_arm_without_a_score_is_not_done_yet(full_run: Path, edit_json: Edit) -> None:
    def drop(summary: Any) -> None:
        summary["scores"] = [s for s in summary["scores"] if (s["benchmark"], s["arm"]) != ("arc_easy", "sdft")]
        summary["differences"] = []

    edit_json(full_run / "scores/summary.json", drop)
    text = section(write_report(full_run), "scores")
    assert text.count("not done yet") == 1
    assert "There is no difference between arms to judge yet." in text


def test_other_variants_of_an_arm_stand_in_a_table_of_their_own(full_run: Path, edit_json: Edit) -> None:
    def repeat(summary: Any) -> None:
        again = [dict(s, variant="sdft@seed43", mean=0.5) for s in summary["scores"] if s["arm"] == "sdft"]
        summary["scores"] += again
        of_sdft = [d for d in summary["differences"] if d["variant"] == "sdft"]
        summary["differences"] += [dict(d, variant="sdft@seed43") for d in of_sdft]

    edit_json(full_run / "scores/summary.json", repeat)
    text = section(write_report(full_run), "scores")
    assert "Benchmark seed vanilla sdft Mean with 95 % interval" in text
    assert "1 other variants" in text
    assert text.index("1 other variants") < text.index("sdft@seed43 50.0 %")
    of_the_other = text[text.index("sdft@seed43 50.0 %") :]
    assert of_the_other.startswith("sdft@seed43 50.0 % [25.0, 43.0] n = 100 vs seed (n = 100): within noise")
    assert "vs vanilla (n = 100): within noise" in of_the_other


def test_n_of_a_difference_is_that_of_its_pairs_not_of_a_score(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "scores/summary.json", lambda summary: summary["differences"][0].update(n=97))
    text = section(write_report(full_run), "scores")
    assert "28.0 % [19.0, 37.0] n = 100 vs seed (n = 97): within noise" in text


def over_seeds(summary: Any) -> None:
    """gsm8k of sdft over three training seeds, against the seed model and against vanilla."""
    changes = {"mean": 0.02, "low": -0.03, "high": 0.07, "lowest": 0.01, "highest": 0.03, "p": 0.4}
    for baseline in ("seed", "vanilla"):
        row = {"benchmark": "gsm8k", "arm": "sdft", "point": "", "part": 1.0, "scale": 1.0, "baseline": baseline}
        scores = {"score": 0.34, "score_lowest": 0.33, "score_highest": 0.35, "beyond_noise": False}
        variants = ["sdft", "sdft@seed43", "sdft@seed44"]
        summary.setdefault("over_seeds", []).append(
            {**row, **changes, **scores, "variants": variants, "seeds": 3, "n": 96}
        )


def test_a_comparison_over_seeds_says_its_items_and_its_seeds(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "scores/summary.json", over_seeds)
    text = section(write_report(full_run), "scores")
    assert "mean of 3 seeds 34.0 % (33.0 % to 35.0 %), n = 96" in text
    assert "over seeds, vs seed (n = 96, 3 seeds): within noise" in text
    assert "over seeds, vs vanilla (n = 96, 3 seeds): within noise" in text


def test_what_one_seed_shows_is_no_finding_where_there_are_three(full_run: Path, edit_json: Edit) -> None:
    """advbench of sdft is beyond noise with one seed; over seeds it is not, and the headline goes by that."""

    def together(summary: Any, *, beyond: bool) -> None:
        summary["over_seeds"] = []
        over_seeds(summary)
        for row in summary["over_seeds"][-2:]:
            row.update(benchmark="advbench", beyond_noise=beyond)

    finding = "advbench: sdft is better than vanilla"
    assert finding in section(write_report(full_run), "scores")
    edit_json(full_run / "scores/summary.json", lambda summary: together(summary, beyond=False))
    assert finding not in section(write_report(full_run), "scores")
    edit_json(full_run / "scores/summary.json", lambda summary: together(summary, beyond=True))
    said = section(write_report(full_run), "scores")
    assert f"{finding} (+2.0 (+1.0 to +3.0) points, n = 96, 3 seeds)" in said


def test_files_that_do_not_say_n_are_reported_without_it(full_run: Path, edit_json: Edit) -> None:
    def forget(summary: Any) -> None:
        over_seeds(summary)
        for row in (*summary["differences"], *summary["over_seeds"]):
            del row["n"]

    def forget_changes(node: Any) -> None:
        for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
            forget_changes(inner)
        if isinstance(node, dict):
            node.pop("n", None)

    edit_json(full_run / "scores/summary.json", forget)
    edit_json(full_run / "comparison.json", forget_changes)
    page = write_report(full_run)
    text = section(page, "scores")
    assert "34.0 % [25.0, 43.0] n = 100" in text, "the score's own is there"
    assert "vs seed : within noise −5.0 [−11.3, 1.3], p = 0.214" in text
    assert "over seeds, vs vanilla : within noise" in text
    assert "advbench: sdft is better than vanilla (+18.0 points)" in text
    assert "+5.0 [1.0, 9.0], better beyond noise" in section(page, "comparison")
    assert "None" not in text_of(page)


def test_scores_of_different_engines_carry_a_warning(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "scores/summary.json", lambda s: s["scores"][0]["engine"].update(kind="vllm", version="0.11"))
    text = section(write_report(full_run), "scores")
    assert (
        "The scores of gsm8k come from different engines (transformers 5.19.0, bfloat16 on cpu and vllm 0.11, "
        "bfloat16 on cpu) and are not comparable." in text
    )


def test_rewrites_of_another_engine_than_the_scores_are_named(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "rewrite.json", lambda r: r["engine"].update(kind="scripted", version="1"))
    assert "Rewrites were made by another engine (scripted 1, bfloat16 on cpu)" in text_of(write_report(full_run))


def test_engines_of_one_score_are_all_named(full_run: Path, edit_json: Edit) -> None:
    def mix(summary: Any) -> None:
        score = summary["scores"][0]
        score["engine"] = {"kind": "several", "engines": [score["engine"], {"kind": "vllm", "version": "0.11"}]}

    edit_json(full_run / "scores/summary.json", mix)
    text = section(write_report(full_run), "scores")
    assert "different engines (transformers 5.19.0, bfloat16 on cpu and vllm 0.11)" in text


def test_examples_without_a_distance_are_counted(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "gap.json", lambda g: g.update(errors=4))
    assert "4 examples could not be scored and are left out." in section(write_report(full_run), "gap")


def test_arm_that_the_recipe_no_longer_names_is_left_out(full_run: Path) -> None:
    folder = full_run / "arms/dft/seed42"
    folder.mkdir(parents=True)
    content = (full_run / "arms/sdft/seed42/training.json").read_text(encoding="utf-8")
    (folder / "training.json").write_text(content.replace('"sdft"', '"dft"'), encoding="utf-8")
    assert "dft seed42" not in section(write_report(full_run), "training").replace("sdft seed42", "")


def test_narrowed_gap_is_said_with_its_numbers(full_run: Path) -> None:
    text = section(write_report(full_run), "gap")
    assert "Rewriting narrowed the gap" in text
    assert "paired difference −0.328, 95 % interval [−0.401, −0.262], n = 117" in text
    assert "references, mean 0.951" in text
    assert "final targets 117 0.623 [0.563, 0.683]" in text


def test_widened_gap_is_said_honestly(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "gap.json", lambda g: g["difference"].update(mean=0.21, low=0.11, high=0.31))
    text = section(write_report(full_run), "gap")
    assert "Rewriting widened the gap" in text
    assert "the opposite of what the method is for" in text


@pytest.mark.parametrize(
    "difference",
    [{"mean": -0.02, "low": -0.06, "high": 0.02, "p": 0.3}, {"mean": -0.2, "low": -0.3, "high": -0.1, "p": 0.25}],
    ids=["interval holds zero", "too few rows for the test"],
)
def test_unchanged_gap_claims_nothing(full_run: Path, edit_json: Edit, difference: dict[str, float]) -> None:
    edit_json(full_run / "gap.json", lambda g: g["difference"].update(difference))
    text = section(write_report(full_run), "gap")
    assert "Rewriting did not change the gap beyond noise" in text
    assert "narrowed" not in text


def test_too_few_items_for_so_many_comparisons_are_said(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "scores/summary.json", lambda s: s.update(comparisons=90, too_few=["gsm8k", "arc_easy"]))
    text = section(write_report(full_run), "scores")
    assert "With so few test items and 90 comparisons no difference could stand out on gsm8k, arc_easy" in text


def test_outcomes_are_shown_by_reason_with_the_acceptance_interval(full_run: Path) -> None:
    text = section(write_report(full_run), "rewriting")
    assert "87 of 120 examples (72.5 %, 95 % interval [63.9, 79.7])" in text
    assert (
        "30 have none that passed: an arm that takes rewrites keeps their reference. 3 are left out of training."
        in text
    )
    assert text.index("accepted 87 (72.5 %)") < text.index("fallback: wrong_number 22 (18.3 %)")
    assert text.index("fallback: wrong_number 22 (18.3 %)") < text.index("dropped: prompt_too_long 3 (2.5 %)")


def _arms(rewriting: Any) -> None:
    common = {"rewriter": "seed", "mix": 1.0, "rows": 117, "outcomes": []}
    rewriting["arms"] = [
        {**common, "arm": "vanilla", "sources": ["reference"], "targets": {"reference": 117}},
        {**common, "arm": "few", "mix": 0.25, "sources": ["rewrite", "reference"], "targets": {"reference": 117}},
        {**common, "arm": "sdft", "sources": ["rewrite", "reference"], "targets": {"reference": 30, "rewrite": 87}},
    ]


def test_an_arm_that_found_references_alone_is_named(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "rewrite.json", _arms)
    said = "few has references alone to train on: the same targets as vanilla."
    assert said in section(write_report(full_run), "rewriting")
    assert f"targets        {said}" in console_summary(full_run)


def test_steps_that_belong_to_rewriting_are_not_stages_that_never_came(full_run: Path, edit_json: Edit) -> None:
    def more(run: Any) -> None:
        done = run["stages"]["rewrite"]
        run["stages"] = {"own": {**done, "seconds": 8.0}, **run["stages"], "targets": {**done, "seconds": 1.0}}

    edit_json(full_run / "run.json", more)
    text = text_of(write_report(full_run))
    assert not re.search(r"\b(own|targets) not done yet", text)
    assert "rewrite done 7 min 01 s" in text  # with the 9 seconds of the two


def test_low_acceptance_is_not_hidden(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "rewrite.json", lambda r: r.update(accepted=12))
    assert "mostly not the model's own words" in section(write_report(full_run), "rewriting")


def test_training_shows_token_counts_and_loss_of_each_arm(full_run: Path) -> None:
    text = section(write_report(full_run), "training")
    assert "sdft trains on 20.0 % more supervised tokens than vanilla." in text
    assert "vanilla seed42 117 0 14,210 1 37 0 30 2.0" in text
    assert "6 min 28 s" in text
    assert text.index("vanilla seed42") < text.index("sdft seed42")


def test_samples_stand_beside_their_references(full_run: Path) -> None:
    text = section(write_report(full_run), "samples")
    assert "reference 5*12=<<5*12=60>>60 rolls #### 30 rewrite First we count the rolls: 5 trays of 12 make 60." in text
    assert "rejected rewrite There are 120 rolls left." in text
    assert "fallback: wrong_number – 120 is not 90 · example e0010 · attempt 1" in text
    assert "rejected rewrite no text came back" in text


def test_long_text_is_cut_with_a_visible_mark_and_can_be_opened(full_run: Path) -> None:
    page = write_report(full_run)
    assert "… cut: 1,460 more characters, open" in section(page, "samples")
    assert "Let me think about the trays again. " * 60 in page.read_text(encoding="utf-8")


def test_setup_names_model_data_engine_versions_hardware_and_seed(full_run: Path) -> None:
    text = section(write_report(full_run), "setup")
    for fact in (
        "seed model Qwen/Qwen2.5-0.5B-Instruct",
        "training data data/gsm8k_train.json, first 120 rows",
        "rewriting prompt chat/math",
        "temperature 0.95, top_p 0.7, top_k 50, at most 512 tokens",
        "LoRA r = 8, alpha = 16, dropout 0.1 on q_proj, v_proj",
        "rewrites made by transformers 5.19.0, bfloat16 on cpu",
        "cpu: AMD EPYC 7B13; cores: 2; memory gib: 15.6; gpu: none",
        "torch 2.13.0",
        "seed 42",
        "rewrite done 6 min 52 s",
        "evaluate done 14 min 36 s",
    ):
        assert fact in text


def test_empty_run_is_a_page_of_things_not_done_yet(tmp_path: Path) -> None:
    page = write_report(tmp_path)
    for name in ("scores", "gap", "rewriting", "training", "samples"):
        assert "Not done yet." in section(page, name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("rewrite.json", "rewriting"),
        ("gap.json", "gap"),
        ("samples.json", "samples"),
        ("scores/summary.json", "scores"),
    ],
)
def test_missing_part_is_not_done_yet_and_the_others_stay(full_run: Path, file: str, name: str) -> None:
    (full_run / file).unlink()
    page = write_report(full_run)
    assert "Not done yet." in section(page, name)
    assert "14,210" in section(page, "training")


def test_missing_arm_is_not_done_yet(full_run: Path) -> None:
    (full_run / "arms/sdft/seed42/training.json").unlink()
    assert "Not done yet: sdft." in section(write_report(full_run), "training")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [("failed", "Not done yet: gap failed."), ("running", "Not done yet: gap was started and has not finished.")],
)
def test_missing_part_says_what_became_of_its_stage(
    full_run: Path, edit_json: Edit, status: str, sentence: str
) -> None:
    (full_run / "gap.json").unlink()
    edit_json(full_run / "run.json", lambda run: run["stages"]["gap"].update(status=status))
    assert sentence in section(write_report(full_run), "gap")


def test_part_whose_stage_was_started_again_carries_a_note(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "run.json", lambda run: run["stages"]["tune/sdft"].update(status="running"))
    assert "Not finished: tune/sdft." in section(write_report(full_run), "training")


def test_numbers_that_are_missing_or_not_finite_are_dashes(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "arms/sdft/seed42/training.json", lambda t: t["loss"][3].update(loss=float("nan")))
    edit_json(full_run / "gap.json", lambda g: g.update(difference={"n": 1, "mean": 0.1, "low": None, "high": None}))
    edit_json(full_run / "scores/summary.json", lambda s: s["scores"][0].update(mean=None, low=None, high=None))
    page = write_report(full_run)
    assert "Too few examples to say whether rewriting changed the gap" in section(page, "gap")
    assert re.search(r"\b(nan|inf|None)\b", page.read_text(encoding="utf-8")) is None


def test_missing_run_directory_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no run directory"):
        collect(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["{", "[]", '{"groups": [{"name": 3}]}'])
def test_damaged_file_is_named(full_run: Path, content: str) -> None:
    (full_run / "gap.json").write_text(content, encoding="utf-8")
    with pytest.raises(StageError, match=r"gap\.json is not what ownwords writes there"):
        write_report(full_run)
    assert not (full_run / "report.html").exists()
