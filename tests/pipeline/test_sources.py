"""Several sources of candidates: asked once each, combined by arms, resumed alike."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ownwords.cli import main
from ownwords.journal import Journal
from ownwords.pipeline import open_recipe
from ownwords.stages import cautions, origins, tune
from ownwords.stages.context import Context
from ownwords.stages.origins import OTHER, OWN, REWRITE
from tests.pipeline.conftest import Project, contents, question

#: Answers `ANSWER(number, source, request)`, and logs every question asked: its source and the example.
SCRIPT = """
import re
from pathlib import Path

def answer(request):
    number = int(re.search(r"What is (\\d+)", request.example.prompt)[1])
    source = NAME or ("own" if request.messages[-1].content == request.example.prompt else "rewrite")
    with Path(LOG).open("a") as log:
        log.write(f"{source} {number} {request.seed}\\n")
    right, wrong = f"By {source}. {request.example.reference}", "The answer is 999."
    return BODY
"""


def script(project: Project, body: str, name: str = "") -> str:
    """`file.py:answer`, with `body` the expression of the answer."""
    code = project.folder / f"script{name}.py"
    head = f"NAME, LOG = {name!r}, {str(project.folder / 'asked.log')!r}\n"
    code.write_text(head + SCRIPT.replace("BODY", body), encoding="utf-8")
    return f"{code}:answer"


def flags(project: Project, arms: str, body: str = "right", *more: str) -> list[str]:
    return ["--allow-code", f"runtime.scripted.function={script(project, body)}", f"tune.arms=[{arms}]", *more]


def another(project: Project, body: str = "right", model: str = "another-model") -> list[str]:
    """Overrides that let another model rewrite, by an engine of its own."""
    runtime = f"{{engine: scripted, scripted: {{function: '{script(project, body, 'other')}'}}}}"
    return [f"rewrite.model={{name_or_path: {model}}}", f"rewrite.runtime={runtime}"]


def asked(project: Project) -> list[tuple[str, int]]:
    """(source, number in the question) of every question, in order."""
    path = project.folder / "asked.log"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(line.split()[0], int(line.split()[1])) for line in lines]


def counts(project: Project) -> Counter[str]:
    return Counter(source for source, _ in asked(project))


def rows(project: Project, arm: str) -> dict[int, dict[str, Any]]:
    """The arm's rows by the number in their question, in order."""
    found = pq.read_table(project.output / "data" / arm / "train.parquet").to_pylist()
    return {int(row["prompt"][0]["content"].split()[2]): row for row in found}


def told(project: Project, arm: str) -> list[tuple[str, str, str]]:
    return [(row["outcome"], row["source"], row["reason"]) for row in rows(project, arm).values()]


def text(row: dict[str, Any]) -> str:
    return row["completion"][0]["content"]


def summary(project: Project) -> dict[str, Any]:
    return json.loads((project.output / "rewrite.json").read_text(encoding="utf-8"))


def test_arms_share_what_is_asked(project: Project) -> None:
    arms = "vanilla, sdft, ssr, cascade, mix_50, {half: {of: ssr, mix: 0.5}}"
    assert project.ownwords("rewrite", *flags(project, arms)) == 0
    assert counts(project) == {"own": 12, "rewrite": 12}
    assert len(set(asked(project))) == 24
    assert all(text(row).startswith("By own.") for row in rows(project, "ssr").values())
    assert all(text(row).startswith("By own.") for row in rows(project, "cascade").values())
    assert all(text(row).startswith("By rewrite.") for row in rows(project, "sdft").values())
    assert set(told(project, "vanilla")) == {("accepted", "reference", "ok")}
    for row in rows(project, "vanilla").values():
        assert text(row) == row["reference"]


