"""Whether an answer is taken back after it was given, and what stands in its place: `The answer is 18. No, 20.`

Much of what follows an answer explains it and mentions other numbers, so that a cue (`No`, `Wait`, `Actually`) counts
only where a sentence begins, or after a comma in the answer's own, and only if the text then *states* another answer:
right away, as `it is 20`, or as a conclusion (`So 20 in all.`). A writer who says that the answer was wrong is
believed without that: then the last number counts. `It should be 20` and `it could also be 20` need no other cue.

Not covered: a retraction without such words (`18 looks right, yet 20 fits better.`) or whose new answer is announced
by others (`Wait, that counts Sunday. Without it there are 20.`), one that comes more than 400 characters after the
answer, and a comment in the form of a correction (`Actually, that is 3 boxes.`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from ownwords.checks._choices import chosen_letter
from ownwords.checks._expressions import LONGEST, expression_in
from ownwords.checks._markers import MARKUP
from ownwords.checks._numbers import plain
from ownwords.checks._reading import WRAPPING, Answer, last_value, normal, phrase, read_segment, sentence_of

#: Characters after an answer in which it can be taken back.
AFTER_ANSWER = 400
_SHORTEST = 10

_WORD = re.compile(r"[a-z]+")
#: Without one of these words nothing is taken back: cheap, and for most texts the end of it.
_CUE_WORDS = frozenset(
    _WORD.findall(
        "no not nope actually mean meant rather make wait hold hang oops whoops sorry apologies apologize "
        "apologise mistake mistaken bad thought reflection rechecking recounting recalculating again closer "
        "correct correction corrected edit update scratch strike take recount redo fix wrong incorrect error "
        "slip typo blunder miscalculation miscounted miscalculated misread forgot overlooked double off "
        "forgets ignores misses overlooks leaves should also retract ignore forget disregard say right"
    )
)

# Every repetition has a limit, and those of blanks and marks do not go back: the time is linear whatever the text.
_BOUNDARY = r"(?:[.!?:;…][*_\"'”’)\]}$`>]{0,6}\s{1,4}+|\.\.\s{0,4}+|\n[\s*_>#-]{0,8}+|[(—–]\s{0,4}+|\s-{1,3}\s{1,4}+)"
_LEAD = (
    r"(?:(?:oh|ah|hmm+|um|uh|but|ok|okay|well|so|and|then|though|although|yet|however|in fact)\b[\s,.…!—–-]{0,4}+){0,3}"
)
_GAP = r"[\s,.:;…!—–*_-]"
_ANSWER = r"(?:the|my|our) (?:[a-z]+ ){0,2}?(?:answer|result|total|value|number|sum|count|choice|option)"
_SUBJECT = rf"(?:it|that|this|there|{_ANSWER})"
_ADVERBS = r"(?:\s(?:really|actually|rather|instead|just|only|exactly|in fact|then|now|about)){0,3}"
_SHOULD = rf"(?:should|must|ought to|has to|needs to){_ADVERBS} (?:be|have been)"
_IS = rf"(?:['’]s| (?:is|are|was|equals|makes|gives|leaves|comes to|would be|{_SHOULD}))"
_STATES = (
    rf"(?:I (?:think|believe|guess)(?: that)? )?(?:I (?:get|count)\b|I['’]d say\b|{_SUBJECT}{_ADVERBS}{_IS}){_ADVERBS}"
)
_CONCLUDES = rf"(?:so|thus|therefore|hence)\b,?(?: {_STATES}| (?:we|I|you) (?:get|have|need))?"

_INTERJECTION = (
    r"(?:(?:no|nope|actually|I meant?|or (?:rather|actually)|make (?:that|it))(?![\w'’-])|not [$€£]?\d[\d.]*(?=[,;:])"
    r"|(?:wait|hold on|hang on|oops|whoops|sorry|apologies|rather|my (?:mistake|bad)|on (?:second thought|reflection)"
    r"|correction|edit|update|(?:scratch|strike) that|I take (?:that|it) back|I stand corrected|wrong"
    r"|(?:ignore|forget|disregard) that|I retract (?:that|it)|to correct myself"
    r"|I was (?:wrong|mistaken)|I apologi[sz]e"
    r"|(?:let me|I must|I (?:need|have) to) (?:(?:correct|fix|redo) (?:that|this|it|myself)|recount|try again)"
    r"|(?:rechecking|recounting|recalculating|checking again|looking (?:again|closer))(?: [a-z]+){0,3})"
    r"(?=[,.:;…!—–-]|\s-|\s+(?:no|actually)\b))"
)
_WRONG = (
    r"(?:I made an? (?:\w+ )?(?:mistake|error|slip|typo|blunder|miscalculation)"
    r"|I (?:forgot(?! to (?:mention|say|tell))|overlooked|miscounted|miscalculated|misread|double-counted)\b"
    r"|I was (?:wrong|mistaken|off)\b"
    r"|(?:that|this|it|which)(?:['’]s| is| was) (?:not (?:right|correct|true)|wrong|incorrect|an? (?:mistake|error))\b"
    r"(?! (?:to|if)\b)"
    r"|(?:that|this|it) (?:doesn['’]t|does not|can['’]t|cannot) (?:be|look|seem) (?:right|correct)\b"
    r"|that (?:forgets|ignores|misses|overlooks|leaves out|double-counts)\b)"
)
_CALLS = rf"(?:{_INTERJECTION}{_GAP}{{1,6}}+){{1,4}}"


def _at(openings: str, body: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{openings}){_LEAD}{body}", re.IGNORECASE)


def _both(body: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """For the answer's own sentence, where a comma is enough before it, and for all sentences after that."""
    return _at(rf"{_BOUNDARY}|,\s+|\s(?=or rather\b)", body), _at(_BOUNDARY, body)


