"""Instructions that a program can verify: a small formula of each kind, answers that follow it, answers that do not.

The formulas are written from IFEval's descriptions, without a look at the library's own code; they need to be right
for these answers only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Case(NamedTuple):
    """`formula` says of an answer whether it follows the instruction."""

    instruction: dict[str, Any]
    formula: Callable[[str], bool]
    followed: tuple[str, ...]
    missed: tuple[str, ...]


def words(text: str) -> list[str]:
    return "".join(sign if sign.isalnum() else " " for sign in text).split()


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def paragraphs(text: str) -> list[str]:
    return [part for part in text.split("\n\n") if part.strip()]


def bullets(text: str) -> int:
    return sum(line.lstrip().startswith(("* ", "- ")) for line in text.splitlines())


def halves(text: str) -> list[str]:
    return [part.strip() for part in text.split("******")]


CASES = [
    Case(
        {"id": "punctuation:no_comma"},
        lambda text: "," not in text,
        ("No such sign here; none.",),
        ("One, two.",),
    ),
    Case(
        {"id": "length_constraints:number_words", "num_words": 5, "relation": "at least"},
        lambda text: len(words(text)) >= 5,
        ("These are exactly five words.", "one two three four five six"),
        ("Only four words here.",),
    ),
    Case(
        {"id": "length_constraints:number_words", "num_words": 5, "relation": "less than"},
        lambda text: len(words(text)) < 5,
        ("Only four words here.",),
        ("These are exactly five words.",),
    ),
    Case(
        {"id": "length_constraints:number_sentences", "num_sentences": 3, "relation": "less than"},
        lambda text: text.count(".") < 3,
        ("One here. Two there.",),
        ("One here. Two there. Three everywhere.",),
    ),
    Case(
        {"id": "length_constraints:number_paragraphs", "num_paragraphs": 2},
        lambda text: len(text.split("***")) == 2,
        ("First.\n***\nSecond.",),
        ("First.", "First.\n***\nSecond.\n***\nThird."),
    ),
    Case(
        {
            "id": "length_constraints:nth_paragraph_first_word",
            "num_paragraphs": 2,
            "nth_paragraph": 2,
            "first_word": "Then",
        },
        lambda text: len(paragraphs(text)) == 2 and words(paragraphs(text)[1])[0].lower() == "then",
        ("First.\n\nThen, second.", "First.\n\nthen second"),
        ("Then first.\n\nSecond.", "Only one.", "First.\n\nThen second.\n\nThird."),
    ),
    Case(
        {"id": "keywords:existence", "keywords": ["river", "stone"]},
        lambda text: "river" in text.lower() and "stone" in text.lower(),
        ("A Stone in the river.",),
        ("A stone in the sea.",),
    ),
    Case(
        {"id": "keywords:frequency", "keyword": "tide", "frequency": 2, "relation": "at least"},
        lambda text: text.lower().count("tide") >= 2,
        ("Tide after tide.",),
        ("One tide.",),
    ),
    Case(
        {"id": "keywords:forbidden_words", "forbidden_words": ["cat"]},
        lambda text: "cat" not in words(text.lower()),
        ("Concatenate the dogs.",),
        ("A Cat sat.",),
    ),
    Case(
        {"id": "keywords:letter_frequency", "letter": "q", "let_frequency": 2, "let_relation": "at least"},
        lambda text: text.lower().count("q") >= 2,
        ("Quite quick.",),
        ("Quick.",),
    ),
    Case(
        {"id": "keywords:letter_frequency", "letter": "#", "let_frequency": 3, "let_relation": "at least"},
        lambda text: text.count("#") >= 3,
        ("#one #two #three",),
        ("#one #two three, although every letter of the alphabet may be drawn", "aaa bbb ccc"),
    ),
    Case(
        {"id": "language:response_language", "language": "de"},
        lambda text: " und " in text,
        ("Der Hund und die Katze liegen heute auf dem alten Sofa.",),
        ("The dog and the cat lie on the old sofa today.",),
    ),
    Case(
        {"id": "detectable_content:number_placeholders", "num_placeholders": 2},
        lambda text: text.count("[") >= 2,
        ("Dear [name], see you in [city].",),
        ("Dear [name], see you.",),
    ),
    Case(
        {"id": "detectable_content:postscript", "postscript_marker": "P.S."},
        lambda text: "P.S." in text,
        ("Bye.\n\nP.S. Bring bread.",),
        ("Bye.\n\nAnd bring bread.",),
    ),
    Case(
        {"id": "detectable_format:number_bullet_lists", "num_bullets": 2},
        lambda text: bullets(text) == 2,
        ("List:\n* one\n* two", "- one\n- two"),
        ("* one", "* one\n* two\n* three"),
    ),
    Case(
        {"id": "detectable_format:constrained_response"},
        lambda text: any(f"My answer is {word}." in text for word in ("yes", "no", "maybe")),
        ("My answer is maybe.",),
        ("Maybe.",),
    ),
    Case(
        {"id": "detectable_format:number_highlighted_sections", "num_highlights": 2},
        lambda text: text.count("*") >= 4,
        ("*Here* and *there*.",),
        ("*Here* and there.",),
    ),
    Case(
        {"id": "detectable_format:multiple_sections", "section_spliter": "Section", "num_sections": 2},
        lambda text: all(f"Section {number}" in text for number in (1, 2)),
        ("Section 1\nOne.\nSection 2\nTwo.",),
        ("Section 1\nOne.",),
    ),
    Case(
        {"id": "detectable_format:json_format"},
        is_json,
        ('{"a": [1, 2]}',),
        ("{'a': 1}", "The object is {}."),
    ),
    Case(
        {"id": "detectable_format:title"},
        lambda text: "<<" in text and ">>" in text,
        ("<<The tide>>\nIt comes.",),
        ("<The tide>\nIt comes.",),
    ),
    Case(
        {"id": "combination:two_responses"},
        lambda text: len(halves(text)) == 2 and halves(text)[0] != halves(text)[1],
        ("Tea.\n******\nCoffee.",),
        ("Tea.", "Tea.\n******\nTea.", "Tea.\n******\nCoffee.\n******\nMilk."),
    ),
    Case(
        {"id": "combination:repeat_prompt", "prompt_to_repeat": "Name a dish."},
        lambda text: text.startswith("Name a dish."),
        ("Name a dish. Pork.",),
        ("Pork.", "You said: Name a dish. Pork."),
    ),
    Case(
        {"id": "startend:end_checker", "end_phrase": "That is all."},
        lambda text: text.endswith("That is all."),
        ("Pork. That is all.",),
        ("That is all. Pork.",),
    ),
    Case(
        {"id": "startend:quotation"},
        lambda text: text[:1] == text[-1:] == '"',
        ('"All of it."',),
        ('"Some" of it.',),
    ),
    Case(
        {"id": "change_case:capital_word_frequency", "capital_frequency": 2, "capital_relation": "at least"},
        lambda text: sum(word.isupper() for word in words(text)) >= 2,
        ("This is VERY LOUD.",),
        ("This is LOUD.",),
    ),
    Case(
        {"id": "change_case:english_capital"},
        lambda text: text == text.upper(),
        ("THE DOG AND THE CAT LIE ON THE OLD SOFA TODAY.",),
        ("The dog and the cat lie on the old sofa today.",),
    ),
    Case(
        {"id": "change_case:english_lowercase"},
        lambda text: text == text.lower(),
        ("the dog and the cat lie on the old sofa today.",),
        ("The dog and the cat lie on the old sofa today.",),
    ),
]


def sentence_model(folder: Path) -> Path:
    """A folder as NLTK_DATA names it, with the smallest sentence model: a full stop ends a sentence, nothing more."""
    model = folder / "tokenizers" / "punkt_tab" / "english"
    model.mkdir(parents=True)
    for name in ("abbrev_types.txt", "collocations.tab", "sent_starters.txt", "ortho_context.tab"):
        (model / name).write_text("", encoding="utf-8")
    return folder
