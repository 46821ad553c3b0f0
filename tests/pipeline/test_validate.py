"""Validation: its numbers are those of an independent count, what looks wrong is said, and nothing is written."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from ownwords.prompts.render import load_prompt
from ownwords.records import Example, Message
from tests.pipeline.conftest import Project, contents, question, script, write_rows
from tests.tiny import CONTEXT, SPECIAL_TOKENS

Validate = Callable[..., dict[str, Any]]
TRAINED = [question(number) for number in range(12)]


@pytest.fixture
def validate(project: Project, capsys: pytest.CaptureFixture[str]) -> Validate:
    """Run the verb with overrides, without a trial unless asked for, and give its facts."""

    def run(*rest: str) -> dict[str, Any]:
        trial = [] if "--probe" in rest else ["--probe", "0"]
        before = contents(project.folder)
        assert project.ownwords("validate", "--json", *trial, *rest) == 0
        assert contents(project.folder) == before
        return json.loads(capsys.readouterr().out)

    return run


def tokens(text: str) -> int:
    """What the tiny tokenizer makes of a text: a token a byte, one for each special token."""
    for special in SPECIAL_TOKENS:
        text = text.replace(special, "\0")
    return len(text.encode())


def prompt_tokens(prompt: str) -> int:
    return tokens(f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n")


def target_tokens(reference: str) -> int:
    return tokens(f"{reference}<|im_end|>\n")


def quantiles(values: list[int]) -> dict[str, int]:
    ordered = sorted(values)
    found = {str(q): ordered[math.ceil(q * len(ordered)) - 1] for q in (0.1, 0.5, 0.9, 0.99)}
    return {**found, "max": ordered[-1]}


def rewriting_tokens(row: dict[str, str]) -> int:
    rendered = load_prompt("chat/math").render(Example("", (Message("user", row["question"]),), row["answer"]))
    return prompt_tokens(rendered.messages[-1].content)


def rows_file(project: Project, rows: list[dict[str, str]]) -> list[str]:
    """Overrides that train on these rows; unseen ones are others."""
    train = write_rows(project.folder / "train.jsonl", rows)
    heldout = write_rows(project.folder / "heldout.jsonl", [question(number) for number in range(90, 98)])
    columns = "columns: {prompt: question, response: answer}"
    return [f"data.train.path={train}", f"data.heldout={{path: {heldout}, {columns}}}", "data.train.limit=1000"]


def test_rows_are_counted_and_the_first_is_shown_as_mapped(validate: Validate) -> None:
    data = validate()["data"]
    assert (data["train"]["rows"], data["train"]["examples"]) == (12, 12)
    assert data["heldout"] == {"rows": 8, "examples": 8}
    assert data["train"]["first"] == {
        "tools": [],
        "origin": "rows.jsonl line 1",
        "messages": [{"role": "user", "content": TRAINED[0]["question"]}],
        "reference": TRAINED[0]["answer"],
    }


def test_a_row_with_several_assistant_turns_gives_several_examples(project: Project, validate: Validate) -> None:
    turns = [{"role": role, "content": f"{role} {n}"} for n in range(3) for role in ("user", "assistant")]
    path = project.folder / "chat.jsonl"
    path.write_text(json.dumps({"messages": turns}) + "\n" + json.dumps({"messages": turns[:2]}) + "\n")
    facts = validate(f"data.train={{path: {path}}}", "evaluate.benchmarks=[]")
    assert (facts["data"]["train"]["rows"], facts["data"]["train"]["examples"]) == (2, 4)
    assert facts["duplicates"] == {"examples": 4, "duplicates": 1, "different": 3}


def test_without_unseen_rows_it_says_why_unless_a_benchmark_needs_them(
    project: Project, validate: Validate, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = validate("data.train.limit=100", "evaluate.benchmarks=[]")
    assert facts["data"]["heldout"] is None
    assert "training uses every row" in facts["data"]["heldout_missing"]
    assert any("training uses every row" in warning for warning in facts["warnings"])
    assert project.ownwords("validate", "data.train.limit=100") == 2
    assert "training uses every row" in capsys.readouterr().err


def test_lengths_are_those_of_the_rendered_rows(validate: Validate) -> None:
    prompts = [prompt_tokens(row["question"]) for row in TRAINED]
    targets = [target_tokens(row["answer"]) for row in TRAINED]
    assert validate()["lengths"] == {
        "prompt": quantiles(prompts),
        "reference": quantiles(targets),
        "whole": quantiles([p + t for p, t in zip(prompts, targets, strict=True)]),
        "rewriting_prompt": quantiles([rewriting_tokens(row) for row in TRAINED]),
    }


@pytest.mark.parametrize("on_too_long", ["drop", "truncate", "error"])
def test_what_a_maximum_length_costs_is_counted(validate: Validate, on_too_long: str) -> None:
    limit = 62
    pairs = [(prompt_tokens(row["question"]), target_tokens(row["answer"])) for row in TRAINED]
    over = [(p, t) for p, t in pairs if p + t > limit]
    kept = sum(t for p, t in pairs if p + t <= limit)
    assert 0 < len(over) < 12
    facts = validate(f"tune.max_length={limit}", f"tune.on_too_long={on_too_long}")
    training = facts["training"]
    assert training["too_long"] == len(over)
    if on_too_long == "truncate":
        assert training["supervised_tokens"] == kept + sum(limit - p for p, _ in over)
        assert training["truncated_tokens"] == sum(p + t - limit for p, t in over)
        assert (training["rows"], training["truncated_rows"], training["dropped_rows"]) == (12, len(over), 0)
    else:
        assert training["supervised_tokens"] == kept
        assert (training["rows"], training["truncated_rows"]) == (12 - len(over), 0)
    refused = any("refuses this recipe" in warning for warning in facts["warnings"])
    assert refused == (on_too_long == "error")


def test_everything_is_supervised_where_it_fits(validate: Validate) -> None:
    training = validate()["training"]
    assert training["supervised_tokens"] == sum(target_tokens(row["answer"]) for row in TRAINED)
    assert (training["rows"], training["too_long"]) == (12, 0)


def test_nothing_left_to_train_on_is_a_warning(validate: Validate) -> None:
    facts = validate("tune.max_length=20", "tune.on_too_long=drop")
    assert (facts["training"]["rows"], facts["training"]["dropped_rows"]) == (0, 12)
    assert any("nothing is left to train on" in warning for warning in facts["warnings"])


def test_the_layout_is_part_of_the_length(validate: Validate) -> None:
    plain, paper = validate()["lengths"], validate("tune.chat_template=paper/gsm8k")["lengths"]
    assert paper["prompt"] != plain["prompt"]
    assert paper["rewriting_prompt"] == plain["rewriting_prompt"]


@pytest.mark.parametrize("max_tokens", [8, 148, 500])
def test_answers_that_the_context_cuts_are_counted(validate: Validate, max_tokens: int) -> None:
    lengths = [rewriting_tokens(row) for row in TRAINED]
    facts = validate(f"rewrite.sampling.max_tokens={max_tokens}")
    assert facts["rewriting"] == {
        "context": CONTEXT,
        "max_tokens": max_tokens,
        "longest_prompt": max(lengths),
        "room": CONTEXT - max(lengths) - max_tokens,
        "cut": sum(length + max_tokens > CONTEXT for length in lengths),
        "refused": 0,
        "judged": False,
        "sources": ["rewrite"],
        "samples": 1,
        "temperature": 0.95,
        "some_rows_only": False,
    }
    assert any("a long answer to them is cut" in w for w in facts["warnings"]) == (facts["rewriting"]["cut"] > 0)


def test_prompts_that_fill_the_context_are_counted(project: Project, validate: Validate) -> None:
    long = {"question": "Why " * 60 + "?", "answer": "The answer is 1."}
    facts = validate(*rows_file(project, [*TRAINED, long]))
    assert facts["rewriting"]["refused"] == 1
    assert any("1 rewriting prompts fill the context" in warning for warning in facts["warnings"])


def test_exact_duplicates_are_counted(project: Project, validate: Validate) -> None:
    rows = [question(n) for n in (1, 2, 1, 3, 1, 2)]
    facts = validate(*rows_file(project, rows))
    assert facts["duplicates"] == {"examples": 6, "duplicates": 3, "different": 3}
    assert facts["warnings"][0].startswith("3 of 6 training examples repeat an earlier one exactly")


@pytest.mark.slow
def test_openfunctions_has_522_exact_duplicates(shared_data: Path, validate: Validate) -> None:
    facts = validate(
        f"data.train={{path: {shared_data}/openfunction_train.json}}", "evaluate.benchmarks=[]", "tune.max_length=9999"
    )
    assert facts["data"]["train"]["rows"] == 2211
    assert facts["duplicates"] == {"examples": 2211, "duplicates": 522, "different": 1689}


LONG = "A robe takes two bolts of blue fiber and half that much white fiber, so how many bolts does it take in total?"


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (LONG, "exact"),
        (f"  {LONG.upper()}\n", "exact"),
        (LONG.replace("total?", "sum?"), "near"),
        (LONG.replace(",", ""), "near"),
        (LONG.replace("two bolts", "nine metres").replace("how many", "tell me which"), None),
        ("What is the capital of France, and since when has it been?", None),
    ],
)
def test_test_questions_among_the_training_prompts_are_found(
    project: Project, validate: Validate, item: str, kind: str | None
) -> None:
    rows = [*TRAINED, {"question": LONG, "answer": "The answer is 3."}]
    test = write_rows(project.folder / "test.jsonl", [question(60), {"question": item, "answer": "The answer is 3."}])
    facts = validate(*rows_file(project, rows), f"evaluate.benchmarks=[{{gsm8k: {{path: {test}}}}}]")
    (found,) = facts["overlap"]
    assert (found["benchmark"], found["items"]) == ("gsm8k", 2)
    assert {k: found[k]["items"] for k in ("exact", "near")} == {"exact": kind == "exact", "near": kind == "near"}
    assert any("gsm8k" in warning for warning in facts["warnings"]) == (kind is not None)
    if kind is not None:
        (shown,) = found[kind]["shown"]
        assert (shown["question"], shown["prompt"], shown["origin"]) == (item, LONG, "train.jsonl line 13")


def test_at_most_three_repeats_are_shown(project: Project, validate: Validate) -> None:
    test = write_rows(project.folder / "test.jsonl", [question(number) for number in range(5)])
    (found,) = validate(f"evaluate.benchmarks=[{{gsm8k: {{path: {test}}}}}]")["overlap"]
    assert found["exact"]["items"] == 5
    assert [shown["question"] for shown in found["exact"]["shown"]] == [question(n)["question"] for n in range(3)]


def test_odd_references_are_counted(project: Project, validate: Validate) -> None:
    rows = [
        {"question": "Say it.", "answer": " Say it.\n"},
        {"question": "And now?", "answer": "\u200b"},
        {"question": "Как дела?", "answer": "Хорошо, ok"},
        {"question": "And 42?", "answer": "42"},
    ]
    facts = validate(*rows_file(project, rows))
    targets = facts["targets"]
    assert (targets["distinct"], targets["blank"], targets["same_as_prompt"]) == (4, 1, 1)
    assert targets["script_mix"] == {"none": 0.5, "latin": 0.25, "cyrillic": 0.25}
    assert sum("hold nothing that can be seen" in w or "same text as their prompt" in w for w in facts["warnings"]) == 2


def test_one_reference_for_all_prompts_is_a_warning(project: Project, validate: Validate) -> None:
    rows = [{**row, "answer": "yes"} for row in TRAINED]
    assert any("all 12 references are the same text" in w for w in validate(*rows_file(project, rows))["warnings"])
    assert not any("the same text" in warning for warning in validate()["warnings"])


def test_tokens_that_the_model_does_not_have_are_found(project: Project, validate: Validate, tiny_model: Path) -> None:
    other = shutil.copytree(tiny_model, project.folder / "other")
    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.add_tokens(["<extra>"])  # not special: those stay text in a message
    tokenizer.save_pretrained(other)
    rows = [*TRAINED[:3], {"question": "Which?", "answer": "This one: <extra>."}]
    facts = validate(*rows_file(project, rows), f"model.name_or_path={other}")
    assert (facts["targets"]["outside_vocabulary"], facts["targets"]["vocabulary"]) == (1, 260)
    assert any("1 rows hold a token" in warning for warning in facts["warnings"])
    assert validate(*rows_file(project, rows))["targets"]["outside_vocabulary"] == 0


@pytest.mark.slow
def test_the_trial_rewrites_rows_of_every_length(project: Project, validate: Validate) -> None:
    rows = [{"question": "x" * (10 * n + 10), "answer": f"{n}"} for n in (5, 0, 3, 7, 1, 6, 2, 4)]
    trial = validate(*rows_file(project, rows), "--probe", "4", "runtime.scripted.delay_ms=20")["probe"]
    assert (trial["rows"], trial["errors"], len(set(trial["ids"]))) == (4, 0, 4)
    assert trial["seconds"] >= 0.08
    assert trial["rows_per_second"] == pytest.approx(4 / trial["seconds"], rel=0.05)
    assert trial["hours"] == pytest.approx(8 / trial["rows_per_second"] / 3600)
    assert trial["tokens_per_second"] == pytest.approx(trial["rows_per_second"])  # each answer is one word
    assert trial["peak_resident_gib"] > 0.01
    assert trial["peak_device_gib"] is None
    assert validate(*rows_file(project, rows), "--probe", "99")["probe"]["rows"] == 8
    assert validate(*rows_file(project, rows), "--probe", "0")["probe"] is None


@pytest.mark.slow
def test_a_trial_that_gets_no_answer_is_a_warning(validate: Validate) -> None:
    facts = validate("--probe", "3", "runtime.scripted.fail_share=1")
    assert facts["probe"]["errors"] == 3
    assert any("3 of 3 probed rows have no answer" in warning for warning in facts["warnings"])


def test_without_a_trial_nothing_is_asked(project: Project, validate: Validate) -> None:
    validate(*script(project, "raise RuntimeError('asked')"))
    assert project.ownwords("validate", *script(project, "raise RuntimeError('asked')")) == 1


@pytest.mark.slow
def test_training_is_tried_on_the_longest_rows_and_leaves_nothing(project: Project, validate: Validate) -> None:
    rows = [{"question": "x" * (10 * n + 10), "answer": f"{n}"} for n in range(8)]
    use = ["--probe", "1", "tune.num_train_epochs=3", "tune.per_device_train_batch_size=2"]
    facts = validate(*rows_file(project, rows), *use)
    trial, lengths = facts["training_probe"], facts["lengths"]["whole"]
    assert (trial["rows"], trial["longest"]) == (4, lengths["max"])
    assert trial["tokens_per_second"] > 0
    assert trial["hours_an_arm"] > 0
    assert trial["peak_resident_gib"] > 0.01
    assert validate(*rows_file(project, rows), "--probe", "0")["training_probe"] is None


@pytest.mark.slow
def test_the_recipes_engine_makes_the_trial(validate: Validate) -> None:
    trial = validate("runtime.engine=transformers", "rewrite.sampling.max_tokens=4", "--probe", "2")["probe"]
    assert (trial["engine"]["kind"], trial["rows"], trial["errors"]) == ("transformers", 2, 0)
    assert trial["startup_seconds"] > 0


@pytest.mark.slow
def test_people_read_the_same_with_warnings_last(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*TRAINED, TRAINED[0]]
    assert project.ownwords("validate", *rows_file(project, rows), "rewrite.sampling.max_tokens=8") == 0
    text = capsys.readouterr().out
    assert "13 rows, 13 examples" in text
    assert "1 exact, 12 different examples" in text
    assert "4 rows tried with scripted" in text
    assert text.index("Warnings") > text.index("Rewriting")
    assert "1 of 13 training examples repeat an earlier one exactly" in text.partition("Warnings")[2]
    assert project.ownwords("validate", "rewrite.sampling.max_tokens=8") == 0
    assert "Nothing looks wrong." in capsys.readouterr().out


@pytest.mark.slow
def test_the_plan_of_training_is_told_and_a_single_step_is_no_plan(
    project: Project, validate: Validate, capsys: pytest.CaptureFixture[str]
) -> None:
    use = ["tune.per_device_train_batch_size=4", "tune.gradient_accumulation_steps=1", "tune.checkpoints=1"]
    use += ["tune.sweep={num_train_epochs: [1, 2], seed: [1, 2]}"]
    training = validate(*use)["training"]
    assert (training["trainings"], training["steps"], training["batch"]) == (8, [3, 6], [4, 1])
    assert training["variants"] == 16  # the end of each, and a place on the way
    assert not any("single optimizer step" in warning for warning in validate(*use)["warnings"])
    assert any(
        "12 rows in batches of 4 × 3" in w
        for w in validate(*use[:1], "tune.gradient_accumulation_steps=3", "tune.num_train_epochs=1")["warnings"]
    )
    capsys.readouterr()
    assert project.ownwords("validate", *use) == 0
    assert "8, of 3 to 6 optimizer steps with batches of 4 × 1; variants to evaluate: 16" in " ".join(
        capsys.readouterr().out.split()
    )


FAULTS: list[tuple[list[str], str]] = [
    (["data.train.path=none.jsonl"], "none.jsonl"),
    (["rewrite.promt=x"], "Did you mean 'prompt'"),
    (["rewrite.prompt=chat/meth"], "Did you mean 'chat/math'"),
    (["rewrite.checks=[final_anser]"], "Did you mean 'final_answer'"),
    (["model.name_or_path=./no-model-here"], "no-model-here"),
    (["tune.lora.target_modules=[q_prj]"], "Did you mean 'q_proj'"),
    (["tune.lr_scheduler_type=cosin"], "Did you mean 'cosine'"),
    (["evaluate.benchmarks=[{gsm8k: {path: none.jsonl}}]"], "none.jsonl"),
    (["output_dir=recipe.yaml"], "is a file"),
    (["--probe", "-1"], "--probe -1"),
]


@pytest.mark.parametrize(("rest", "message"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_what_is_wrong_is_one_message_and_nothing_is_written(
    project: Project, capsys: pytest.CaptureFixture[str], rest: list[str], message: str
) -> None:
    rest = [word.replace("=recipe.yaml", f"={project.recipe}") for word in rest]
    before = contents(project.folder)
    assert project.ownwords("validate", *rest) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert contents(project.folder) == before