_CUES = _both(rf"(?P<cue>{_CALLS})(?P<stated>{_STATES}[\s:]*)?")
_WRONGS = _both(rf"(?:{_CALLS})?{_WRONG}")
_OPEN = _both(rf"(?P<stated>(?:it|{_ANSWER}) should{_ADVERBS} (?:be|have been){_ADVERBS}[\s:]+)")
_CONCLUSION = _at(rf"{_BOUNDARY}|,\s+", rf"(?P<stated>{_CONCLUDES}[\s:]+|{_STATES}[\s:]+)")
_ALSO = re.compile(r"\b(?:could|might|may) also be\s+", re.IGNORECASE)
_WITHDRAWN = _at(
    _BOUNDARY,
    rf"(?:{_CALLS}(?:that|this|it)(?:['’]s| is) (?:not (?:right|correct)|wrong|incorrect)\b"
    rf"|(?:{_INTERJECTION}{_GAP}{{1,6}}+){{0,3}}no\W{{0,6}}$)",
)
_SENTENCE_END = re.compile(r"[.!?](?=[\s*_\"')\]}$]|$)|\n")

_FIGURE = re.compile(r"[\s$€£¥₹(*_`\"'“]*(?:(?:negative|minus)\s)?[-+]?[$€£¥₹]?\s?(?:\d+(?:[,./]\d+){0,8}|\.\d+)")
_COMMENT = re.compile(
    r"\s{0,2}(?:of(?!\s(?:them|these|those)\W*$)|more|less|fewer|times\s\$?\d|dozen|plus|minus|out|per)(?![A-Za-z])"
    r"|(?:\s[a-z]+){1,2}\s(?:of|with|per|for|more|less|fewer|old|each|every|later|ago|earlier)\b"
    r"|(?:\s[a-z]+){0,2}\s(?:ways?|methods?|steps?|things?|reasons?|cases|hints|rules)\b",
    re.IGNORECASE,
)
_SAID_OF = re.compile(r"\b(?:is|are|was|were|has|have|had|can|could|will|would|do|does|did|go|goes|went|may|might)\b")
_PREFERRED = re.compile(r"\s(?:\w+\s){0,2}(?:is|must be|would be|are|were) (?:right|correct|better|the|left)\b")
_MOST_WORDS_AFTER_FIGURE = 5
_LETTER = re.compile(
    r"[\s(\[\"'*_`]*(?:option |choice |letter )?([A-J])(?=[)\].,:;!?\"'*_]|\s*$|\s(?:is|because|since)\b)"
    r"(?!\W{0,4}(?:is|was) (?:\w+ )?(?:wrong|not|incorrect|tempting|false))"
)
_ANY_LETTER = re.compile(r"(?<![A-Za-z'])([A-J])(?![A-Za-z'])")
_FORMULA = re.compile(r"[\s*_:]*(?:[$\\(\[{\d√-]|[a-z]\s?[-+=^<>(/])")
_SYMBOL = re.compile(r"[\d\\^=+]")
_PROSE = re.compile(r"(?<![\\A-Za-z{])(?!(?:instead|sqrt|sin|cos|tan|log|exp)\b)[A-Za-z]{3,}")
_TRUTH = ("true", "false", "yes", "no")
_NO_ANSWERS = ("clear", "enough", "noted", "fine", "easy", "obvious", "correct", "right", "ok", "okay", "good")
_MOST_FORMULAS = 10
_MOST_WORDS_STATED, _MOST_WORDS_BARE = 4, 2


class _Place(NamedTuple):
    """Where another answer may begin; `stated` says that words such as `it is` announce it."""

    start: int
    stated: bool


def taken_back(text: str, start: int, value: Answer) -> Answer | None:
    """What stands in the place of the value that was given at `start`: a number, a letter or a phrase.

    None where it is not taken back; an empty text where it is, and nothing takes its place.
    """
    if len(text) - start < _SHORTEST:
        return None
    after = text[start : start + AFTER_ANSWER]
    if _CUE_WORDS.isdisjoint(_WORD.findall(after.lower())):
        return None
    first = _first_sentence(after)
    places = list(_places(after, first))
    wrong = _first(_WRONGS, after, first)
    if not places and wrong is None:
        return None
    found = _replacement(after, places, wrong, value if isinstance(value, Fraction) else sentence_of(value))
    return "" if found is None and _WITHDRAWN.search(after) else found


