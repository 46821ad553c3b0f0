"""ifeval: which rows are read, what is asked, and how four numbers come of a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from benchmark_cases import answer, context_of, settings_for

from ownwords.benchmarks import ifeval
from ownwords.benchmarks.base import Ask, Item, find_benchmark
from ownwords.checks._instructions import PACKAGES
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.errors import DataError, MissingFileError
from ownwords.records import PASSED, Candidate, Example, Message, Verdict

Write = Callable[[str, Any], str]
needs_verifiers = pytest.mark.skipif(
    not all(find_spec(package) for package in PACKAGES), reason="needs the extra `eval` (lm-eval with ifeval)"
)

#: In the layout of the Hub's file, and padded with nulls as a table of it is.
ROWS: list[dict[str, Any]] = [
    {
        "key": 1,
        "prompt": "Describe a harbour in at least 5 words, without a comma, with one *highlight*.",
        "instruction_id_list": [
            "length_constraints:number_words",
            "punctuation:no_comma",
            "detectable_format:number_highlighted_sections",
        ],
        "kwargs": [{"relation": "at least", "num_words": 5}, {}, {"num_highlights": 1}],
    },
    {
        "key": 2,
        "prompt": "Name a port. No commas, please.",
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{"relation": None, "num_words": None, "keywords": None}],
    },
    {
        "key": 3,
        "prompt": "Write a tweet with 2 hashtags, all in lowercase.",
        "instruction_id_list": ["keywords:letter_frequency", "change_case:english_lowercase"],
        "kwargs": [{"let_relation": "at least", "letter": "#", "let_frequency": 2, "end_phrase": None}, {}],
    },
]
WORDS, COMMA, HIGHLIGHT = (
    {"id": "length_constraints:number_words", "relation": "at least", "num_words": 5},
    {"id": "punctuation:no_comma"},
    {"id": "detectable_format:number_highlighted_sections", "num_highlights": 1},
)


def load(path: str, **values: Any) -> list[Item]:
    return ifeval.load(settings_for("ifeval", path=path, **values), context_of())


def numbers(verdict: Verdict) -> dict[str, float | None]:
    item = Item(id="i", question="q", gold=[COMMA])
    return {metric.name: metric.score(item, [verdict]) for metric in ifeval.BENCHMARK.metrics}


def judged(item: Item, texts: Sequence[str]) -> list[dict[str, float | None]]:
    """The four numbers of each answer, by the benchmark's own check in a process."""
    trials = [ifeval.check(item, answer(text)) for text in texts]
    panel = Panel(named_checks([trials[0].check], allow_code=False))
    example = Example("i", (Message("user", "q"),), "")
    try:
        verdicts = [next(iter(panel.judge(example, Candidate(trial.text)).values())) for trial in trials]
    finally:
        panel.close()
    return [{m.name: m.score(item, [verdict]) for m in ifeval.BENCHMARK.metrics} for verdict in verdicts]


def four(strict: float, share: float, loose: float, loose_share: float) -> dict[str, float | None]:
    return {
        "prompt_strict": strict,
        "instruction_strict": share,
        "prompt_loose": loose,
        "instruction_loose": loose_share,
    }


@pytest.mark.slow
@needs_verifiers
def test_rows_of_the_hubs_layout_are_read_with_or_without_nulls(write: Write) -> None:
    items = load(write("a.jsonl", ROWS))
    assert [item.question for item in items] == [row["prompt"] for row in ROWS]
    assert items[0].gold == [WORDS, COMMA, HIGHLIGHT]
    assert items[1].gold == [COMMA]
    assert items[2].gold[0] == {
        "id": "keywords:letter_frequency",
        "let_relation": "at least",
        "letter": "#",
        "let_frequency": 2,
    }
    assert [item.id for item in load(write("a.json", ROWS), limit=2)] == [item.id for item in items[:2]]
    assert len({item.id for item in load(write("b.json", [ROWS[0], ROWS[0]]))}) == 2


