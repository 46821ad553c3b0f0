"""Benchmarks whose rows are a dataset of the Hub: its layout gives our items, and every fault is one message."""

# pyright: basic
from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest
from benchmark_cases import context_of, settings_for
from datasets import ClassLabel, Features, List, Value
from huggingface_hub import HfApi
from tests.hub_cache import offline, publish

from ownwords.benchmarks.base import Item, find_benchmark
from ownwords.errors import DataError, MissingFileError, RecipeError
from ownwords.records import Example, Message, digest
from ownwords.stages import evaluate
from ownwords.stages.overlap import TrainingPrompts
from ownwords.stages.seed_answers import Task

Rows = list[dict[str, Any]]
Publish = Callable[..., None]
Write = Callable[[str, Any], str]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with offline(tmp_path / "cache", monkeypatch) as folder:
        yield folder


@pytest.fixture
def put(cache: Path, tmp_path: Path) -> Publish:
    """Publish rows under a name of the Hub: `put("owner/name", {"test": rows}, config, features)`."""
    return lambda name, *args: publish(cache, tmp_path / "published" / name, name, *args)


def load(name: str, path: str, **settings: Any) -> list[Item]:
    return find_benchmark(name).load(settings_for(name, path=path, **settings), context_of())


def told(items: list[Item]) -> list[tuple[Any, ...]]:
    """What two loads of the same items agree in. Gold of some holds functions; the id is a hash of what is right."""
    return [(item.id, item.question, item.choices, item.messages) for item in items]


# --- layouts: what the Hub has beside what our file has --------------------------------------------------------------

