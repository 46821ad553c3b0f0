"""The check `instructions`: right verifiers, nothing left to chance or to a network, and an end in time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instruction_cases import CASES, Case, sentence_model

from ownwords.checks import _instructions as made
from ownwords.checks.instructions import Counts, counts_of
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.errors import MissingFileError, RecipeError
from ownwords.recipe import CheckSection
from ownwords.records import PASSED, Candidate, Example, Message, Verdict

pytestmark = pytest.mark.skipif(
    not all(find_spec(package) for package in made.PACKAGES), reason="needs the extra `eval` (lm-eval with ifeval)"
)
EXAMPLE = Example("id", (Message("user", "q"),), "")
NO_COMMA = {"id": "punctuation:no_comma"}
FIVE_WORDS = {"id": "length_constraints:number_words", "num_words": 5, "relation": "at least"}
HIGHLIGHT = {"id": "detectable_format:number_highlighted_sections", "num_highlights": 1}
SENTENCES = {"id": "length_constraints:number_sentences", "num_sentences": 2, "relation": "at least"}


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """NLTK's sentence model is the smallest there can be, here and in workers, whatever this machine has."""
    import nltk

    folder = sentence_model(tmp_path / "nltk")
    monkeypatch.setenv("NLTK_DATA", str(folder))
    monkeypatch.setattr(nltk.data, "path", [str(folder)])
    forget()
    yield
    forget()


def forget() -> None:
    """What was read of another model."""
    made._library()
    made._problem.cache_clear()
    from lm_eval.tasks.ifeval import instructions_util

    instructions_util._get_sentence_tokenizer.cache_clear()


def panel_of(*instructions: dict[str, Any], **params: Any) -> Panel:
    section = CheckSection.model_validate({"name": "instructions", "instructions": list(instructions), **params})
    return Panel(named_checks([section], allow_code=False))


def verdict_on(text: str, *instructions: dict[str, Any], **params: Any) -> Verdict:
    panel = panel_of(*instructions, **params)
    try:
        (verdict,) = panel.judge(EXAMPLE, Candidate(text)).values()
    finally:
        panel.close()
    return verdict


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.instruction["id"].partition(":")[2])
def test_every_kind_is_verified_as_a_small_formula_says(case: Case) -> None:
    made.require_instructions([case.instruction])
    follows = made.verifier_of(case.instruction)
    answers = case.followed + case.missed
    expected = [True] * len(case.followed) + [False] * len(case.missed)
    assert [case.formula(text) for text in answers] == expected, "the case itself"
    assert [follows(text) for text in answers] == expected
    assert not follows(" \n"), "a blank answer follows nothing"


def test_no_kind_is_left_out() -> None:
    assert {case.instruction["id"] for case in CASES} == set(made._library())
    assert len(made._library()) == 25


@given(st.text(alphabet=st.characters(), max_size=60))
def test_whatever_the_text_is(text: str) -> None:
    assert made.verifier_of(NO_COMMA)(text) == (bool(text.strip()) and "," not in text)
    letters = made.verifier_of(
        {"id": "keywords:letter_frequency", "letter": "!", "let_frequency": 1, "let_relation": "less than"}
    )
    assert letters(text) == (bool(text.strip()) and "!" not in text)


def test_the_loose_reading_forgives_an_opening_a_closing_and_bold_type() -> None:
    assert made.loose_variants("Sure, here:\n**one** two\nBye, bye") == [
        "**one** two\nBye, bye",
        "Sure, here:\n**one** two",
        "**one** two",
        "Sure, here:\none two\nBye, bye",
        "one two\nBye, bye",
        "Sure, here:\none two",
        "one two",
    ]
    follows = made.verifier_of(NO_COMMA)
    text = "Sure, here:\none two\nBye, bye"
    assert (follows(text), [follows(variant) for variant in made.loose_variants(text)].count(True)) == (False, 2)