@pytest.mark.slow
@needs_verifiers
def test_the_file_is_found_in_the_data_folder(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("ifeval.jsonl", ROWS)
    monkeypatch.setenv("OWNWORDS_DATA", str(Path(path).parent))
    assert len(ifeval.load(settings_for("ifeval"), context_of())) == 3


def test_without_the_file_it_says_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNWORDS_DATA", str(tmp_path))
    with pytest.raises(MissingFileError, match=r"ifeval\.jsonl.*the Hub's google/IFEval") as caught:
        ifeval.load(settings_for("ifeval"), context_of())
    assert "or run `make data`" not in str(caught.value)


@needs_verifiers
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt": ""}, "the field 'prompt' must hold text"),
        ({"instruction_id_list": []}, "'instruction_id_list' must be a list of at least one text"),
        ({"instruction_id_list": "punctuation:no_comma"}, "'instruction_id_list' must be a list"),
        ({"instruction_id_list": [3]}, "'instruction_id_list' must be a list"),
        ({"instruction_id_list": ["punctuation:no_coma"]}, "the benchmark cannot verify 'punctuation:no_coma'"),
        ({"instruction_id_list": ["count:numbers"]}, "the benchmark cannot verify 'count:numbers'"),
        ({"kwargs": []}, "'kwargs' must be a list of 1 objects"),
        ({"kwargs": [{}, {}]}, "'kwargs' must be a list of 1 objects"),
        ({"kwargs": {}}, "'kwargs' must be a list of 1 objects"),
        ({"kwargs": ["{}"]}, "each of 'kwargs' must be an object"),
        ({"kwargs": [{"id": "punctuation:no_comma"}]}, "each of 'kwargs' must be an object without a key 'id'"),
        ({"kwargs": [{"num_words": 3}]}, "it takes no arguments, and has num_words"),
        ({"instruction_id_list": ["language:response_language"]}, "it takes language, and has none"),
    ],
)
def test_a_row_that_cannot_be_verified_is_refused_with_its_line(
    write: Write, change: dict[str, Any], reason: str
) -> None:
    path = write("a.jsonl", [ROWS[0], {**ROWS[1], **change}])
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).startswith("benchmark ifeval, a.jsonl line 2: ")
    assert reason in str(caught.value)


@needs_verifiers
def test_without_the_sentence_model_the_row_that_needs_it_is_named(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nltk

    row = {
        **ROWS[1],
        "instruction_id_list": ["length_constraints:number_sentences"],
        "kwargs": [{"num_sentences": 4321, "relation": "less than"}],
    }
    monkeypatch.setattr(nltk.data, "path", [])
    path = write("a.jsonl", [ROWS[0], row])
    with pytest.raises(MissingFileError, match=r"a\.jsonl line 2: .*number_sentences needs NLTK's sentence model"):
        load(path)
    assert len(load(write("b.jsonl", ROWS))) == 3


def test_the_prompt_is_the_items_and_nothing_else() -> None:
    item = Item(id="i", question="Name a port.\nNo commas, please. ", gold=[COMMA])
    for name in ("default", "paper"):
        asks = ifeval.prompt(item, settings_for("ifeval", prompt=name))
        assert asks == [Ask(messages=(Message("user", "Name a port.\nNo commas, please. "),))]


def test_four_numbers_of_a_verdict() -> None:
    assert numbers(PASSED) == four(1, 1, 1, 1)
    assert numbers(Verdict(False, "not_all_followed:1/4:3/4")) == four(0, 0.25, 0, 0.75)
    assert numbers(Verdict(False, "not_all_followed:1/2:2/2")) == four(0, 0.5, 1, 1)
    assert numbers(Verdict(False, "check_timeout")) == four(0, 0, 0, 0)
    assert set(numbers(Verdict(False, "check_crashed", "a bug")).values()) == {None}


def test_an_instruction_metric_is_a_mean_of_shares_and_not_the_published_one() -> None:
    """As the docstring says: one prompt of one instruction, followed, and one of three, none followed."""
    verdicts = [PASSED, Verdict(False, "not_all_followed:0/3:0/3")]
    shares = [numbers(verdict)["instruction_strict"] for verdict in verdicts]
    assert shares == [1.0, 0.0]
    counts = [(1, 1), (0, 3)]
    assert sum(followed for followed, _ in counts) / sum(total for _, total in counts) == 0.25


def test_all_metrics_read_verdicts_of_one_check() -> None:
    benchmark = find_benchmark("ifeval")
    assert [metric.name for metric in benchmark.metrics] == [
        "prompt_strict",
        "instruction_strict",
        "prompt_loose",
        "instruction_loose",
    ]
    assert {metric.reads for metric in benchmark.metrics} == {"verdicts"}
    assert not benchmark.runs_code and benchmark.check is ifeval.check


@pytest.mark.slow
@needs_verifiers
def test_answers_on_trial() -> None:
    item = Item(id="i", question="q", gold=[WORDS, COMMA, HIGHLIGHT])
    expected = {
        "A *small* harbour with four boats.": four(1, 1, 1, 1),
        "A *small* harbour, with four boats.": four(0, 2 / 3, 0, 2 / 3),
        "Well, here it is:\nA *small* harbour with four boats.": four(0, 2 / 3, 1, 1),
        "A *small* harbour with four boats.\nGood, bad or both?": four(0, 2 / 3, 1, 1),
        "Boats, *boats*.": four(0, 1 / 3, 0, 1 / 3),
        "": four(0, 0, 0, 0),
    }
    found = judged(item, list(expected))
    assert dict(zip(expected, found, strict=True)) == expected