def test_an_arm_that_is_added_later_asks_only_what_is_new_and_needs_no_permission(project: Project) -> None:
    assert project.ownwords("rewrite", *flags(project, "vanilla, sdft")) == 0
    before = project.stages()["rewrite"]
    sdft = (project.output / "data" / "sdft" / "train.parquet").read_bytes()
    assert project.ownwords("rewrite", *flags(project, "vanilla, sdft, cascade")) == 0
    assert asked(project)[12:] == [("own", number) for number in range(12)]
    assert project.stages()["rewrite"] == before
    assert (project.output / "data" / "sdft" / "train.parquet").read_bytes() == sdft
    assert project.ownwords("rewrite", *flags(project, "vanilla, sdft, cascade, mix_25")) == 0
    assert len(asked(project)) == 24
    assert [arm["arm"] for arm in summary(project)["arms"]] == ["vanilla", "sdft", "cascade", "mix_25"]
    assert Counter(row["reason"] for row in rows(project, "mix_25").values()) == {"ok": 3, "mixed": 9}
    after = contents(project.output)
    assert project.ownwords("rewrite", *flags(project, "vanilla, sdft, cascade, mix_25")) == 0
    assert contents(project.output) == after


#: Own answers are right in every second row, rewrites in every third.
SOME = "right if number % {'own': 2, 'rewrite': 3}[source] == 0 else wrong"


def test_the_first_source_that_passes_wins_and_the_last_one_asked_gives_the_reason(project: Project) -> None:
    body = SOME.replace("else wrong", "else wrong if source == 'own' else ''")
    assert project.ownwords("rewrite", *flags(project, "vanilla, sdft, ssr, cascade", body)) == 0
    for number, row in rows(project, "cascade").items():
        story = (row["outcome"], row["source"], row["reason"])
        if number % 2 == 0:
            assert story == ("accepted", "own", "ok")
            assert (text(row), row["prompt_preset"]) == (f"By own. {question(number)['answer']}", "")
        elif number % 3 == 0:
            assert story == ("accepted", "rewrite", "ok")
            assert (text(row), row["prompt_preset"]) == (f"By rewrite. {question(number)['answer']}", "chat/math")
        else:
            assert story == ("fallback", "reference", "empty")
            assert text(row) == question(number)["answer"]
    assert {reason for _, source, reason in told(project, "ssr") if source == "reference"} == {"wrong_answer"}
    by_arm = {arm["arm"]: arm["targets"] for arm in summary(project)["arms"]}
    assert by_arm == {
        "vanilla": {"reference": 12},
        "sdft": {"rewrite": 4, "reference": 8},
        "ssr": {"own": 6, "reference": 6},
        "cascade": {"own": 6, "rewrite": 2, "reference": 4},
    }
    by_source = {source["source"]: (source["asked"], source["accepted"]) for source in summary(project)["sources"]}
    assert by_source == {"own": (12, 6), "rewrite": (12, 4)}
    assert (summary(project)["n"], summary(project)["accepted"]) == (12, 4)


def test_a_row_that_any_arm_cannot_fill_leaves_all_arms(project: Project) -> None:
    drop = "rewrite.on_failure=drop"
    assert project.ownwords("rewrite", *flags(project, "vanilla, sdft, ssr", SOME, drop)) == 0
    for arm in ("vanilla", "sdft", "ssr"):
        assert list(rows(project, arm)) == [0, 6]
    assert Counter(entry["kind"] for entry in summary(project)["outcomes"] for _ in range(entry["count"])) == {
        "accepted": 2,
        "dropped": 10,
    }
    assert project.ownwords("rewrite", *flags(project, "vanilla, cascade", SOME, drop)) == 0
    for arm in ("vanilla", "cascade"):
        assert list(rows(project, arm)) == [0, 2, 3, 4, 6, 8, 9, 10]
    assert project.ownwords("rewrite", *flags(project, "vanilla", SOME, drop)) == 0
    assert list(rows(project, "vanilla")) == list(range(12))
    assert len(asked(project)) == 24


def test_a_row_that_the_mix_leaves_its_reference_is_not_dropped(project: Project) -> None:
    assert project.ownwords("rewrite", *flags(project, "mix_50", "wrong", "rewrite.on_failure=drop")) == 0
    assert [row["reason"] for row in rows(project, "mix_50").values()] == ["mixed"] * 6