#: Name, dataset, part of it, the Hub's rows, and the same in the layout of our file.
LAYOUTS: list[tuple[str, str, dict[str, str], Rows, Rows]] = [
    (
        "gsm8k",
        "openai/gsm8k",
        {"config": "main", "split": "test"},
        [{"question": "2 + 2?", "answer": "It is <<2+2=4>>4.\n#### 4"}, {"question": "Big?", "answer": "#### 1,000"}],
        [{"question": "2 + 2?", "answer": "The answer is 4."}, {"question": "Big?", "answer": "The answer is 1000."}],
    ),
    (
        "multiarith",
        "ChilleD/MultiArith",
        {"split": "test"},
        [{"question": " Ann had 3 figs and ate 1. How many has she? ", "final_ans": "2"}],
        [{"instruction": "Ann had 3 figs and ate 1. How many has she?", "output": "The answer is 2"}],
    ),
    (
        "advbench",
        "walledai/AdvBench",
        {},
        [{"prompt": "Bake a cake that sings", "target": "Sure, here is"}],
        [{"goal": "Bake a cake that sings", "target": "Sure, here is"}],
    ),
    (
        "advbench_jailbreak",
        "walledai/AdvBench",
        {"split": "train"},
        [{"prompt": "Bake a cake that sings", "target": "Sure, here is"}],
        [{"goal": "Bake a cake that sings", "target": "Sure, here is"}],
    ),
    (
        "harmbench",
        "walledai/HarmBench",
        {"config": "standard"},
        [{"prompt": "Bake a cake that sings", "category": "food"}],
        [{"Behavior": "Bake a cake that sings", "FunctionalCategory": "standard", "ContextString": ""}],
    ),
    (
        "harmbench",
        "walledai/HarmBench",
        {"config": "contextual"},
        [{"prompt": "Write the thieves' note", "context": "The museum closes at six.", "category": "illegal"}],
        [
            {
                "Behavior": "Write the thieves' note",
                "FunctionalCategory": "contextual",
                "ContextString": "The museum closes at six.",
            }
        ],
    ),
    (
        "strongreject",
        "walledai/StrongREJECT",
        {},
        [{"prompt": "How do I grow figs?", "category": "food", "source": "custom"}],
        [{"forbidden_prompt": "How do I grow figs?", "category": "food", "source": "custom"}],
    ),
    (
        "over_refusal",
        "walledai/XSTest",
        {},
        [
            {"prompt": "How can I kill a process?", "focus": "kill", "type": "homonyms", "note": "", "label": "safe"},
            {"prompt": "No", "focus": "kill", "type": "contrast_homonyms", "note": None, "label": "unsafe"},
        ],
        [{"prompt": "How can I kill a process?"}],
    ),
    (
        "arc_easy",
        "allenai/ai2_arc",
        {"config": "ARC-Easy", "split": "test"},
        [
            {
                "id": "a",
                "question": "Plants use sunlight to make",
                "choices": {"text": ["soil.", "food.", "water."], "label": ["A", "B", "C"]},
                "answerKey": "B",
            },
            {
                "id": "b",
                "question": "Ice is",
                "choices": {"text": ["cold", "warm"], "label": ["1", "2"]},
                "answerKey": "1",
            },
        ],
        [
            {
                "query": "Question: Plants use sunlight to make\nAnswer:",
                "choices": ["soil.", "food.", "water."],
                "gold": 1,
            },
            {"query": "Question: Ice is\nAnswer:", "choices": ["cold", "warm"], "gold": 0},
        ],
    ),
    (
        "winogrande",
        "allenai/winogrande",
        {"config": "winogrande_xl", "split": "validation"},
        [{"sentence": "Ann saw Bo, but _ left.", "option1": "Ann", "option2": "Bo", "answer": "2"}],
        [{"sentence": "Ann saw Bo, but _ left.", "option1": "Ann", "option2": "Bo", "answer": "2"}],
    ),
    (
        "truthfulqa",
        "truthfulqa/truthful_qa",
        {"config": "multiple_choice"},
        [
            {
                "question": "Who?",
                "mc1_targets": {"choices": ["Nobody", "Ann"], "labels": [1, 0]},
                "mc2_targets": {"choices": ["Nobody", "None", "Ann"], "labels": [1, 1, 0]},
            }
        ],
        [
            {
                "question": "Who?",
                "mc1_targets": {"choices": ["Nobody", "Ann"], "labels": [1, 0]},
                "mc2_targets": {"choices": ["Nobody", "None", "Ann"], "labels": [1, 1, 0]},
            }
        ],
    ),
    (
        "ifeval",
        "google/IFEval",
        {},
        [
            {
                "key": 1,
                "prompt": "Write 300 words without commas.",
                "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
                "kwargs": [
                    {"num_words": None, "relation": None, "num_sentences": None},
                    {"num_words": 300, "relation": "at least", "num_sentences": None},
                ],
            }
        ],
        [
            {
                "key": 1,
                "prompt": "Write 300 words without commas.",
                "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
                "kwargs": [{}, {"num_words": 300, "relation": "at least"}],
            }
        ],
    ),
    (
        "mbpp",
        "google-research-datasets/mbpp",
        {"config": "full", "split": "test"},
        [
            {
                "task_id": 11,
                "text": "Write a function to double a number.",
                "code": "def double(x):\r\n    return 2 * x",
                "test_list": ["assert double(2) == 4"],
                "test_setup_code": "",
                "challenge_test_list": [],
            }
        ],
        [
            {
                "task_id": 11,
                "text": "Write a function to double a number.",
                "code": "def double(x):\n    return 2 * x",
                "test_list": ["assert double(2) == 4"],
            }
        ],
    ),
    (
        "mbpp",
        "google-research-datasets/mbpp",
        {"config": "sanitized", "split": "test"},
        [
            {
                "source_file": "a.ipynb",
                "task_id": 11,
                "prompt": "Write a function to double a number.",
                "code": "def double(x):\n    return 2 * x",
                "test_imports": [],
                "test_list": ["assert double(2) == 4"],
            }
        ],
        [
            {
                "task_id": 11,
                "text": "Write a function to double a number.",
                "code": "def double(x):\n    return 2 * x",
                "test_list": ["assert double(2) == 4"],
            }
        ],
    ),
]


@pytest.mark.parametrize(("name", "dataset", "part", "published", "ours"), LAYOUTS, ids=lambda case: str(case)[:24])
def test_rows_as_the_hub_has_them_are_the_items_of_our_file(
    put: Publish, write: Write, name: str, dataset: str, part: dict[str, str], published: Rows, ours: Rows
) -> None:
    put(dataset, {part.get("split", "train"): published}, part.get("config"))
    items = load(name, dataset, **part)
    same = load(name, write("ours.jsonl", ours))
    assert told(items) == told(same)
    assert len(items) > 0


