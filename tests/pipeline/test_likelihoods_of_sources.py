"""Where the seed's likelihoods decide: which rows are asked about (`only`), and which sample is taken (`most_likely`).

A tiny real model gives them; a scripted engine answers.
"""

# pyright: basic
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ownwords.engines.transformers import TransformersEngine
from ownwords.journal import Journal
from ownwords.records import Completion, Request
from tests.pipeline.conftest import Project, question, write_rows
from tests.pipeline.test_sources import asked, flags, lose, rows, summary, text

pytestmark = pytest.mark.slow

EXACT = "runtime.dtype=float32"


def nats(model: Path, prompt: str, targets: list[str]) -> list[float]:
    """Nats per token of each target after a prompt, from the model's full logits: the turn and its end marker count."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    before = tokenizer.encode(
        f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False
    )
    found: list[float] = []
    for target in targets:
        ids = tokenizer.encode(f"{target}<|im_end|>\n", add_special_tokens=False)
        with torch.no_grad():
            logits = network(torch.tensor([before + ids])).logits[0].double()
        total = sum(
            float(torch.logsumexp(logits[place - 1], 0) - logits[place - 1, token])
            for place, token in enumerate(ids, start=len(before))
        )
        found.append(total / len(ids))
    return found


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets that the real engine has been asked about."""
    seen: list[str] = []
    plain = TransformersEngine.stream

    def recorded(self: TransformersEngine, requests: Iterable[Request]) -> Iterator[Completion]:
        def each() -> Iterator[Request]:
            for request in requests:
                assert request.target is not None
                seen.append(request.target)
                yield request

        return plain(self, each())

    monkeypatch.setattr(TransformersEngine, "stream", recorded)
    return seen


def test_only_rows_far_from_the_seed_are_asked_about(project: Project, tiny_model: Path, scored: list[str]) -> None:
    near_to_far = sorted((nats(tiny_model, question(n)["question"], [question(n)["answer"]])[0], n) for n in range(12))
    limit = (near_to_far[6][0] + near_to_far[7][0]) / 2
    far = {number for value, number in near_to_far if value > limit}
    given = flags(project, "vanilla, sdft, ssr", "right", EXACT)
    only = [*given, f"rewrite.only={{gap_above: {limit}}}"]
    assert project.ownwords("rewrite", *only) == 0
    assert sorted(asked(project)) == sorted((source, number) for source in ("own", "rewrite") for number in far)
    for arm, source in (("sdft", "rewrite"), ("ssr", "own")):
        for number, row in rows(project, arm).items():
            told = ("accepted", source, "ok") if number in far else ("fallback", "reference", "near_the_seed")
            assert (row["outcome"], row["source"], row["reason"]) == told
    assert sorted(scored) == sorted(question(number)["answer"] for number in range(12))

    saved = summary(project)["only"]
    each = [completions_of(project, stage) for stage in ("own", "rewrite")]
    assert (saved["rows"], saved["near"]) == (12, 7)
    mean = sum(sum(c.completion_tokens for c in some) / len(some) for some in each)
    assert saved["completion_tokens_saved"] == round(7 * mean)
    assert saved["measuring_seconds"] == project.stages()["gap/references"]["seconds"]
    assert project.ownwords("report", *given[2:]) == 0
    assert "7 of 12 references (58.3 %)" in (project.output / "report.html").read_text(encoding="utf-8")

    seen, before = len(scored), len(asked(project))
    assert project.ownwords("rewrite", *only[:-1], f"rewrite.only={{gap_above: {near_to_far[6][0] - 1e-4}}}") == 2
    lower = [*given, f"rewrite.only={{gap_above: {(near_to_far[5][0] + near_to_far[6][0]) / 2}}}", "--yes"]
    assert project.ownwords("rewrite", *lower) == 0
    assert asked(project)[before:] == [("own", near_to_far[6][1]), ("rewrite", near_to_far[6][1])]
    assert project.ownwords("gap", *lower) == 0
    assert sorted(scored[seen:]) == sorted(f"By rewrite. {question(n)['answer']}" for _, n in near_to_far[6:])


def completions_of(project: Project, stage: str) -> list[Completion]:
    with Journal(project.output / "journal.sqlite") as journal:
        return [completion for _, completion, _ in journal.completions(stage)]


def test_a_row_without_a_likelihood_is_asked_about(project: Project) -> None:
    long = {"question": "What is 3 plus 3?", "answer": "Well. " * 100 + "The answer is 6."}
    path = write_rows(project.folder / "few.jsonl", [question(1), long, question(2)])
    given = flags(project, "sdft", "right", "rewrite.only={gap_above: 100}", f"data.train.path={path}")
    assert project.ownwords("rewrite", *given) == 0
    assert asked(project) == [("rewrite", 3)]
    assert project.ownwords("rewrite", *given) == 0
    assert len(asked(project)) == 1


#: Four samples by the request's seed, one of them wrong.
SAMPLES = "[right, 'So: ' + right, 'zzzz ' + right, wrong][request.seed % 4]"


def test_the_likeliest_of_the_samples_that_pass_wins(project: Project, tiny_model: Path, scored: list[str]) -> None:
    keys = ["rewrite.samples=4", "rewrite.select=most_likely", EXACT]
    given = flags(project, "sdft, ssr", SAMPLES, *keys)
    assert project.ownwords("rewrite", *given) == 0
    assert len(asked(project)) == 2 * 4 * 12
    several = 0
    with Journal(project.output / "journal.sqlite") as journal:
        drawn = {
            stage: sorted((key.example_id, key.attempt, c.text) for key, c, _ in journal.completions(stage))
            for stage in ("rewrite", "own")
        }
    for arm, stage in (("sdft", "rewrite"), ("ssr", "own")):
        for number, row in rows(project, arm).items():
            passing = [t for example_id, _, t in drawn[stage] if example_id == row["id"] and "999" not in t]
            if not passing:
                assert row["outcome"] == "fallback"
                continue
            values = nats(tiny_model, question(number)["question"], passing)
            assert text(row) == passing[values.index(min(values))]
            several += len(set(passing)) > 1
    assert several > 6
    assert len(scored) == len(set(scored))

    data = {arm: (project.output / "data" / arm / "train.parquet").read_bytes() for arm in ("sdft", "ssr")}
    lost = lose(project, 4)
    questions, seen = len(asked(project)), len(scored)
    assert project.ownwords("rewrite", *given) == 0
    assert len(asked(project)) - questions + len(scored) - seen == lost
    for arm, whole in data.items():
        assert (project.output / "data" / arm / "train.parquet").read_bytes() == whole

    seen = len(scored)
    assert project.ownwords("gap", *given) == 0
    chosen = {text(row) for row in rows(project, "sdft").values() if row["outcome"] == "accepted"}
    assert not chosen & set(scored[:seen]) & set(scored[seen:])
    assert json.loads((project.output / "gap.json").read_text(encoding="utf-8"))["errors"] == 0