LINES = [text for case in CASES for text in (*case.followed, *case.missed)]


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(st.sampled_from(LINES), max_size=4), st.sampled_from(["\n", "\n\n", " ", "\n***\n", "\n******\n"]))
def test_both_readings_are_those_of_the_library_but_for_what_it_draws(lines: list[str], joint: str) -> None:
    from lm_eval.tasks.ifeval import utils

    text = joint.join(lines)
    for instruction in (case.instruction for case in CASES if case.instruction.get("letter") != "#"):
        arguments = {key: value for key, value in instruction.items() if key != "id"}
        row = utils.InputExample(1, [instruction["id"]], "q", [arguments])
        follows = made.verifier_of(instruction)
        strict = utils.test_instruction_following_strict(row, text).follow_all_instructions
        loose = utils.test_instruction_following_loose(row, text).follow_all_instructions
        assert (follows(text), follows(text) or any(map(follows, made.loose_variants(text)))) == (strict, loose)


@pytest.mark.parametrize(
    ("instruction", "told"),
    [
        (
            {"id": "punctuation:no_coma"},
            "cannot verify 'punctuation:no_coma': there is no such instruction (but punctuation:no_comma",
        ),
        ({"id": "count:keywords_multiple", "keyword1": "a"}, "cannot verify 'count:keywords_multiple'"),
        ({}, "takes instructions as objects with an `id`"),
        ({"id": 3}, "takes instructions as objects with an `id`"),
        ({**NO_COMMA, "num_words": 3}, "it takes no arguments, and has num_words"),
        ({"id": FIVE_WORDS["id"]}, "it takes num_words, relation, and has none"),
        ({**FIVE_WORDS, "extra": 1}, "needs other arguments"),
        ({**FIVE_WORDS, "num_words": -1}, "with this num_words the verifier draws one at random"),
        ({**FIVE_WORDS, "num_words": None}, "with this num_words the verifier draws one at random"),
        ({**FIVE_WORDS, "num_words": True}, "with this num_words"),
        ({**FIVE_WORDS, "num_words": float("nan")}, "with this num_words"),
        ({**FIVE_WORDS, "num_words": "5"}, "TypeError"),
        ({**FIVE_WORDS, "relation": "at most"}, "relation for comparison"),
        ({"id": "language:response_language", "language": "xx"}, "KeyError"),
        ({"id": "keywords:existence", "keywords": []}, "with this keywords"),
        ({"id": "keywords:existence", "keywords": "river"}, "with this keywords"),
        ({"id": "keywords:existence", "keywords": ["ri(ver"]}, "missing )"),
        ({"id": "keywords:existence", "keywords": [3]}, "TypeError"),
        ({"id": "keywords:letter_frequency", "letter": "ab", "let_frequency": 1, "let_relation": "at least"}, "letter"),
        ({"id": "keywords:letter_frequency", "letter": "", "let_frequency": 1, "let_relation": "at least"}, "letter"),
        ({"id": "keywords:letter_frequency", "letter": 1, "let_frequency": 1, "let_relation": "at least"}, "letter"),
        ({"id": "startend:end_checker", "end_phrase": 3}, "AttributeError"),
        ({"id": "combination:repeat_prompt", "prompt_to_repeat": ""}, "prompt_to_repeat must be set"),
    ],
)
def test_what_cannot_be_verified_is_refused(instruction: dict[str, Any], told: str) -> None:
    for _ in range(2):  # what is known of it stays so
        with pytest.raises(ValueError) as caught:
            made.require_instructions([NO_COMMA, instruction])
        assert told in str(caught.value)


def test_a_paragraph_that_cannot_be_there_is_refused_every_time() -> None:
    instruction = {
        "id": "length_constraints:nth_paragraph_first_word",
        "num_paragraphs": 2,
        "nth_paragraph": 3,
        "first_word": "a",
    }
    for _ in range(30):  # the library would draw one of three paragraphs
        made._problem.cache_clear()
        with pytest.raises(ValueError, match="there is no such paragraph"):
            made.require_instructions([instruction])


def test_no_instruction_is_no_check() -> None:
    with pytest.raises(RecipeError, match="the check instructions needs at least one instruction"):
        panel_of()
    with pytest.raises(
        RecipeError, match="the check instructions cannot verify 'nothing': there is no such instruction"
    ):
        panel_of({"id": "nothing"})