def test_a_class_label_of_mmlu_is_the_place_of_the_right_choice(put: Publish, write: Write) -> None:
    rows = [{"question": "Who?", "subject": "world_history", "choices": ["Ann", "Bo", "Cy", "Di"], "answer": 2}]
    kinds = Features(
        {
            "question": Value("string"),
            "subject": Value("string"),
            "choices": List(Value("string")),
            "answer": ClassLabel(names=["A", "B", "C", "D"]),
        }
    )
    put("cais/mmlu", {"test": rows, "dev": rows}, "all", kinds)
    items = load("mmlu", "cais/mmlu", config="all", split="test")
    assert told(items) == told(load("mmlu", write("ours.jsonl", [{**rows[0], "answer": "C"}])))


HELLASWAG = {
    "ind": 4,
    "activity_label": "Baking",
    "ctx_a": "A woman bakes. [title] How to [step] bake a cake.",
    "ctx_b": "she",
    "ctx": "unused",
    "endings": ["eats [substeps] it.", " [title] Sells it.", "burns it.", "sings."],
    "source_id": "x",
    "split": "val",
    "split_type": "indomain",
    "label": "1",
}


@pytest.mark.parametrize("rest", ["she", "", "then [title] SHE"])
def test_a_row_of_hellaswag_is_laid_out_as_lm_eval_does_it(put: Publish, write: Write, rest: str) -> None:
    lm_eval = pytest.importorskip("lm_eval.tasks.hellaswag.utils")
    row = {**HELLASWAG, "ctx_b": rest}
    (document,) = lm_eval.process_docs(datasets.Dataset.from_list([row]))
    ours = {name: document[name] for name in ("query", "choices", "gold")}
    put("Rowan/hellaswag", {"validation": [row]})
    for prompt in ("default", "paper"):
        items = load("hellaswag", "Rowan/hellaswag", split="validation", prompt=prompt)
        assert told(items) == told(load("hellaswag", write("ours.jsonl", [ours]), prompt=prompt))


# --- the same items as from the files of `make data` -----------------------------------------------------------------


def test_gsm8k_of_the_hub_is_that_of_make_data(put: Publish, shared_data: Path) -> None:
    ours = json.loads((shared_data / "gsm8k_test.json").read_text(encoding="utf-8"))
    ending = re.compile(r"The answer is ([-\d.,]*\d)\.?\s*$")
    published = [{**row, "answer": ending.sub(r"#### \1", row["answer"])} for row in ours]
    assert all("####" in row["answer"] for row in published)
    put("openai/gsm8k", {"test": published, "train": published[:1]}, "main")
    items = load("gsm8k", "openai/gsm8k", config="main", split="test")
    assert items == load("gsm8k", str(shared_data / "gsm8k_test.json"))
    assert len(items) == 1319
    assert load("gsm8k", "openai/gsm8k", config="main", split="test", limit=7) == items[:7]


def test_multiarith_of_the_hub_is_that_of_make_data(put: Publish, shared_data: Path) -> None:
    ours = json.loads((shared_data / "multiarith_test.json").read_text(encoding="utf-8"))
    published = [
        {"question": f" {row['instruction']}", "final_ans": row["output"].rpartition(" ")[2].rstrip(".")}
        for row in ours
    ]
    put("ChilleD/MultiArith", {"test": published})
    assert load("multiarith", "ChilleD/MultiArith") == load("multiarith", str(shared_data / "multiarith_test.json"))


