"""The verifiers of IFEval's instructions, as lm-evaluation-harness keeps them, each made for one instruction.

An instruction is its id and what the verifier wants to know: `{"id": "length_constraints:number_words", "num_words":
100, "relation": "at least"}`. Three things that the library leaves to chance or to a network are settled here:

- What a verifier is not told, or does not like, it draws at random. Here an instruction says everything it must, and
  one whose verifier would take something else is refused. The one that draws for items of the published data, because
  their "letter" is `#` or `!`, counts that sign.
- Languages are detected with a fixed seed.
- Importing the library asks a network for NLTK's sentence model. It is not asked; the two verifiers that need the
  model say so where it is missing.
"""

# pyright: basic
from __future__ import annotations

import contextlib
import difflib
import importlib.util
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from ownwords.errors import MissingFileError, RecipeError

ID = "id"
PACKAGES = ("lm_eval", "langdetect", "immutabledict", "nltk")
#: Verifiers that split a text into sentences.
NEED_SENTENCES = frozenset({"length_constraints:number_sentences", "change_case:capital_word_frequency"})
_LETTERS = "keywords:letter_frequency"
_FIRST_WORD = "length_constraints:nth_paragraph_first_word"
_SENTENCE_MODEL = "tokenizers/punkt_tab"
_PROBE = "x"


def require_instructions(instructions: Sequence[Any]) -> None:
    """Refuse instructions that cannot be verified.

    Raises:
        ValueError: there is none, an id is unknown, or its verifier wants other arguments.
        RecipeError: the library is not installed.
        MissingFileError: NLTK's sentence model is not here, and an instruction needs it.
    """
    if not instructions:
        raise ValueError("needs at least one instruction")
    for instruction in instructions:
        problem = _problem(json.dumps(instruction, sort_keys=True))
        if problem:
            raise ValueError(problem)


def verifier_of(instruction: Mapping[str, Any]) -> Callable[[str], bool]:
    """Whether a text follows the instruction, as a function of the text; a blank one never does."""
    verifier = _make(instruction)
    return lambda text: bool(text.strip() and verifier.check_following(text))


def loose_variants(text: str) -> list[str]:
    """The text without its first line, its last, or both, and all four without asterisks: an opening sentence or
    bold type is no offence in IFEval's loose reading (Zhou et al. 2023, section 2.2)."""
    lines = text.split("\n")
    shorter = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    return [*shorter, *(part.replace("*", "") for part in (text, *shorter))]


@lru_cache(maxsize=4096)
def _problem(spec: str) -> str:
    """What is wrong with an instruction (its JSON), empty if nothing is."""
    try:
        verifier = _make(json.loads(spec))
    except ValueError as error:
        return str(error)
    try:
        verifier.check_following(_PROBE)
    except Exception as error:  # noqa: BLE001 - the boundary to the library: its verifiers check nothing themselves
        return f"cannot use {_shown(spec)}: {type(error).__name__}: {_shown(error)}"
    return ""


def _make(instruction: Any) -> Any:
    """A verifier that draws nothing at random (ValueError where it would)."""
    if not isinstance(instruction, Mapping) or not isinstance(instruction.get(ID), str):
        raise ValueError(f"takes instructions as objects with an `id`, not {_shown(instruction)}")
    name = instruction[ID]
    given = {key: value for key, value in instruction.items() if key != ID}
    verifiers = _library()
    if name not in verifiers:
        near = difflib.get_close_matches(name, verifiers, n=2) or sorted(verifiers)
        raise ValueError(f"cannot verify {_shown(name)!r}: there is no such instruction (but {', '.join(near)})")
    if name in NEED_SENTENCES:
        _require_sentences(name)
    verifier = verifiers[name](name)
    wanted = set(verifier.get_instruction_args_keys())
    if given.keys() != wanted:
        takes = ", ".join(sorted(wanted)) or "no arguments"
        raise ValueError(f"needs other arguments for {name}: it takes {takes}, and has {', '.join(given) or 'none'}")
    try:
        verifier.build_description(**given)
        if name == _LETTERS and len(given["letter"].lower()) == 1:
            verifier._letter = given["letter"].lower()
        if name == _FIRST_WORD and given["nth_paragraph"] > given["num_paragraphs"]:
            raise ValueError("there is no such paragraph")
        taken = verifier.get_instruction_args() or {}
    except Exception as error:  # the boundary to the library: what it takes, it takes without looking
        raise ValueError(f"cannot use {_shown(instruction)}: {type(error).__name__}: {_shown(error)}") from error
    for key, value in given.items():
        if isinstance(value, bool) or _plain(taken[key]) != _plain(value):
            raise ValueError(f"cannot use {_shown(instruction)}: with this {key} the verifier draws one at random")
    return verifier


def _plain(value: Any) -> Any:
    """A value without what verifiers do to it: case, white space around it, the order of a list."""
    if isinstance(value, str):
        return value.strip().lower()
    if isinstance(value, list | tuple):
        return sorted({str(_plain(item)) for item in value})
    return value


def _shown(value: Any) -> str:
    return str(value)[:200]


@cache
def _library() -> Mapping[str, Any]:
    """The verifiers by instruction id; imported without a word and without a network."""
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise RecipeError(f"instructions are verified by the package {package}: pip install 'ownwords[eval]'.")
    import langdetect
    import nltk

    download = nltk.download
    nltk.download = lambda *_args, **_options: False
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it says that it has downloaded something
            from lm_eval.tasks.ifeval import instructions_registry
    finally:
        nltk.download = download
    langdetect.DetectorFactory.seed = 0
    # It logs every text that has no language, in full.
    logging.getLogger("lm_eval.tasks.ifeval.instructions").setLevel(logging.CRITICAL)
    return instructions_registry.INSTRUCTION_DICT


def _require_sentences(name: str) -> None:
    import nltk

    try:
        nltk.data.find(f"{_SENTENCE_MODEL}/english/")
    except LookupError as error:
        raise MissingFileError(
            f"the instruction {name} needs NLTK's sentence model {_SENTENCE_MODEL}, which is not here. Where there is "
            "a network: python -m nltk.downloader punkt_tab. Elsewhere: set NLTK_DATA to a folder that has it."
        ) from error
