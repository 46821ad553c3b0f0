"""The seed is asked before the arms where its answers are what an arm is measured by."""

# pyright: basic
from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ownwords.engines.transformers import TransformersEngine
from ownwords.journal import Journal
from ownwords.records import Request
from tests.pipeline.conftest import Project

ENGINE = ["runtime.engine=transformers", "runtime.device=cpu", "runtime.dtype=float32"]
TUNING = ["tune.arms=[vanilla]", "tune.learning_rate=0.01"]


def benchmarks(project: Project) -> str:
    path = project.folder / "prompts.json"
    path.write_text(json.dumps([{"instruction": f"Say {word}."} for word in ("a", "b", "c", "d")]), encoding="utf-8")
    return f"evaluate.benchmarks=[{{seed_nll: {{path: {path}, max_tokens: 12}}}}]"


@pytest.mark.slow
def test_an_arms_difference_is_the_log_ratio_of_the_seeds_own_answers(project: Project) -> None:
    assert project.ownwords("run", benchmarks(project), *ENGINE, *TUNING) == 0
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    seed, vanilla = ({s["variant"]: s for s in summary["scores"]}[name] for name in ("seed", "vanilla"))
    assert seed["n"] == vanilla["n"] == 4
    (difference,) = summary["differences"]
    assert math.isclose(difference["mean"], vanilla["mean"] - seed["mean"], abs_tol=1e-9)
    assert difference["mean"] != 0


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "behind"), [(None, 2), ("paper/alpaca", 1)])
def test_of_a_cut_answer_every_token_of_its_own_counts(project: Project, layout: str | None, behind: int) -> None:
    """ChatML ends a turn with a marker and a line feed, the paper's layout with a marker alone. The tiny model has a
    token a byte, so the answer's length says how many are its own."""
    chosen = [] if layout is None else [f"tune.chat_template={layout}"]
    assert project.ownwords("run", benchmarks(project), *ENGINE, *TUNING, *chosen) == 0
    with Journal(project.output / "journal.sqlite") as journal:
        said = {key.example_id: c for key, c, _ in journal.completions("answers/seed_nll")}
        read = {key.example_id: c.logprobs or () for key, c, _ in journal.completions("evaluate/seed_nll/vanilla")}
    cut = {item for item, completion in said.items() if completion.finish_reason == "length"}
    assert cut
    rows = pq.read_table(project.output / "scores" / "seed_nll" / "vanilla.parquet").to_pylist()
    for row in rows:
        logprobs = read[row["item_id"]]
        if row["item_id"] in cut:
            own = len(said[row["item_id"]].text.encode())
            assert len(logprobs) == own + behind
            logprobs = logprobs[:own]
        assert row["score"] == pytest.approx(-sum(logprobs) / len(logprobs), abs=1e-3)


@pytest.mark.slow
def test_the_seed_answers_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    generated: list[str] = []
    plain = TransformersEngine.stream

    def recorded(self: TransformersEngine, requests: list[Request]):
        asked = list(requests)
        generated.extend(request.id for request in asked if request.target is None)
        return plain(self, asked)

    assert project.ownwords("rewrite") == 0
    monkeypatch.setattr(TransformersEngine, "stream", recorded)
    assert project.ownwords("run", benchmarks(project), *ENGINE, *TUNING) == 0
    assert len(generated) == 4
    scores = project.output / "scores" / "seed_nll"
    first = pq.read_table(scores / "vanilla.parquet")["score"].to_pylist()
    for path in (*scores.iterdir(), *(project.output / "scores").glob("*.json")):
        path.unlink()
    assert project.ownwords("run", benchmarks(project), *ENGINE, *TUNING) == 0
    assert len(generated) == 4
    again = pq.read_table(scores / "vanilla.parquet")["score"].to_pylist()
    assert again == pytest.approx(first, abs=1e-5)  # the journal rounds likelihoods


def answers(project: Project) -> dict[str, str]:
    """What the journal has of the seed's answers, with the dtype that they were computed in."""
    with Journal(project.output / "journal.sqlite") as journal:
        return {k.example_id: json.loads(engine)["dtype"] for k, _, engine in journal.completions("answers/seed_nll")}


@pytest.mark.slow
def test_answers_of_another_engine_are_asked_again_where_no_score_rests_on_them(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("run", benchmarks(project), *ENGINE, *TUNING) == 0
    sixteen = ["runtime.engine=transformers", "runtime.device=cpu", "runtime.dtype=bfloat16"]
    both = [*TUNING, "tune.sweep.seed=[42, 43]"]
    assert project.ownwords("tune", benchmarks(project), *ENGINE, *both) == 0
    assert project.ownwords("evaluate", benchmarks(project), *sixteen, *both) == 2
    assert "come from another engine" in capsys.readouterr().err
    assert set(answers(project).values()) == {"float32"}  # the finished scores' are still there
    shutil.rmtree(project.output / "scores")
    assert project.ownwords("evaluate", benchmarks(project), *sixteen, *both) == 0
    assert "answers/seed_nll: 4 answers of another engine are asked again" in capsys.readouterr().err
    assert list(answers(project).values()) == ["bfloat16"] * 4


@pytest.mark.slow
def test_a_prompt_that_the_seed_cannot_answer_is_left_out_and_said(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    path: Path = project.folder / "long.json"
    path.write_text(json.dumps([{"instruction": "Say a."}, {"instruction": "long " * 300}]), encoding="utf-8")
    wanted = f"evaluate.benchmarks=[{{seed_nll: {{path: {path}, max_tokens: 12}}}}]"
    assert project.ownwords("run", wanted, *ENGINE, *TUNING) == 0
    assert "seed_nll: 1 prompts are left out: the seed has no answer" in capsys.readouterr().err
    assert pq.read_table(project.output / "scores" / "seed_nll" / "seed.parquet").num_rows == 1