def test_rewriting_is_asked_by_its_own_verb_whatever_the_arms_are(project: Project) -> None:
    assert project.ownwords("rewrite", *flags(project, "vanilla")) == 0
    assert counts(project) == {"rewrite": 12}
    assert project.ownwords("rewrite", *flags(project, "ssr")) == 0
    assert counts(project) == {"rewrite": 12, "own": 12}


@pytest.mark.slow
def test_a_run_asks_for_nothing_that_no_arm_takes(project: Project) -> None:
    """The arm of references alone: rows end with their reason, and gap and report have no rewrites to tell of."""
    code = project.folder / "script.py"
    code.write_text("def answer(request):\n    assert request.example is None\n    return '1'\n", encoding="utf-8")
    given = ["--allow-code", f"runtime.scripted.function={code}:answer", "tune.arms=[vanilla]"]
    assert project.ownwords("run", *given) == 0
    assert told(project, "vanilla") == [("fallback", "reference", "not_asked")] * 12
    assert summary(project)["outcomes"] == [{"kind": "fallback", "reason": "not_asked", "count": 12}]
    assert (summary(project)["sources"], json.loads((project.output / "samples.json").read_text())) == ([], [])
    gap = json.loads((project.output / "gap.json").read_text(encoding="utf-8"))
    assert ([group["name"] for group in gap["groups"]], gap["difference"]) == (["references"], None)
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "No rewrites were asked for" in page
    assert "Not done yet" not in page
    assert project.ownwords("status", *given[2:]) == 0
    assert "rewrite" not in project.stages()
    stages = project.stages()
    assert project.ownwords("run", *given) == 0
    assert project.stages() == stages


def test_an_own_answer_is_asked_as_the_arm_is_trained(project: Project) -> None:
    context = Context(open_recipe(project.recipe, ["tune.chat_template=paper/alpaca", "rewrite.chat_template=null"]))
    example = context.train[0]
    request = OWN.build(context, example, 0)
    assert (request.messages, request.chat_template, request.prefill) == (example.messages, "paper/alpaca", "")
    assert request.sampling == REWRITE.build(context, example, 0).sampling
    assert request.seed != REWRITE.build(context, example, 0).seed
    assert OWN.build(context, example, 1).seed != request.seed


def test_an_own_answer_can_leak_no_prompt(project: Project) -> None:
    """What would be a word of the rewriting prompt in a rewrite is the model's own word here."""
    body = "'Here is a good answer to the message above: ' + request.example.reference"
    keys = ["rewrite.prompt=chat/general", "rewrite.checks=[no_prompt_leak]"]
    assert project.ownwords("rewrite", *flags(project, "sdft, ssr", body, *keys)) == 0
    assert {reason for _, _, reason in told(project, "sdft")} == {"prompt_leak"}
    assert {reason for _, _, reason in told(project, "ssr")} == {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["own", "rewrite", "other"])
def test_each_source_goes_on_where_it_was_interrupted(project: Project, name: str) -> None:
    arms, failing = "vanilla, cascade, other_rewriter", "1 / 0 if number == 7 and source == {!r} else right"
    wrong = failing.format(name)
    assert project.ownwords("rewrite", *flags(project, arms, wrong), *another(project, wrong)) == 1
    with Journal(project.output / "journal.sqlite") as journal:
        stage = {"own": "own", "rewrite": "rewrite", "other": "rewrite/other"}[name]
        assert len(list(journal.completions(stage))) == 7
    assert project.ownwords("rewrite", *flags(project, arms), *another(project)) == 0
    assert Counter(asked(project)) == {
        (source, number): 1 + ((source, number) == (name, 7))
        for source in ("own", "rewrite", "other")
        for number in range(12)
    }
    assert {stage["status"] for stage in project.stages().values()} == {"done"}


