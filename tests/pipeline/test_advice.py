"""`ownwords gap DATA --model M`: what it measures with a tiny real model, and what it refuses."""

# pyright: basic
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ownwords.cli import main
from ownwords.stages.advice import spread
from ownwords.stages.advice_numbers import surprising
from ownwords.stages.recommendation import recommend
from tests.pipeline.conftest import contents, question, write_rows
from tests.tiny import make_tiny_model

COLUMNS = ["--columns", "prompt=question,response=answer"]
SHORT = ["rewrite.sampling.max_tokens=8", "runtime.dtype=float32"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", [question(number) for number in range(12)])


def gap(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["gap", *words]) == 0
    return capsys.readouterr().out


def test_facts_are_those_of_the_model_itself_and_nothing_is_written(
    rows: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from ownwords import models
    from ownwords.recipe import ModelSection

    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    words = [str(rows), "--model", str(tiny_model), *COLUMNS, "--limit", "9", "--answers", "4", "--json", *SHORT]
    facts = json.loads(gap(capsys, *words))
    assert contents(tmp_path) == before
    assert (facts["gap"]["n"], facts["examples"], facts["own"]["asked"], facts["rewrites"]["asked"]) == (9, 12, 4, 4)
    assert facts["recommendation"]["verdict"]
    # One row, from the whole logits: the prompt as text, then every byte of the target and its end marker.
    worst = facts["worst"][0]
    row = next(r for r in (question(n) for n in range(12)) if r["answer"] == worst["reference"])
    model = models.resolve(ModelSection(name_or_path=str(tiny_model)))
    tokenizer = models.load_tokenizer(model)
    prompt = tokenizer(f"<|im_start|>user\n{row['question']}<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
    target = tokenizer(f"{row['answer']}<|im_end|>\n")["input_ids"]
    with torch.no_grad():
        logits = models.load_weights(model, torch.float32, "cpu")(input_ids=torch.tensor([prompt + target])).logits[0]
    chosen = torch.log_softmax(logits.double(), -1)[len(prompt) - 1 : -1].gather(-1, torch.tensor(target)[:, None])
    assert worst["tokens"] == len(target)
    assert worst["nats"] == pytest.approx(-float(chosen.mean()), abs=1e-4)
    assert facts["worst"] == sorted(facts["worst"], key=lambda one: -one["nats"])
    assert all(span["text"] in f"{row['answer']}<|im_end|>\n" for span in worst["spans"])


def test_the_text_leads_with_the_recommendation_and_its_numbers(
    rows: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = gap(capsys, str(rows), "--model", str(tiny_model), *COLUMNS, "--answers", "3", *SHORT)
    assert said.startswith("Recommendation: ")
    for part in (
        "n = 12",
        "own answers",
        "rewrites pass the checks",
        "What this does not tell",
        "rows.jsonl",
        "time: ",
    ):
        assert part in said, part


def test_texts_that_are_cut_at_the_limit_are_said_first_and_no_verdict_is_drawn_from_them(
    rows: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(rows), "--model", str(tiny_model), *COLUMNS, "--answers", "3", "rewrite.sampling.max_tokens=2"]
    facts = json.loads(gap(capsys, *words, "--json"))
    assert [facts[part][key] for part in ("own", "rewrites") for key in ("answered", "cut_off")] == [3, 3, 3, 3]
    assert facts["recommendation"]["verdict"] == "not clear"
    said = " ".join(gap(capsys, *words).split())
    assert said.startswith(
        "Recommendation: not clear 3 of 3 of the model's own answers and 3 of 3 of the rewrites were cut off at 2 "
        "tokens: raise rewrite.sampling.max_tokens."
    )
    assert "What this does not tell - 3 of 3 of the model's own answers and 3 of 3 of the rewrites were cut off" in said
    assert "rewrites: 0 of 3 accepted, 3 cut off at 2 tokens; cut_off 3" in said


@pytest.mark.slow
def test_all_of_the_data_is_known_to_be_used(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [question(number) for number in range(3)])
    words = [str(rows), "--model", str(tiny_model), *COLUMNS, "--json", "rewrite.sampling.max_tokens=200"]
    facts = json.loads(gap(capsys, *words))
    assert (facts["examples"], facts["limit"], facts["gap"]["n"], facts["own"]["asked"]) == (3, 200, 3, 3)
    facts["own"] |= {"cut_off": 0, "reference_minus_own": {"n": 3, "mean": 0.5, "low": 0.0, "high": 1.0, "p": 0.5}}
    facts["rewrites"]["cut_off"] = 0
    assert "of its 3 examples all are scored and answered" in recommend(facts)["advice"]


def test_checks_that_look_at_the_result_are_named_also_inside_others_and_ones_own_are_not_vouched_for(
    rows: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from ownwords.records import Verdict\n\n\ndef good(example, candidate):\n    return Verdict(True, 'ok')\n",
        encoding="utf-8",
    )
    checks = f"[not_empty, {{all: [finished, final_answer]}}, {{any: [length_ratio, function_call]}}, {mine}:good]"
    words = [str(rows), "--model", str(tiny_model), *COLUMNS, "--answers", "2", "--allow-code", "--json", *SHORT]
    facts = json.loads(gap(capsys, *words, f"rewrite.checks={checks}"))
    assert facts["checks_of_result"] == {
        "seen": ["all(finished, final_answer)"],
        "partly": ["any(length_ratio, function_call)"],
        "own": [f"{mine}:good"],
    }
    assert "do not see whether a rewrite is right" not in facts["recommendation"]["limits"][-1]


def test_the_judge_among_the_checks_is_asked(
    rows: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opinion = {"differences": "", "same_result": True, "complete": True, "no_contradiction": True}
    code = tmp_path / "script.py"
    code.write_text(f"def answer(request):\n    return {json.dumps(opinion)!r}\n", encoding="utf-8")
    words = [
        *[str(rows), "--model", str(tiny_model), *COLUMNS, "--answers", "3", "--allow-code", "--json", *SHORT],
        *["rewrite.checks=[judge]", "rewrite.judge.runtime.engine=scripted"],
        f"rewrite.judge.runtime.scripted.function={code}:answer",
    ]
    facts = json.loads(gap(capsys, *words))
    assert (facts["rewrites"]["accepted"], facts["rewrites"]["reasons"]) == (3, {})
    assert facts["checks_of_result"]["seen"] == ["judge"]
    assert facts["engine"]["kind"] == "transformers"


def test_without_a_sandbox_a_check_that_runs_code_is_refused_before_any_work(
    rows: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ownwords.checks import _bubblewrap, sandbox
    from ownwords.checks._bubblewrap import NoSandboxError
    from ownwords.stages import advice

    def none() -> Path:
        raise NoSandboxError("bubblewrap is a Linux program.")

    monkeypatch.setattr(_bubblewrap, "binary", none)
    monkeypatch.setattr(sandbox._Permission, "unsafe", False)
    monkeypatch.setattr(sandbox._Tried, "works", False)
    monkeypatch.setattr(advice, "score", lambda *_: pytest.fail("something was scored"))
    words = [str(rows), "--model", str(tiny_model), *COLUMNS, *SHORT, "rewrite.checks=[python_runs]"]
    assert main(["gap", *words]) == 2
    assert "--allow-unsafe-code" in capsys.readouterr().err


def test_the_help_shows_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["gap", "-h"])
    said = capsys.readouterr().out
    assert "ownwords gap RECIPE [key=value ...]" in said
    assert "ownwords gap DATA --model MODEL [key=value ...]" in said
    assert "with --model, data in its place" in " ".join(said.split())


def test_rows_that_are_left_out_are_counted_with_a_reason(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [question(1), {"question": "Why?", "answer": ""}, question(2)])
    words = [str(rows), "--model", str(tiny_model), *COLUMNS, "data.on_bad_row=skip", *SHORT]
    facts = json.loads(gap(capsys, *words, "--json"))
    assert (facts["examples"], [row["origin"] for row in facts["skipped"]]) == (2, ["rows.jsonl line 2"])
    said = " ".join(gap(capsys, *words).split())
    assert "1 rows are wrong and left out, such as: rows.jsonl line 2: `answer` is empty" in said


@pytest.mark.slow
def test_the_same_words_give_the_same_numbers(rows: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(rows), "--model", str(tiny_model), *COLUMNS, "--limit", "6", "--answers", "3", "--json", *SHORT]
    first, second = (json.loads(gap(capsys, *words)) for _ in range(2))
    assert first | {"seconds": None} == second | {"seconds": None}


@pytest.mark.slow
def test_a_layout_changes_what_a_target_follows(
    rows: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(rows), "--model", str(tiny_model), *COLUMNS, "--limit", "4", "--answers", "2", "--json", *SHORT]
    plain = json.loads(gap(capsys, *words))
    alpaca = json.loads(gap(capsys, *words, "--layout", "paper/alpaca"))
    assert alpaca["layout"] == "paper/alpaca"
    assert alpaca["gap"]["mean"] != plain["gap"]["mean"]


def test_what_is_chosen_is_spread_by_content_and_a_smaller_choice_is_part_of_a_larger(rows: Path) -> None:
    from ownwords.data.load import load_train
    from ownwords.recipe import DataSection

    section = {"path": str(rows), "columns": {"prompt": "question", "response": "answer"}}
    examples = load_train(DataSection.model_validate({"train": section}))
    five = [example.id for example in spread(examples, 5)]
    assert [example.id for example in spread(reversed(list(examples)), 5)] == five
    assert [example.id for example in spread(examples, 3)] == five[:3]
    assert five != [example.id for example in examples][:5]


def test_the_share_of_surprising_tokens_is_that_of_all_tokens() -> None:
    edge = -float(np.log(2.5))
    rows = [[edge - 1e-6, -0.1, -0.1, -0.1], [edge + 1e-6, -3.0], [-0.2] * 4]
    found = surprising(rows)
    assert (found["tokens"], found["above"], found["share"]) == (10, 2, 0.2)
    flat = np.concatenate(rows)
    assert found["carried"] == pytest.approx(flat[np.exp(-flat) > 2.5].sum() / flat.sum())
    assert found["others"] == pytest.approx(-flat[np.exp(-flat) <= 2.5].mean())


def test_the_interval_of_the_share_covers_what_resampled_rows_give() -> None:
    rng = np.random.default_rng(1)
    rows = [list(-rng.exponential(0.9, rng.integers(5, 60)) * rng.uniform(0.4, 1.6)) for _ in range(150)]
    found = surprising(rows)
    counts = np.array([[sum(np.exp(-v) > 2.5 for v in row), len(row)] for row in rows])
    draws = counts[rng.integers(0, len(rows), (4000, len(rows)))].sum(axis=1)
    low, high = np.quantile(draws[:, 0] / draws[:, 1], [0.025, 0.975])
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.006)


def test_one_row_has_no_interval() -> None:
    found = surprising([[-0.1, -2.0]])
    assert (found["share"], found["low"], found["high"]) == (0.5, None, None)


# --- what it refuses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{rows}", "--model", "{model}", "--limit", "1"], "--limit 1: give how many"),
        (["{rows}", "--model", "{model}", "--answers", "1"], "--answers 1: give how many"),
        (["{rows}", "--model", "{model}", "--columns", "question"], "write prompt=NAME,response=NAME"),
        (["{rows}", "--model", "{model}", "--columns", "prompt=a,prompt=b,response=c"], "names two columns"),
        (["{rows}", "--model", "{model}", "--columns", "promt=question,response=answer"], "promt"),
        (["{rows}", "--model", "{model}", "--columns", "prompt=question,response=nothing"], "nothing"),
        (["{rows}", "--model", "./nowhere"], "there is no file or folder"),
        (["{rows}", "--model", "run:nowhere#sdft"], "there is no run directory"),
        (["{rows}", "--model", "{base}"], "has no chat template"),
        (["{rows}", "--model", "{model}", "--layout", "paper/alpacca"], "paper/alpaca"),
        (["{rows}", "--model", "{model}", "rewrite.promt=x"], "prompt"),
        (["{folder}/none.jsonl", "--model", "{model}"], "none.jsonl"),
        (["{folder}/empty.jsonl", "--model", "{model}"], "empty.jsonl"),
        (["{folder}/untold.jsonl", "--model", "{model}"], "untold.jsonl"),
        (["{rows}", "--limit", "3"], "--limit goes with --model"),
        (["{rows}", "--json"], "--json goes with --model"),
        (["{rows}"], "add --model"),
    ],
)
def test_bad_input_is_one_message(
    words: list[str],
    message: str,
    rows: Path,
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    write_rows(tmp_path / "untold.jsonl", [{"prompt": "Hello?", "completion": ""}])
    base = make_tiny_model(tmp_path / "base", chat_template=None) if "{base}" in words else tmp_path
    given = [word.format(rows=rows, model=tiny_model, base=base, folder=tmp_path) for word in words]
    if "--columns" not in words and "{rows}" in words and "--model" in words:
        given += COLUMNS
    assert main(["gap", *given]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err