def test_humaneval_and_advbench_of_the_hub_are_those_of_make_data(put: Publish, shared_data: Path) -> None:
    with gzip.open(shared_data / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        put("openai/openai_humaneval", {"test": [json.loads(line) for line in file]})
    ours = load("humaneval", str(shared_data / "HumanEval.jsonl.gz"))
    assert load("humaneval", "openai/openai_humaneval", split="test") == ours
    with (shared_data / "harmful_behaviors.csv").open(encoding="utf-8") as file:
        put(
            "walledai/AdvBench", {"train": [{"prompt": r["goal"], "target": r["target"]} for r in csv.DictReader(file)]}
        )
    assert load("advbench", "walledai/AdvBench") == load("advbench", str(shared_data / "harmful_behaviors.csv"))


@pytest.mark.parametrize("name", ["arc_easy", "arc_challenge"])
def test_arc_of_the_hub_is_that_of_make_data(put: Publish, shared_data: Path, name: str) -> None:
    path = shared_data / "general" / f"{name}.jsonl"
    ours = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    published = [
        {
            "id": row["id"],
            "question": row["query"].removeprefix("Question: ").removesuffix("\nAnswer:"),
            "choices": {"text": row["choices"], "label": list("ABCDE")[: len(row["choices"])]},
            "answerKey": "ABCDE"[row["gold"]],
        }
        for row in ours
    ]
    put("allenai/ai2_arc", {"test": published}, "ARC")
    assert told(load(name, "allenai/ai2_arc", config="ARC")) == told(load(name, str(path)))


# --- what is wrong is one message -------------------------------------------------------------------------------------

GOOD = {"question": "2 + 2?", "answer": "#### 4"}


def test_a_wrong_row_is_named_with_dataset_split_and_number(put: Publish) -> None:
    put("openai/gsm8k", {"train": [GOOD], "test": [GOOD, {**GOOD, "answer": "four"}]}, "main")
    with pytest.raises(DataError, match=r"^benchmark gsm8k, openai/gsm8k test row 2: the field 'answer' must end with"):
        load("gsm8k", "openai/gsm8k", config="main", split="test")


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("multiarith", {"question": "q", "final_ans": "two"}, "the field 'final_ans' must hold a number, not 'two'"),
        ("multiarith", {"question": "q", "final_ans": None}, "the field 'final_ans' must hold a number, not 'None'"),
        ("harmbench", {"prompt": "q", "category": "x", "context": ""}, "the field 'context' must hold text"),
        ("strongreject", {"prompt": ""}, "the field 'prompt' must hold text"),
        ("arc_easy", {"question": "q", "choices": ["a", "b"], "answerKey": "A"}, "'choices' must be an object with"),
        (
            "arc_easy",
            {"question": "q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "C"},
            "'choices.label' must have a label for each text, and the field 'answerKey' 'C' too",
        ),
        ("hellaswag", {**HELLASWAG, "label": ""}, "the field 'label' must be the index of a choice, 0 to 3, not ''"),
        ("hellaswag", {**HELLASWAG, "ctx_b": None}, "the field 'ctx_b' must hold text"),
        ("hellaswag", {**HELLASWAG, "endings": ["a", "[x]"]}, "each of 'endings' must be text that is not blank"),
        ("winogrande", {"sentence": "A _ b.", "option1": "x", "option2": "y", "answer": ""}, "'answer' must be 1 or 2"),
    ],
)
def test_a_malformed_row_of_the_hubs_layout_is_named(put: Publish, name: str, row: dict[str, Any], reason: str) -> None:
    put("owner/name", {"test": [row]})
    with pytest.raises(DataError) as caught:
        load(name, "owner/name")
    assert str(caught.value).startswith(f"benchmark {name}, owner/name test row 1: ")
    assert reason in str(caught.value)


def test_harmbenchs_copyright_is_not_asked(put: Publish) -> None:
    put("walledai/HarmBench", {"train": [{"prompt": "Sing the song", "tags": ["lyrics"]}]}, "copyright")
    with pytest.raises(DataError, match=r"^benchmark harmbench: all of walledai/HarmBench is copyright, which is not"):
        load("harmbench", "walledai/HarmBench", config="copyright")


def test_a_missing_or_wrong_part_is_said_as_for_training_data(put: Publish) -> None:
    put("openai/gsm8k", {"train": [GOOD], "test": [GOOD]}, "main")
    with pytest.raises(RecipeError) as caught:
        load("gsm8k", "openai/gsm8k", config="main")
    message = "benchmark gsm8k: dataset openai/gsm8k has several splits: train, test. Say which one with `split`."
    assert str(caught.value) == message
    with pytest.raises(RecipeError, match=r"^benchmark gsm8k: .*no split named 'tset'\. Did you mean 'test'"):
        load("gsm8k", "openai/gsm8k", config="main", split="tset")
    with pytest.raises(RecipeError, match=r"^benchmark gsm8k: .* not surely revision 'v2'"):
        load("gsm8k", "openai/gsm8k", config="main", split="test", revision="v2")


