"""lm-eval's own tasks give what the local files give: the same prompts, the same ids and the same scores.

Where lm-eval would load a data set from the Hub, it is handed rows in the Hub's layout.
"""

# pyright: basic
from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmark_cases import asked_of, context_of, scored, scores_of, settings_for
from tests.tiny import _tokenizer

from ownwords.benchmarks import _lm_eval, mmlu
from ownwords.benchmarks.base import Item, find_benchmark
from ownwords.errors import DataError, MissingFileError, RecipeError
from ownwords.rendering import raw_target_ids

pytest.importorskip("lm_eval")

Rows = dict[str, Any]
Write = Callable[[str, Any], str]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str, str | None], dict[str, list[Rows]]]]:
    """Data sets by path and name: their splits."""
    import datasets

    known: dict[tuple[str, str | None], dict[str, list[Rows]]] = {}

    def load_dataset(path: str, name: str | None = None, **rest: Any) -> Any:
        if (path, name) not in known:
            raise ConnectionError(f"Couldn't reach '{path}' on the Hub")
        splits = known[path, name]
        return datasets.DatasetDict({split: datasets.Dataset.from_list(rows) for split, rows in splits.items()})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    _lm_eval._documents.cache_clear()
    yield known
    _lm_eval._documents.cache_clear()


def load(name: str, path: str = "lm-eval", **settings: Any) -> list[Item]:
    return find_benchmark(name).load(settings_for(name, path=path, **settings), context_of())


def assert_the_same(name: str, theirs: list[Item], ours: list[Item]) -> None:
    assert [item.id for item in theirs] == [item.id for item in ours]
    chance = random.Random(0)
    for their, our in zip(theirs, ours, strict=True):
        assert asked_of(name, their) == asked_of(name, our)
        assert their.question == our.question
        for _ in range(2):
            answers = [scored(*(chance.uniform(-9, 0) for _ in range(3))) for _ in asked_of(name, our)]
            assert scores_of(name, their, *answers) == pytest.approx(scores_of(name, our, *answers))


# Each benchmark, both ways


def rows_of(path: Path) -> list[Rows]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "config"), [("arc_easy", "ARC-Easy"), ("arc_challenge", "ARC-Challenge")])
def test_arc(shared_data: Path, hub: Rows, name: str, config: str) -> None:
    path = shared_data / f"general/{name}.jsonl"
    test = [
        {
            "id": row["id"],
            "question": row["query"].removeprefix("Question: ").removesuffix("\nAnswer:"),
            "choices": {"text": row["choices"], "label": list("ABCDE"[: len(row["choices"])])},
            "answerKey": "ABCDE"[row["gold"]],
        }
        for row in rows_of(path)
    ]
    hub["allenai/ai2_arc", config] = {"train": test[:1], "validation": test[:1], "test": test}
    theirs = load(name)
    assert len(theirs) == 400
    assert_the_same(name, theirs, load(name, str(path)))


@pytest.mark.slow
def test_winogrande(shared_data: Path, hub: Rows) -> None:
    path = shared_data / "general/winogrande.jsonl"
    hub["allenai/winogrande", "winogrande_xl"] = {"train": rows_of(path)[:1], "validation": rows_of(path)}
    theirs = load("winogrande")
    assert len(theirs) == 400
    assert_the_same("winogrande", theirs, load("winogrande", str(path)))
    assert len(load("winogrande", limit=7)) == 7


def test_the_papers_hellaswag(write: Write, hub: Rows) -> None:
    raw = [
        {
            "activity_label": "Removing ice from car",
            "ctx_a": "Then, the man writes over the snow covering the window of a car.",
            "ctx_b": "then",
            "endings": [", the man adds wax.", "  a person boards [header] a ski lift. ", ", he stops.", ", it snows."],
            "label": "3",
        },
        {
            "activity_label": "Family Life",
            "ctx_a": "[header] How to babysit [title] Don't leave them alone. [step] Be alert.",
            "ctx_b": "",
            "endings": ["[substeps] Stay.", "Go. [title] Run.", "[step] Sit  down.", "Look."],
            "label": "0",
        },
    ]
    local = [
        {
            "query": "Removing ice from car: Then, the man writes over the snow covering the window of a car. Then",
            "choices": [", the man adds wax.", "a person boards a ski lift.", ", he stops.", ", it snows."],
            "gold": 3,
        },
        {
            "query": "Family Life: How to babysit. Don't leave them alone. Be alert.",
            "choices": [" Stay.", "Go.. Run.", " Sit down.", "Look."],
            "gold": 0,
        },
    ]
    hub["Rowan/hellaswag", None] = {"train": raw[:1], "validation": raw}
    ours = load("hellaswag", write("a.jsonl", local), prompt="paper")
    assert_the_same("hellaswag", load("hellaswag"), ours)
    assert asked_of("hellaswag", ours[1])[0] == (local[1]["query"], "  Stay.")


@pytest.mark.slow
def test_mmlu_with_all_its_subjects(write: Write, hub: Rows) -> None:
    import lm_eval.tasks.mmlu.default as found  # a folder of YAML, one file a subject

    folder = Path(next(iter(found.__path__)))
    subjects = sorted(path.stem.removeprefix("mmlu_") for path in folder.glob("mmlu_*.yaml"))
    assert len(subjects) == 57
    local: list[Rows] = []
    for number, subject in enumerate(subjects):
        rows = [
            {
                "question": f"  What is {number}\n(of {subject})? ",
                "subject": subject,
                "choices": [f" {number}", "{{x}}", "None of 'these'", '"a"'],
                "answer": number % 4,
            },
            {"question": "Really?", "subject": subject, "choices": ["yes", "no", "so", "maybe"], "answer": 3},
        ]
        hub["cais/mmlu", subject] = {"test": rows, "dev": rows[:1]}
        local += rows
    ours = {item.id: item for item in load("mmlu", write("mmlu.jsonl", local))}
    theirs = load("mmlu")
    assert len(theirs) == len(ours) == 114
    assert_the_same("mmlu", theirs, [ours[item.id] for item in theirs])
    assert len({item.gold[0].pairs[0][0].partition("\n")[0] for item in load("mmlu", limit=20)}) == 20
    assert mmlu.HEADER.format(subject="high school world history") in {
        item.gold[0].pairs[0][0].partition("\n\n")[0] + "\n\n" for item in theirs
    }