def lose(project: Project, share: int) -> int:
    """Leave the run as if every so many-th answer had never come; how many these are."""
    with sqlite3.connect(project.output / "journal.sqlite") as connection:
        keys = f"SELECT stage, example_id, attempt, request_hash FROM completions WHERE rowid % {share} = 0"
        connection.execute(f"DELETE FROM verdicts WHERE (stage, example_id, attempt, request_hash) IN ({keys})")
        lost = connection.execute(f"DELETE FROM completions WHERE rowid % {share} = 0").rowcount
    connection.close()
    facts = json.loads((project.output / "run.json").read_text(encoding="utf-8"))
    for stage in facts["stages"].values():
        stage["status"] = "running"
    (project.output / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return lost


@pytest.mark.slow
@pytest.mark.parametrize("keys", ["rewrite.on_failure=drop", "rewrite.select=shortest", "rewrite.on_failure=retry"])
def test_going_on_ends_in_the_same_targets(project: Project, keys: str) -> None:
    body = "[right, wrong, '', right + ' ' + 'x ' * (request.seed % 5)][request.seed % 4]"
    given = flags(project, "vanilla, ssr, cascade, mix_50", body, keys, "rewrite.samples=3")
    assert project.ownwords("rewrite", *given) == 0
    names = [f"data/{arm}/train.parquet" for arm in ("vanilla", "ssr", "cascade", "mix_50")]
    whole = {name: (project.output / name).read_bytes() for name in [*names, "samples.json"]}
    before = asked(project)
    lost = lose(project, 3)
    assert project.ownwords("rewrite", *given) == 0
    again = asked(project)[len(before) :]
    assert (len(again), set(again) <= set(before)) == (lost, True)
    assert {name: (project.output / name).read_bytes() for name in whole} == whole


def test_samples_stop_at_the_first_that_passes(project: Project) -> None:
    body = "right if request.seed % 3 == 0 else wrong"
    given = flags(project, "sdft", body, "rewrite.samples=4", "rewrite.on_failure=retry", "rewrite.max_attempts=2")
    assert project.ownwords("rewrite", *given) == 0
    for number, row in rows(project, "sdft").items():
        draws = sum(asked_about == number for _, asked_about in asked(project))
        assert draws == (row["attempt"] + 1 if row["outcome"] == "accepted" else 4)
    assert {row["outcome"] for row in rows(project, "sdft").values()} == {"accepted", "fallback"}


def test_the_shortest_of_all_samples_wins_and_of_equal_ones_the_first(project: Project) -> None:
    body = "wrong if request.seed % 5 == 0 else right + ' so' * (request.seed % 3)"
    given = flags(project, "sdft", body, "rewrite.samples=4", "rewrite.select=shortest")
    assert project.ownwords("rewrite", *given) == 0
    assert len(asked(project)) == 48
    with Journal(project.output / "journal.sqlite") as journal:
        drawn = sorted(
            (key.example_id, key.attempt, completion) for key, completion, _ in journal.completions("rewrite")
        )
    for row in rows(project, "sdft").values():
        passing = [c for example_id, _, c in drawn if example_id == row["id"] and "999" not in c.text]
        if passing:
            best = min(passing, key=lambda completion: len(completion.text.split()))
            assert (text(row), row["completion_tokens"]) == (best.text, len(best.text.split()))
        else:
            assert row["outcome"] == "fallback"
    lengths = {row["completion_tokens"] for row in rows(project, "sdft").values() if row["outcome"] == "accepted"}
    assert len(lengths) > 1
    assert summary(project)["sources"][0]["completion_tokens"] == sum(c.completion_tokens for _, _, c in drawn)


def test_another_model_rewrites_under_its_own_name(project: Project) -> None:
    given = [*flags(project, "sdft, other_rewriter"), *another(project)]
    assert project.ownwords("rewrite", *given) == 0
    assert counts(project) == {"rewrite": 12, "other": 12}
    for row in rows(project, "other_rewriter").values():
        assert (row["source"], row["model"]) == ("rewrite", "another-model")
        assert text(row).startswith("By other.")
    card = (project.output / "data" / "other_rewriter" / "README.md").read_text(encoding="utf-8")
    assert "| rewritten by | another-model |" in card
    before = project.stages()["rewrite"]
    given = [*flags(project, "sdft, other_rewriter"), *another(project, model="third-model")]
    assert project.ownwords("rewrite", *given) == 2
    assert project.ownwords("rewrite", *given, "--yes") == 0
    assert counts(project) == {"rewrite": 12, "other": 24}
    assert project.stages()["rewrite"] == before


def test_an_arm_with_rewrites_joins_a_gap_that_was_measured_without_and_asks_for_no_leave(project: Project) -> None:
    assert project.ownwords("gap", *flags(project, "vanilla")) == 0
    measured = (project.output / "gap.json").read_text(encoding="utf-8")
    assert project.ownwords("rewrite", *flags(project, "vanilla, sdft")) == 0
    assert project.ownwords("gap", *flags(project, "vanilla, sdft")) == 0
    assert (project.output / "gap.json").read_text(encoding="utf-8") != measured


def test_other_data_need_leave_before_the_gap_is_measured_again(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("gap", *flags(project, "vanilla")) == 0
    assert project.ownwords("gap", *flags(project, "vanilla"), "data.train.limit=5") == 2
    assert "Add --yes" in capsys.readouterr().err
    assert project.ownwords("gap", *flags(project, "vanilla"), "data.train.limit=5", "--yes") == 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["tune.arms=[other_rewriter]"], "rewrite.model names none"),
        (["rewrite.runtime={engine: scripted}"], "rewrite.runtime is the engine of rewrite.model"),
        (["rewrite.select=shortest"], "set rewrite.samples"),
        (["rewrite.only={gap_above: -1}"], "rewrite.only.gap_above"),
        (
            ["tune.arms=[other_rewriter]", "rewrite.model={name_or_path: x}", "rewrite.runtime={engine: vlm}"],
            "vllm",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    project: Project, capsys: pytest.CaptureFixture[str], overrides: list[str], message: str
) -> None:
    assert project.ownwords("rewrite", *overrides) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not project.output.exists()


def test_rewriting_reads_what_it_read_before_there_were_other_sources(project: Project) -> None:
    """Finished rewriting of an earlier version stays valid, and other sources do not touch it."""
    context = Context(open_recipe(project.recipe))
    keys = {key for key in origins.inputs(context, REWRITE) if not key.startswith(("data.", "rewrite.sampling."))}
    assert keys == {
        "model.name_or_path",
        "rewrite.prompt",
        "rewrite.prompt.text",
        "rewrite.turns",
        "rewrite.checks",
        "rewrite.checks.code",
        "rewrite.on_failure",
        "rewrite.max_attempts",
        "rewrite.chat_template",
        "rewrite.chat_template.text",
        "seed",
    }
    other = Context(open_recipe(project.recipe, [*another(project), "tune.arms=[other_rewriter]"]))
    assert origins.inputs(other, REWRITE) == origins.inputs(context, REWRITE)
    changed = origins.inputs(other, OTHER).items() ^ origins.inputs(context, REWRITE).items()
    assert {key for key, _ in changed} == {"model.name_or_path", "rewrite.model.name_or_path"}
    own = origins.inputs(context, OWN)
    assert "tune.chat_template.text" in own
    assert not {"rewrite.prompt", "rewrite.prompt.text", "rewrite.chat_template"} & set(own)


@pytest.mark.parametrize(
    ("on_failure", "read"),
    [
        ("fallback", {"vanilla": set(), "sdft": {"rewrite"}, "ssr": {"own"}, "cascade": {"own", "rewrite"}}),
        ("drop", {arm: {"own", "rewrite"} for arm in ("vanilla", "sdft", "ssr", "cascade")}),
    ],
)
def test_a_training_reads_the_sources_that_its_targets_depend_on(
    project: Project, on_failure: str, read: dict[str, set[str]]
) -> None:
    keys = ["tune.arms=[vanilla, sdft, ssr, cascade]", f"rewrite.on_failure={on_failure}"]
    context = Context(open_recipe(project.recipe, keys))
    for training in context.trainings:
        found = {key.removeprefix("stage ") for key in tune.inputs(context, training) if key.startswith("stage ")}
        assert found == read[training.arm.name]


def test_explain_tells_the_attempts_of_all_sources(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    given = [*flags(project, "cascade, other_rewriter", SOME.replace("'own': 2", "'own': 5")), *another(project)]
    assert project.ownwords("rewrite", *given) == 0
    capsys.readouterr()
    assert main(["explain", str(project.output), rows(project, "cascade")[3]["id"], "--json"]) == 0
    story = json.loads(capsys.readouterr().out)
    told_of = [(attempt["source"], attempt["same_prompt"]) for attempt in story["attempts"]]
    assert told_of == [("own", True), ("rewrite", True), ("other", True)]
    assert {arm: target["text"].split(".")[0] for arm, target in story["targets"].items()} == {
        "cascade": "By rewrite",
        "other_rewriter": "By other",
    }
    assert main(["explain", str(project.output), rows(project, "cascade")[3]["id"]]) == 0
    said = capsys.readouterr().out
    assert "Own answer 1" in said
    assert "Attempt by rewrite.model 1" in said


def test_the_report_says_where_targets_come_from(project: Project) -> None:
    assert project.ownwords("rewrite", *flags(project, "vanilla, sdft, cascade", SOME)) == 0
    assert project.ownwords("report", "tune.arms=[vanilla, sdft, cascade]") == 0
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "Where targets come from" in page
    cells = "".join(f'<td class="n">{number}</td>' for number in (6, 2, 4))
    assert f"<tr><td>cascade</td>{cells}" in page
    assert "wrong_answer 4" in page
    assert "what the arm takes" in page


def test_status_lists_the_sources_of_the_arms(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    given = flags(project, "ssr")
    assert project.ownwords("rewrite", *given) == 0
    capsys.readouterr()
    assert project.ownwords("status", "tune.arms=[ssr]", "--json") == 0
    stages = {stage["stage"]: stage for stage in json.loads(capsys.readouterr().out)["stages"]}
    assert [name for name in stages if not name.startswith("evaluate")] == [
        "own",
        "rewrite",
        "targets",
        "gap",
        "tune/ssr",
    ]
    assert (stages["own"]["completions"], stages["targets"]["status"]) == (12, "done")


def test_an_arm_of_other_sources_is_exported_with_its_own_outcomes(project: Project, tmp_path: Path) -> None:
    assert project.ownwords("rewrite", *flags(project, "sdft, ssr", SOME)) == 0
    folder = tmp_path / "exported"
    assert main(["export", str(project.output), "--arm", "ssr", "--format", "messages", "-o", str(folder)]) == 0
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "6 accepted, 6 fallback" in card
    assert "6 from own, 6 from reference" in card


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sources": ["own", "rewrite"]}, ["the model's own answers"]),
        ({"sources": ["rewrite", "other"], "samples": 3}, ["rewrites by rewrite.model and 3 samples a row"]),
        ({"sources": ["own"]}, ["no arm takes rewrites by the seed", "the model's own answers"]),
        ({"some_rows_only": True}, ["one likelihood a row"]),
        ({"samples": 2, "temperature": 0.0}, ["draws the same answer 2 times", "2 samples a row"]),
        ({}, []),
    ],
)
def test_validate_says_what_its_estimates_leave_out(changed: dict[str, Any], said: list[str]) -> None:
    fit = {"refused": 0, "cut": 0, "judged": False, "sources": ["rewrite"], "samples": 1, "temperature": 0.95}
    found = list(cautions._rewriting({"rewriting": {**fit, "some_rows_only": False, **changed}, "probe": {}}))
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found, strict=True))