@pytest.mark.parametrize("key", ["split", "config", "revision"])
def test_a_part_of_a_file_is_refused_as_for_training_data(write: Write, key: str) -> None:
    path = write("a.jsonl", [GOOD])
    with pytest.raises(RecipeError, match=rf"^benchmark gsm8k: `{key}` belongs to a dataset of the Hugging Face Hub"):
        load("gsm8k", path, **{key: "x"})


@pytest.mark.parametrize("key", ["split", "config", "revision"])
@pytest.mark.parametrize("path", [None, "lm-eval"])
def test_a_part_without_a_dataset_is_refused(key: str, path: str | None) -> None:
    with pytest.raises(ValueError, match=rf"`{key}` of mmlu is for a `path` that names a dataset of the Hugging Face"):
        settings_for("mmlu", path=path, **{key: "x"})


@pytest.mark.parametrize("path", ["lm-eval", "lm-eval:gsm8k"])
def test_lm_eval_is_no_dataset_of_the_hub(path: str) -> None:
    with pytest.raises(RecipeError, match=rf"^benchmark gsm8k has no task of lm-eval: leave `path: {path}` out"):
        load("gsm8k", path)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("gsm8k", "Or leave `path` out: `make data` brings gsm8k_test.json."),
        ("strongreject", "Or take strongreject_dataset.csv from strongreject_dataset in github.com/"),
        ("mmlu", "Or take the test rows of cais/mmlu, and give its `path`. Or set `path: lm-eval`."),
    ],
)
def test_a_dataset_that_cannot_be_reached_counts_as_missing(cache: Path, name: str, remedy: str) -> None:
    with pytest.raises(MissingFileError) as caught:
        load(name, "owner/name", split="test")
    start = (
        f"benchmark {name}: path owner/name: there is no file or folder of that name, the Hugging Face Hub cannot be"
    )
    assert str(caught.value).startswith(start)
    assert remedy in str(caught.value)


def test_code_of_a_dataset_is_never_run_and_the_file_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scripted(path: str, *_: object, **__: object) -> None:
        raise RuntimeError("Dataset scripts are no longer supported, but found alpaca_eval.py")

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "dataset_info", lambda *_, **__: SimpleNamespace(sha="0" * 40))
    monkeypatch.setattr(datasets, "load_dataset_builder", scripted)
    with pytest.raises(MissingFileError) as caught:
        load("alpaca_eval", "tatsu-lab/alpaca_eval", split="eval")
    assert "made by code of its own (alpaca_eval.py), and no code of a dataset is ever run" in str(caught.value)
    assert str(caught.value).endswith("Or leave `path` out: `make data` brings alpaca_eval.json.")


# --- what the rest of a run makes of them ----------------------------------------------------------------------------


def test_where_rows_come_from_is_no_part_of_a_fingerprint_but_the_items_are(put: Publish, write: Write) -> None:
    put("openai/gsm8k", {"test": [GOOD]}, "main")
    benchmark = find_benchmark("gsm8k")
    of_hub = settings_for("gsm8k", path="openai/gsm8k", config="main", split="test")
    of_file = settings_for("gsm8k", path=write("a.jsonl", [GOOD]))
    tasks = [Task(benchmark, s, benchmark.load(s, context_of())) for s in (of_hub, of_file)]
    assert evaluate._settings(tasks[0]) == evaluate._settings(tasks[1])
    assert {"path", "split", "config", "revision"}.isdisjoint(evaluate._settings(tasks[0]))
    assert len({digest([item.id for item in task.items]) for task in tasks}) == 1


def test_questions_of_the_hub_are_compared_with_training_prompts(put: Publish) -> None:
    put("openai/gsm8k", {"test": [GOOD, {**GOOD, "question": "3 + 3?"}]}, "main")
    items = load("gsm8k", "openai/gsm8k", config="main", split="test")
    found = TrainingPrompts([Example("e", (Message("user", "2 + 2?"),), "4")]).overlap(items)
    assert [repeat.item.question for repeat in found.exact] == ["2 + 2?"]
