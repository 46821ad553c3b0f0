"""Every variant is asked for an answer of its own where that is what it is measured by."""

# pyright: basic
from __future__ import annotations

import json
from collections import Counter

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
    path.write_text(json.dumps([{"instruction": f"Say {word}."} for word in "abcd"]), encoding="utf-8")
    general = f"{{kl_to_seed: {{path: {path}, max_tokens: 12}}}}"
    return f"evaluate.benchmarks=[{general}, {{kl_to_seed_task: {{max_tokens: 12, limit: 3}}}}]"


@pytest.mark.slow
def test_an_arms_score_is_the_log_ratio_of_its_own_answers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []
    plain = TransformersEngine.stream

    def recorded(self: TransformersEngine, requests: list[Request]):
        some = list(requests)
        asked.extend(some)
        return plain(self, some)

    assert project.ownwords("rewrite") == 0
    monkeypatch.setattr(TransformersEngine, "stream", recorded)
    assert project.ownwords("run", benchmarks(project), *ENGINE, *TUNING) == 0
    assert Counter(request.weights.kind for request in asked if request.sampling.temperature == 1) == {
        "seed": 7,
        "adapter": 7,
    }
    scored = [request for request in asked if "/" in request.id and request.target is not None]
    of_arm = [request for request in scored if request.id.endswith("/vanilla")]
    assert Counter(request.weights.kind for request in of_arm) == {"seed": 7, "adapter": 7}
    assert Counter(request.target for request in of_arm if request.weights.kind == "seed") == Counter(
        request.target for request in of_arm if request.weights.kind == "adapter"
    )

    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    means = {(score["benchmark"], score["variant"]): score["mean"] for score in summary["scores"]}
    for name in ("kl_to_seed", "kl_to_seed_task"):
        assert means[name, "seed"] == pytest.approx(0, abs=1e-5)
        assert abs(means[name, "vanilla"]) > 1e-3  # of either sign: these are few samples
    rows = pq.read_table(project.output / "scores" / "kl_to_seed" / "vanilla.parquet").to_pylist()
    journal = Journal(project.output / "journal.sqlite")
    logprobs: dict[str, dict[int, tuple[float, ...]]] = {}
    for key, completion, _ in journal.completions("evaluate/kl_to_seed/vanilla"):
        logprobs.setdefault(key.example_id, {})[key.attempt] = completion.logprobs or ()
    answers = {key.example_id: c for key, c, _ in journal.completions("answers/kl_to_seed/vanilla")}
    journal.close()
    assert len(rows) == len(answers) == 4
    for row in rows:
        cut = 0 if answers[row["item_id"]].finish_reason == "stop" else 2  # the template's end, none of the arm's
        arm, seed = (logprobs[row["item_id"]][number] for number in (0, 1))
        ratios = [own - other for own, other in zip(arm, seed, strict=True)][: len(arm) - cut]
        assert row["score"] == pytest.approx(sum(ratios) / len(ratios), abs=1e-3)

    scores = {(score["benchmark"], score["variant"]): score for score in summary["scores"]}
    for label in ("seed", "vanilla"):  # shares of its own answers, which are cut, and no gate
        own = scores["kl_to_seed", label]
        told = Journal(project.output / "journal.sqlite")
        finished = [c.finish_reason == "stop" for _, c, _ in told.completions(f"answers/kl_to_seed/{label}")]
        told.close()
        assert own["sanity"]["finished"] == sum(finished) / 4 < 0.7
        assert own["usable"]
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "of the texts whose likelihood is read; cut ones count too" in page

    asked.clear()
    assert project.ownwords("run", benchmarks(project), *ENGINE, *TUNING) == 0
    assert asked == []