def _replacement(after: str, places: list[_Place], wrong: int | None, value: Answer) -> Answer | None:
    if isinstance(value, str) and len(value) == 1:
        return _letter(after, places, wrong)
    if isinstance(value, str) and not _SYMBOL.search(value):
        return next((found for place in reversed(places) if (found := _phrase(after, place, value))), None)
    if wrong is not None and isinstance(value, Fraction) and (found := last_value(after[wrong:])) is not None:
        return found
    for place in reversed(places):
        found = _number(after, place)
        if found is None and isinstance(value, str) and _is_formula(after, place):
            found = phrase(plain(after[place.start :]).strip(MARKUP + ",."))
        if found is not None:
            return found
    return None if wrong is None else last_value(after[wrong:])


def replaced_expression(text: str, start: int) -> str | None:
    """The expression in LaTeX that stands in the place of the one that was given at `start`, or None."""
    after = text[start : start + AFTER_ANSWER]
    if _CUE_WORDS.isdisjoint(_WORD.findall(after.lower())):
        return None
    first = _first_sentence(after)
    starts = [place.start for place in _places(after, first) if _is_formula(after, place)]
    wrong = _first(_WRONGS, after, first)
    if wrong is not None:
        starts.append(wrong)
    return next(
        (found for place in sorted(starts)[:-_MOST_FORMULAS:-1] if (found := expression_in(after[place:]))), None
    )


def _first_sentence(after: str) -> int:
    """Where the answer's own sentence ends."""
    opening = len(after) - len(after.lstrip(MARKUP + "\n"))
    end = _SENTENCE_END.search(after, opening)
    return end.end() if end else len(after)


def _places(after: str, first: int) -> Iterator[_Place]:
    """Every place at which another answer may begin, in the text's order as far as that matters."""
    earliest = len(after)
    for cue in _found(_CUES, after, first):
        earliest = min(earliest, cue.end("cue"))
        if cue["stated"]:  # after `No, it is` something is stated; `Wait, 20` states it right away
            yield _Place(cue.end("stated"), True)
        yield _Place(cue.end("cue"), False)
    for statement in _found(_OPEN, after, first):
        yield _Place(statement.end("stated"), True)
    for alternative in _ALSO.finditer(after):
        yield _Place(alternative.end(), True)
    for conclusion in _CONCLUSION.finditer(after, max(0, earliest - 2)) if earliest < len(after) else ():
        yield _Place(conclusion.end("stated"), True)


def _found(patterns: tuple[re.Pattern[str], re.Pattern[str]], after: str, first: int) -> Iterator[re.Match[str]]:
    own, later = patterns
    for match in own.finditer(after):
        if match.start() < first:
            yield match
    yield from later.finditer(after, max(0, first - 1))


def _first(patterns: tuple[re.Pattern[str], re.Pattern[str]], after: str, first: int) -> int | None:
    return min((match.end() for match in _found(patterns, after, first)), default=None)


def _number(after: str, place: _Place) -> Answer | None:
    """The number, list or quantity that the text gives at this place, unless it is a remark about a number."""
    figure = _FIGURE.match(text := plain(after[place.start :]))
    if figure is None:
        return None
    rest = f" {sentence_of(text[figure.end() :])}"
    if _COMMENT.match(rest):
        return None
    if not (place.stated or _PREFERRED.match(rest)):
        clause = re.split(r"[,;:(—–]", rest, maxsplit=1)[0]
        if _SAID_OF.search(clause) or len(clause.split()) > _MOST_WORDS_AFTER_FIGURE:
            return None
    return read_segment(text.strip(MARKUP + "$(\"'“"))


def _is_formula(after: str, place: _Place) -> bool:
    """Whether a formula stands at this place, and no remark about one."""
    if not _FORMULA.match(after, place.start):
        return False
    return place.stated or not _PROSE.search(sentence_of(after[place.start : place.start + LONGEST]))


def _letter(after: str, places: list[_Place], wrong: int | None) -> str | None:
    if wrong is not None:
        return chosen_letter(after[wrong:]) or next(reversed(_ANY_LETTER.findall(after, wrong)), None)
    for place in reversed(places):
        if found := _LETTER.match(after, place.start):
            return found[1]
    cue = min((place.start for place in places if not place.stated), default=len(after))
    return chosen_letter(f"- {after[cue:]}")  # a letter that merely comes first is the one above or a remark


def _phrase(after: str, place: _Place, value: str) -> str | None:
    """The few words that stand at this place, if they may be an answer of the same kind as the value."""
    words = sentence_of(plain(after[place.start :]).strip(MARKUP + ",.\n")).partition("\n")[0].strip(WRAPPING)
    length = len(words.split())
    if not 0 < length <= (_MOST_WORDS_STATED if place.stated else _MOST_WORDS_BARE):
        return None
    if normal(value) in _TRUTH:
        return words if normal(words) in _TRUTH else None
    if value.strip(WRAPPING)[:1].isupper():
        return words if words[:1].isupper() else None
    return words if length == 1 and words.casefold() not in _NO_ANSWERS else None