def test_the_same_language_is_found_every_time() -> None:
    """langdetect draws at random unless it is told a seed: of this text, three times in four `de`."""
    follows = made.verifier_of({"id": "language:response_language", "language": "de"})
    text = "Der Hund and the Katze lie on the Sofa, und der Mann sits da."
    assert len({follows(text) for _ in range(40)}) == 1


def test_without_a_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    made._library.cache_clear()
    monkeypatch.setattr(made, "PACKAGES", ("no_such_package",))
    with pytest.raises(RecipeError, match=r"no_such_package: pip install 'ownwords\[eval\]'"):
        made.require_instructions([NO_COMMA])
    monkeypatch.undo()
    made._library.cache_clear()


def test_without_the_sentence_model_only_what_needs_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    monkeypatch.setattr(nltk.data, "path", [])
    made.require_instructions([NO_COMMA, FIVE_WORDS])
    for instruction in (case.instruction for case in CASES):
        if instruction["id"] in made.NEED_SENTENCES:
            with pytest.raises(MissingFileError, match=r"python -m nltk\.downloader punkt_tab.*NLTK_DATA"):
                made.require_instructions([instruction])
        else:
            made.require_instructions([instruction])
            made.verifier_of(instruction)("One. Two.")


@pytest.mark.slow
def test_no_network_is_asked_for_the_sentence_model(tmp_path: Path) -> None:
    code = (
        "import socket\n"
        "def refuse(*_): raise SystemExit('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import nltk; nltk.data.path = []\n"
        "from ownwords.checks._instructions import require_instructions, verifier_of\n"
        "require_instructions([{'id': 'punctuation:no_comma'}])\n"
        "assert verifier_of({'id': 'punctuation:no_comma'})('a')\n"
        "assert nltk.download.__name__ == 'download'\n"
    )
    environment = {**os.environ, "NLTK_DATA": str(tmp_path / "none")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_verdicts_of_a_process_of_its_own() -> None:
    panel = panel_of(NO_COMMA, FIVE_WORDS, HIGHLIGHT, SENTENCES)
    texts = {
        "*One* two three four. Five six.": PASSED,
        "*One*, two three four. Five six.": Verdict(
            False, "not_all_followed:3/4:3/4", "it does not follow punctuation:no_comma"
        ),
        "Well, yes:\n*One* two three four. Five six.": Verdict(
            False, "not_all_followed:3/4:4/4", "it does not follow punctuation:no_comma"
        ),
        "": Verdict(
            False,
            "not_all_followed:0/4:0/4",
            "it does not follow punctuation:no_comma, length_constraints:number_words, "
            "detectable_format:number_highlighted_sections, length_constraints:number_sentences",
        ),
        "\ud800, \udfff": None,
    }
    try:
        for text, expected in texts.items():
            (verdict,) = panel.judge(EXAMPLE, Candidate(text)).values()
            assert expected is None or verdict == expected
            assert counts_of(verdict) is not None
    finally:
        panel.close()


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["[", "*", "a, ", "\ud800", "Section 1 ", "\n"])
def test_ten_megabytes_end_in_time(piece: str) -> None:
    text = piece * (10_000_000 // len(piece))
    instructions = [case.instruction for case in CASES]
    verdict = verdict_on(text, *instructions, timeout=0.0)
    assert not verdict.passed
    counts = counts_of(verdict)
    assert counts is not None and counts.strict < counts.total


@pytest.mark.slow
def test_a_pattern_that_never_ends_is_ended() -> None:
    verdict = verdict_on("a" * 60, {"id": "keywords:existence", "keywords": ["(a+)+b"]}, timeout=0.0)
    assert verdict.reason == "check_timeout"
    assert counts_of(verdict) == Counts(0, 0, 1)


@pytest.mark.parametrize(
    ("verdict", "counts"),
    [
        (PASSED, Counts(1, 1, 1)),
        (Verdict(False, "not_all_followed:1/3:2/3"), Counts(1, 2, 3)),
        (Verdict(False, "check_timeout"), Counts(0, 0, 1)),
        (Verdict(False, "check_crashed", "KeyError"), None),
        (Verdict(False, "check_invalid"), None),
    ],
)
def test_what_a_verdict_says(verdict: Verdict, counts: Counts | None) -> None:
    assert counts_of(verdict) == counts
