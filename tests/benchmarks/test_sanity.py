"""The gate: loops, empty and cut answers make a score unusable; tables, lists and code do not."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.benchmarks._sanity import (
    LOOP_CHARACTERS,
    LOOP_REPEATS,
    Sanity,
    _tail_loops,
    all_alike,
    is_readable,
    is_repeating,
    judge_answers,
    judge_likelihoods,
    other_language,
)
from ownwords.records import Completion

PARAGRAPH = (
    "Let the number of apples be x. Then he gives away half of them, which leaves x / 2 apples in the basket, and "
    "his sister brings three more, so that there are x / 2 + 3 apples in all. We solve for x and get the result. "
)
LOOPS = {
    "a sentence": "Let x be the number.\n" + "So the answer is 12. " * 20,
    "a sentence cut in the middle": "Let x be the number.\n" + ("So the answer is 12. " * 20)[:-8],
    "a line": "First, add the numbers.\n" + "The answer is 7.\n" * 15,
    "a paragraph": PARAGRAPH * 5,
    "one character": "The result is 0." + "0" * 300,
    "one word": "Sure, here it is: " + "the " * 60,
    "a language without blanks": "答案是" + "我不知道。" * 40,
    "an endless fraction": "1/3 = 0." + "3" * 200,
    "a counter": "".join(f"Step {n}: He has 5 apples and gives away 2, so 3 apples are left.\n" for n in range(1, 30)),
    "a loop that ends": "So the answer is 12. " * 40 + "\nThat was all. The answer is 12.",
}
NORMAL = {
    "prose": PARAGRAPH,
    "a worked answer": "Natalia sold 48/2 = 24 clips in May.\nNatalia sold 48+24 = 72 clips in all.\nThe answer is 72.",
    "a multiplication table": "\n".join(f"{a} x {b} = {a * b}" for a in range(1, 13) for b in range(1, 13)),
    "a table": "| name | age | city |\n|---|---|---|\n"
    + "\n".join(f"| Person {n} | {20 + n} | Berlin |" for n in range(30)),
    "a wide empty table": "Fill this in:\n\n|" + " |" * 12 + "\n|" + "---|" * 12,
    "a meal plan": "\n".join(
        f"| {day} | Oatmeal with berries | Grilled chicken salad | Baked salmon with vegetables |"
        for day in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    ),
    "a numbered list": "\n".join(f"{n}. Item number {n}" for n in range(1, 60)),
    "numbers in a row": ", ".join(map(str, range(1, 400))),
    "code": "def name(n):\n    if n == 0:\n        return 'value 0'\n"
    + "".join(f"    elif n == {n}:\n        return 'value {n}'\n" for n in range(1, 30)),
    "a ruler": "Done.\n" + "-" * 80,
    "a short repetition": "ha " * 30,
    "a verse said twice": PARAGRAPH * 2,
    "trailing line feeds": "The answer is 3." + "\n" * 500,
    "nothing": "",
}


def _answers(*texts: str, finish_reason: str = "stop") -> list[Completion]:
    return [Completion(request_id=str(n), text=text, finish_reason=finish_reason) for n, text in enumerate(texts)]  # type: ignore[arg-type]


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS.keys())
def test_loops_are_seen(text: str) -> None:
    assert is_repeating(text)


@pytest.mark.parametrize("text", NORMAL.values(), ids=NORMAL.keys())
def test_normal_answers_are_no_loops(text: str) -> None:
    assert not is_repeating(text)


@pytest.mark.parametrize(("file", "field"), [("gsm8k_test.json", "answer"), ("alpaca_eval.json", "output")])
def test_no_public_reference_is_a_loop(shared_data: Path, file: str, field: str) -> None:
    texts = [row[field] for row in json.loads((shared_data / file).read_text(encoding="utf-8"))]
    assert [text for text in texts if is_repeating(text)] == []


@given(st.text("ab ", max_size=400))
def test_the_tail_loops_exactly_if_some_period_says_so(text: str) -> None:
    n = len(text)

    def periodic_tail(period: int) -> int:
        start = n - period
        while start > 0 and text[start - 1] == text[start - 1 + period]:
            start -= 1
        return n - start

    expected = any(periodic_tail(p) >= max(LOOP_CHARACTERS, LOOP_REPEATS * p) for p in range(1, n))
    assert _tail_loops(text) is expected


@given(st.text("ab\n", min_size=1, max_size=60), st.text(max_size=100))
def test_what_is_said_often_enough_is_always_a_loop(piece: str, before: str) -> None:
    repeats = max(LOOP_REPEATS, -(-LOOP_CHARACTERS // len(piece))) + 1
    assert _tail_loops(before + piece * repeats)


def test_the_shares_are_those_of_the_answers() -> None:
    looping = _answers(LOOPS["a line"], finish_reason="length")
    sanity = judge_answers([*_answers("The answer is 3.", "  ", "It is 4."), *looping])
    assert (sanity.finished, sanity.non_empty, sanity.non_repeating) == (0.75, 0.75, 0.75)
    assert not sanity.usable
    assert sanity.reason == "only 75% of the answers had any text (at least 90% are needed)"


def test_good_answers_are_usable() -> None:
    sanity = judge_answers(_answers(*["The answer is 3."] * 10))
    assert (sanity.finished, sanity.non_empty, sanity.non_repeating) == (1.0, 1.0, 1.0)
    assert sanity.usable
    assert sanity.reason == ""


@pytest.mark.parametrize(("bad", "usable"), [(3, True), (4, False)])
def test_seven_of_ten_must_be_finished_and_free_of_loops(bad: int, usable: bool) -> None:
    good = _answers(*["The answer is 3."] * (10 - bad))
    assert judge_answers([*good, *_answers(*["The answer is"] * bad, finish_reason="length")]).usable is usable
    assert judge_answers([*good, *_answers(*[LOOPS["a sentence"]] * bad)]).usable is usable


def test_a_tool_call_is_an_answer() -> None:
    call = Completion(request_id="r", tool_calls=({"name": "add", "arguments": {"a": 1}},))
    assert judge_answers([call]).usable


def test_no_answers_are_unusable() -> None:
    assert not judge_answers([]).usable


# --- garbage ----------------------------------------------------------------------------------------------------------


def _human_answers(shared_data: Path) -> list[str]:
    return [row["output"] for row in json.loads((shared_data / "alpaca_eval.json").read_text(encoding="utf-8"))]


def _shuffled_words(texts: list[str], count: int, seed: int = 0) -> str:
    """So many different words of the texts, each as likely as any other."""
    words = sorted({word for text in texts for word in re.findall(r"[A-Za-z]+", text)})
    return " ".join(random.Random(seed).sample(words, count))


def _soup(length: int, seed: int = 0) -> str:
    """Scraps of words, scripts and signs side by side, as output of devices that do not agree looks like."""
    scraps = [
        "ering",
        " obl",
        "的",
        "Ġ",
        "_ptr",
        " ка",
        "ής",
        "ção",
        "!!",
        " Zw",
        "ust",
        "한",
        "\n",
        "pher",
        " ال",
        "ité",
    ]
    generator = random.Random(seed)
    return "".join(generator.choice(scraps) for _ in range(length))


@pytest.mark.slow
def test_answers_of_people_are_readable(shared_data: Path) -> None:
    answers = _human_answers(shared_data)
    assert sum(map(is_readable, answers)) / len(answers) >= 0.97
    sanity = judge_answers(_answers(*answers), answers)
    assert sanity.usable
    assert sanity.language == 1.0


@pytest.mark.slow
def test_random_words_of_a_language_are_not_readable(shared_data: Path) -> None:
    answers = _human_answers(shared_data)
    nonsense = [_shuffled_words(answers, 30, seed) for seed in range(200)]
    assert sum(map(is_readable, nonsense)) <= 20
    assert "could be read" in judge_answers(_answers(*nonsense)).reason


def test_soup_of_tokens_is_not_readable() -> None:
    soup = [_soup(60, seed) for seed in range(50)]
    assert not any(map(is_readable, soup))
    assert judge_answers(_answers(*soup)).reason.startswith("only 0% of the answers could be read")
    assert not is_readable("The answer is \ufffd\ufffd\ufffd\ufffd")


SENTENCES = {
    "German": "Das ist ein Satz, der aus vielen Wörtern besteht und den jeder lesen kann, weil er nicht "
    "sehr lang ist und "
    "auch keine schweren Wörter hat.",
    "Finnish": "Suomi on maa, joka on tunnettu järvistä ja metsistä, ja sen pääkaupunki on Helsinki, "
    "mutta kesällä monet "
    "ihmiset ovat mökillä ja uivat järvessä niin kuin lapset.",
    "Turkish": "Bu cümle çok uzun bir cümle ve içinde birçok kelime var, çünkü bir cümlenin ne kadar "
    "uzun olduğu da önemli "
    "gibi görünüyor ve bunun için yazdım.",
    "Polish": "To jest zdanie, które ma wiele słów i nie jest trudne do przeczytania, bo napisałem je po "
    "to, aby było w nim "
    "dużo słów z języka.",
    "Russian": "Это предложение состоит из многих слов, и его может прочитать каждый, потому что оно не "
    "очень длинное и в "
    "нём нет трудных слов, как в книге.",
    "Indonesian": "Kalimat ini adalah kalimat yang panjang dan tidak sulit untuk dibaca dengan cepat oleh orang dari "
    "mana saja pada pagi hari di kota besar itu.",
    "Vietnamese": "Đây là một câu dài với nhiều từ và không khó để đọc cho những người học tiếng Việt "
    "trong các lớp của "
    "trường này mỗi ngày.",
    "Chinese": "这是一个很长的句子，里面有很多字，但是每个人都可以读懂，因为它没有很难的词语，而且写得很清楚。",
    "Japanese": "これは長い文で、たくさんの言葉がありますが、誰でも読むことができます。難しい言葉はありません。",
    "two scripts": "The word for cat in Russian is кошка, and the word for dog is собака; both are common words in it.",
    "JSON": '{"name": "John Doe", "age": 20, "address": {"street": "Main Street", "city": "Springfield"}}',
    "a call": "weather.get(city='Paris', unit='celsius', days=3, hourly=True, wind=False, source='none')",
    "a short answer": "Paris, Rome, London",
}


@pytest.mark.parametrize("text", SENTENCES.values(), ids=SENTENCES.keys())
def test_real_texts_are_readable(text: str) -> None:
    assert is_readable(text)


def test_markers_of_another_template_are_named() -> None:
    marked = [f"Sure. [/INST] {n} <|im_start|>user" for n in range(10)]
    assert "chat-template markers" in judge_answers(_answers(*marked)).reason


def test_answers_without_a_language_count_as_neither() -> None:
    question = "Write a long text about the history of the city, its people and what they did in the years of the war."
    english = (
        "The city was founded by people who came from the coast and lived there for many years before the war began."
    )
    english += " Most of them were poor, and they worked in the fields."
    sanity = judge_answers(_answers("42", "`x = 1`", english, SENTENCES["Russian"]), [question] * 4)
    assert (sanity.language, sanity.told) == (0.5, 2)
    nothing = judge_answers(_answers("42"), [question])
    assert (nothing.language, nothing.told) == (None, 0)


def _language(share: float | None, told: int = 50) -> Sanity:
    return Sanity(1.0, 1.0, 1.0, 1.0, 1.0, share, told)


@pytest.mark.parametrize(
    ("variant", "seed", "usable"),
    [
        (_language(0.2), _language(1.0), False),
        (_language(0.9), _language(1.0), True),
        (_language(0.0), _language(0.05), True),  # a translation task: the seed leaves the language too
        (_language(0.0, told=3), _language(1.0), True),
        (_language(None, told=0), _language(1.0), True),
    ],
)
def test_another_language_is_held_against_the_seeds(variant: Sanity, seed: Sanity, usable: bool) -> None:
    assert (other_language(variant, seed) == "") is usable


QUESTIONS = [f"How much is {number} and {number}?" for number in range(20)]
NUMBERS = [str(2 * number) for number in range(20)]
VARIED = [f"It is {number}." for number in range(20)]
BOTH = ["yes", "no"] * 10
MOSTLY_NO = ["no"] * 18 + ["yes"] * 2


def _said(texts: list[str], right: list[str] | None = NUMBERS) -> Sanity:
    return judge_answers(_answers(*texts), QUESTIONS[: len(texts)], None if right is None else right[: len(texts)])


@pytest.mark.parametrize(
    ("variant", "seed", "usable"),
    [
        (_said(["a"] * 20), _said(VARIED), False),
        (_said(["!" * 10] * 20), _said(["!" * 10] * 20), False),  # a broken engine breaks the seed too
        (_said(["The answer lies in the heart of the matter."] * 20), None, False),
        (_said(["The answer  is 4.", "the answer is 4.\n"] * 10), _said(VARIED), False),
        (_said(["The answer is 4."] * 19 + ["It is 2."]), _said(VARIED), False),
        (_said(["The answer is 4."] * 18 + ["It is 2."] * 2), _said(VARIED), True),
        (_said(["a"] * 9), _said(VARIED[:9]), True),  # too few to tell
        (_said(VARIED), _said(VARIED), True),
        (_said(["I'm sorry, but I can't help with that."] * 20), _said(VARIED), True),  # lost, and no garbage
        (_said(["yes"] * 20, BOTH), _said(VARIED, BOTH), False),
        (_said(["yes"] * 20, BOTH), _said(["no"] * 12 + ["yes"] * 8, BOTH), True),  # the seed says hardly more
        (_said(["yes"] * 20, BOTH), None, True),
        (_said(BOTH, BOTH), _said(VARIED, BOTH), True),
        (_said(["no"] * 20, MOSTLY_NO), _said(VARIED, MOSTLY_NO), True),  # nearly always right
        (_said(["a"] * 20, ["refusal"] * 20), _said(VARIED, ["refusal"] * 20), True),  # not covered
        (_said(["a"] * 20, None), _said(VARIED, None), True),
    ],
)
def test_one_answer_to_everything_is_unusable_where_right_answers_differ(
    variant: Sanity, seed: Sanity | None, usable: bool
) -> None:
    assert variant.usable  # by all that is told of each answer alone
    reason = all_alike(variant, seed)
    assert (reason == "") is usable
    assert usable or "are one and the same text" in reason


def test_the_same_answers_to_one_question_are_no_sign_of_anything() -> None:
    """Several samples: each question counts once."""
    texts = [text for text in VARIED[:10] for _ in range(8)]
    asked = [question for question in QUESTIONS[:10] for _ in range(8)]
    sanity = judge_answers(_answers(*texts), asked, [text for text in NUMBERS[:10] for _ in range(8)])
    assert (sanity.same, sanity.questions, sanity.right_same) == pytest.approx((0.1, 10, 0.1))
    half = judge_answers(_answers(*(["a", "b"] * 40)), asked)
    assert half.same == pytest.approx(0.5)


def test_calls_are_told_apart_by_what_they_call() -> None:
    def call(name: str) -> Completion:
        return Completion("r", tool_calls=({"name": name, "arguments": {"a": 1}},))

    assert judge_answers([call("add")] * 20, QUESTIONS).same == 1
    assert judge_answers([call(f"add{n}") for n in range(20)], QUESTIONS).same == pytest.approx(0.05)


def test_facts_of_earlier_versions_still_read() -> None:
    old = Sanity.read({"finished": 1.0, "non_empty": 1.0, "non_repeating": 0.5})
    assert (old.readable, old.language, old.same) == (None, None, None)
    assert all_alike(old, old) == ""
    assert old.reason == "only 50% of the answers were free of loops (at least 70% are needed)"


@pytest.mark.parametrize(
    ("logprobs", "reason"),
    [
        ([-1.0, -2.5, -0.1], ""),
        ([-1.0, float("nan")], "1 of 2 log-likelihoods are not numbers"),
        ([float("-inf"), -1.0], "1 of 2 log-likelihoods are not numbers"),
        ([-10.8] * 40, "all 40 log-likelihoods are -10.8"),
        ([-10.8] * 3, ""),
        ([-1.0, 0.5], "above 0"),
    ],
)
def test_likelihoods_must_be_numbers_and_differ(logprobs: list[float], reason: str) -> None:
    found = judge_likelihoods([Completion("r", finish_reason="scored", logprobs=(value,)) for value in logprobs])
    assert found.startswith(reason) if not reason.startswith("above") else reason in found
    assert bool(found) is bool(reason)