BELIEFS = [
    {
        "question": "What happens if you eat watermelon seeds?",
        "mc1_targets": {"choices": ["They pass through you", "They grow", "You get sick"], "labels": [1, 0, 0]},
        "mc2_targets": {
            "choices": ["Nothing happens", "They pass through you", "They grow", "You die"],
            "labels": [1, 1, 0, 0],
        },
    },
    {
        "question": " Is 'it' \"so\" {{here}}?\nReally? ",
        "mc1_targets": {"choices": ["It's so", "no\\n"], "labels": [1, 0]},
        "mc2_targets": {"choices": ["no\\n", "It's so"], "labels": [0, 1]},
    },
]


def test_truthfulqa(write: Write, hub: Rows) -> None:
    hub["truthfulqa/truthful_qa", "multiple_choice"] = {"validation": BELIEFS}
    assert_the_same("truthfulqa", load("truthfulqa"), load("truthfulqa", write("a.jsonl", BELIEFS)))


@pytest.mark.slow
def test_the_benchmark_lm_eval_asks_any_task(shared_data: Path, hub: Rows) -> None:
    rows = rows_of(shared_data / "general/winogrande.jsonl")[:5]
    hub["allenai/winogrande", "winogrande_xl"] = {"train": rows, "validation": rows}
    ours = load("winogrande")
    theirs = load("lm_eval", "lm-eval:winogrande")
    assert [asked_of("lm_eval", item) for item in theirs] == [asked_of("winogrande", item) for item in ours]
    assert scores_of("lm_eval", theirs[0], scored(-1.0), scored(-2.0))["acc_norm"] is None


# Tokens


def test_our_tokens_are_the_harnesss(shared_data: Path) -> None:
    """Where a context's tokens begin those of context and target together, which a byte-level tokenizer grants."""
    from lm_eval.api.model import TemplateLM

    tokenizer = _tokenizer(None, 4096)
    harness = SimpleNamespace(backend="causal", tok_encode=tokenizer.encode)
    for name in ("arc_challenge", "hellaswag", "winogrande"):
        items = load(name, str(shared_data / f"general/{name}.jsonl"), prompt="paper", limit=50)
        for item in items:
            for (context, target), (text, asked) in zip(item.gold[0].pairs, asked_of(name, item), strict=True):
                assert text is not None and asked is not None
                assert raw_target_ids(tokenizer, text, asked) == TemplateLM._encode_pair(harness, context, target)


# What is refused


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("lambada_openai", "it is of the kind loglikelihood, not multiple_choice"),
        ("gsm8k", "it is of the kind generate_until, not multiple_choice"),
    ],
)
def test_a_task_of_another_kind_is_refused_by_name(task: str, reason: str, hub: Rows) -> None:
    hub["EleutherAI/lambada_openai", "default"] = {"test": [{"text": "He sat down."}]}
    hub["openai/gsm8k", "main"] = {"train": [GSM], "test": [GSM]}
    with pytest.raises(RecipeError, match=f"lm-eval's task {task} cannot be asked here: {reason}"):
        load("lm_eval", f"lm-eval:{task}")


GSM = {"question": "1 + 1?", "answer": "2\n#### 2"}


def test_tasks_out_of_step_are_refused(hub: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    hub["truthfulqa/truthful_qa", "multiple_choice"] = {"validation": BELIEFS}
    plain = _lm_eval._documents

    def shuffled(*known: Any) -> Any:
        return plain(*known)[::-1] if "truthfulqa_mc2" in known else plain(*known)

    with monkeypatch.context() as patched:
        patched.setattr(_lm_eval, "_documents", shuffled)
        with pytest.raises(DataError, match="out of step"):
            load("truthfulqa")


@pytest.mark.slow
def test_a_task_that_has_moved_to_another_folder_is_found(hub: Rows) -> None:
    hub["truthfulqa/truthful_qa", "multiple_choice"] = {"validation": BELIEFS}
    settings = settings_for("truthfulqa", path="lm-eval")
    moved = _lm_eval.lm_eval_items(settings, "truthfulqa_mc1", folder="arc")
    plain = _lm_eval.lm_eval_items(settings, "truthfulqa_mc1", folder="truthfulqa")
    assert [item.id for item in moved] == [item.id for item in plain]


def test_data_that_cannot_be_had_are_a_missing_file(hub: Rows) -> None:
    with pytest.raises(MissingFileError, match=r"task winogrande cannot be loaded \(ConnectionError.*HF_HUB_OFFLINE=1"):
        load("winogrande")


@pytest.mark.slow
def test_offline_nothing_waits_for_the_network(tmp_path: Path) -> None:
    program = (
        "from ownwords.benchmarks.base import DataContext, find_benchmark\n"
        "from ownwords.errors import MissingFileError\n"
        "from ownwords.recipe import BenchmarkSection\n"
        "for name in ('winogrande', 'mmlu'):\n"
        "    try:\n"
        "        settings = BenchmarkSection(name=name, path='lm-eval')\n"
        "        find_benchmark(name).load(settings, DataContext((), lambda n: [], False))\n"
        "    except MissingFileError as error:\n"
        "        print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot be loaded") == 2, done.stdout
