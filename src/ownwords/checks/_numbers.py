"""Numbers as people and models write them, read exactly: `$1,234.50`, `-3/4`, `1½`, `6.02 × 10^23`, `5 million`.

What is read, by decision:

- Units, currency and percent signs are dropped: `50%` is 50, never 0.5, since references often leave the sign out.
- Values are fractions: 1.50 equals 1.5, and 0.333 does not equal 1/3.
- Clock times, dates and version numbers are no numbers but text: 12:30 is not 12.
- An expression that is not worked out (`2x`, `3√2`, `10-15`, `x > 5`) is no number; one that is (`48 + 24 = 72`) is its
  result.
- Two different numbers as alternatives (`72 or 74`) are no number, but `90 minutes or 1.5 hours` is its first.
- `10k` is 10,000; other letters are scales only in sums of money: `$2.5M`, `$3B`.

All functions take a short piece of text (the caller cuts it), so no input can make reading slow. Not covered: number
words, roman numerals, decimal commas.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

_LATEX = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\frac\{\\(?:text|mathrm)\{([^{}]*)\}\}\{\\(?:text|mathrm)\{([^{}]*)\}\}", r" \1/\2"),
        (r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}", r" \1 "),
        (r"(?<=\d)\s*\\[dtc]?frac", r" \\frac"),
        (r"\\[dtc]?frac\s*(?:\{\s*(\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))", r"\1\2/\3\4"),
        (r"\\(?:left|right|displaystyle)(?![A-Za-z])|\\[,;:! ]", ""),
        (r"\\([%$&#{}])", r"\1"),
        (r"\\(?:times|cdot)(?![A-Za-z])", "×"),
        (r"\\div(?![A-Za-z])", "÷"),
        (r"\\approx(?![A-Za-z])", "≈"),
        (r"\^\s*\{?\s*\\circ\s*\}?|\\degree", "°"),
    )
]
_NARROW_BLANK = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_DIGIT_GROUP = re.compile(r"(?<=\d)_(?=\d{3}(?!\d))")  # 42_000, as programs write it
_VULGAR = re.compile(r"[¼-¾⅐-⅞]")
_BOLD = re.compile(r"(?<!\d)\*\*|\*\*(?![\d(])|__|`")
_CHARACTERS = str.maketrans({"−": "-", "\u2044": "/", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "’": "'"})

_NUMBER = re.compile(
    r"""
    (?P<text>                                                     # what only looks like a number
        (?<![\d.])\d{1,9}(?::\d{1,9})+(?:\s?[AaPp]\.?[Mm]\b\.?)?  # 12:30 pm, 3:4
      | (?<![\d.])\d{4}([-/.])\d{1,2}\2\d{1,2}(?!\d)              # 2024-02-29
      | (?<![\d.])\d{1,2}([-/.])\d{1,2}\3\d{4}(?!\d)              # 29.02.2024
      | (?<![\d.])\d+(?:\.\d+){2,}                                # 1.2.3
    )
  | (?P<sign>(?<![A-Za-zÀ-ɏ_\d)\]}%^])(?<!\^\{)[-+])?
    (?:[$€£¥₹]\s?(?P<inner>-)? | (?<![A-Za-zÀ-ɏ_\d^])(?<!\^\{)(?<!\^-)(?<!\^\{-))
    (?: (?P<mixed>\d{1,9})\s(?P<part>\d{1,9}/\d{1,9})(?![\d/])
      | (?P<digits>\d{1,3}(?:,\d{2,3}){0,12},\d{3}(?!\d)|\d++)(?P<decimals>\.\d++)?
      | (?P<bare>(?<!\.)\.\d++)
    )
    (?P<exponent>[eE][-+]?\d{1,3}(?![A-Za-z\d]))?
    (?: \s?[×*x]\s?10\s?\^\s?\{?\s?(?P<tens>-?\d{1,3})\s?\}?
      | \s?(?:\^|\*\*)\s?\{?\s?(?P<power>-?\d{1,3})\s?\}?
    )?
    (?:\s?/\s?(?P<denominator>\d{1,3}(?:,\d{3}){1,4}(?!\d)|\d++(?:\.\d++)?))?
    (?:\s(?P<scale>hundred|thousand|million|billion|trillion)\b|(?P<suffix>[kKMB]|bn)(?![A-Za-z\d]))?
    """,
    re.VERBOSE,
)
_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SUFFIXES = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "bn": 10**9}
_CURRENCY = ("$", "€", "£", "¥", "₹")
_MOST_DIGITS = 1000

_EQUALITY = re.compile(r"=|≈|\bequals\b|\bis equal to\b")
_OPERATION = re.compile(r"\s[-+*/]\s|[+*×÷·]|(?<![A-Za-z])x(?![A-Za-z])|\b(?:of|times|plus|minus|by)\b")
_BARE_OPERATOR = re.compile(r"\s*(?:[-+*/×÷·^]|x(?![A-Za-z]))\s*[$€£¥₹(-]*")
_SENTENCE_BREAK = re.compile(r"[.!?](?:\s|$)|[,;\n]")
_LIST_GAP = re.compile(r"[\s)\]}]*(?:[,;|]\s*(?:(?:and|or)\s+)?|\s(?:and|or)\s+)[\s(\[{]*|\s+")
_OR_AFTER = re.compile(r"[\s$)\]}\\]*\bor\b")
_OPENING, _CLOSING = tuple("([{"), tuple(")]}")
_UNIT_GAP = re.compile(
    r"\s?(?:h|hours?|hrs?|min|minutes?|mins?|seconds?|secs?|days?|weeks?|months?|years?|feet|foot|ft|pounds?|lbs?"
    r"|dollars?|degrees?|[°'])\.?,?\s?(?:and\s)?[$€£¥₹]?"
)
_VARIABLE_AFTER = re.compile(
    r"[xyznabitruvw](?![A-Za-z\d])|\s?(?:π|√|\\[A-Za-z]+|(?:sqrt|pi|ln|log|sin|cos|tan)(?![A-Za-z]))|\s*[≤≥∪∩∈±]"
    r"|\s*,\s*\+?(?:∞|\\infty)|\s*\^|\s(?:squared|cubed|factorial|mod|modulo|tenths?|hundredths?|thousandths?)\b|\(\s*-?\d*[a-z](?![A-Za-z])|[A-Za-z]\s*[-+^]\s*[\dA-Za-z(](?![A-Za-z])"
    r"|\s*[-+*/×÷]\s*(?:[xyzn(](?![A-Za-z])|√|π|pi(?![A-Za-z])|sqrt|\\)|\s*[<>]=?\s*[-\dA-Za-z(](?![A-Za-z])"
)
_OPERAND_BEFORE = re.compile(
    r"(?:√|±|\}\s?\{|(?:∞|\\infty)\s?,|(?<!\w)-\s?\(|sqrt\s?[{(\[]?|\\[A-Za-z]+[{\[]"
    r"|\\(?:[lg]e?q?|[lg]t|neq?|pm|cup|ln|log|sin|cos|tan|exp)\s?"
    r"|(?<![A-Za-z])[A-Za-z]{1,4}\(|(?<![A-Za-z])[A-Za-z]\s*(?:[<>]=?|[≤≥∈])"
    r"|(?:(?<![A-Za-z])[A-Za-z]|[\d)}²³])\s*[-+*/×÷^])\s*$"
)
_VARIABLE_BEFORE_SIGN = re.compile(r"(?<![A-Za-z])[A-Za-z]\s+$")
_INEQUALITY_BEFORE = re.compile(r"(?<![A-Za-z])[A-Za-z]\s*(?:[<>]=?|[≤≥])\s*$")
_SYSTEM_GAP = re.compile(r"\s*(?:[,;]\s*)?(?:\b(?:or|and)\b)?\s*[A-Za-z]\s*=\s*")
_REJECTED = re.compile(r"\bnot\s[$€£¥₹]?$")
_ALTERNATIVE = re.compile(
    r"(?P<unit>(?:\s?[A-Za-z%°/²³]+(?:\^\d)?){0,3}?)[\s,(]*\bor\b(?:\s+(?:maybe|perhaps|possibly|it|is|could|might|even|be|also)\b)*"
    r"\s*[$€£¥₹]?"
)
_ALTERNATIVE_LENGTH = 80
_UNIT = re.compile(r"\s?([A-Za-z°/]*)")


def plain(text: str) -> str:
    """The text with LaTeX and typography as plain characters: fractions as 3/4, minus signs as -, no bold marks."""
    if "\\" in text:
        for pattern, replacement in _LATEX:
            text = pattern.sub(replacement, text)
    text = text.replace("{,}", ",")
    if "_" in text:
        text = _DIGIT_GROUP.sub("", text)
    if not text.isascii():
        text = _NARROW_BLANK.sub("", text)
        if _VULGAR.search(text):
            text = re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞])", " ", text)
            text = _VULGAR.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
        text = text.translate(_CHARACTERS)
    return _BOLD.sub("", text) if "*" in text or "_" in text or "`" in text else text


def count_numbers(text: str) -> int:
    """How many numbers stand in a plain text."""
    return sum(1 for _ in _NUMBER.finditer(text))


def first_number(text: str) -> Fraction | str | None:
    """The value that a plain text opens with, words before it aside: the number after `the answer is`.

    An equation gives its result. Times, dates, versions, lists (`3, 1 and 2`) and compound quantities (`3 hours 20
    minutes`) come back as text; expressions that are not worked out, and texts without a number, as None.
    """
    if text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS:  # most are nothing else
        return Fraction(int(text))
    tokens = list(_NUMBER.finditer(text))
    if not tokens or "\\begin" in text:
        return None
    several = _several(text, tokens) or _alternatives(text, *tokens[:2])
    if several is not None:
        return several
    chain = [tokens[0]]
    result = None
    for token in tokens[1:]:
        gap = text[chain[-1].end() : token.start()]
        equality = _EQUALITY.search(gap)
        if _SENTENCE_BREAK.search(gap) or not (equality or _is_operation(gap)):
            break
        chain.append(token)
        result = len(chain) - 1 if equality else result
    if result is None:
        unfinished = len(chain) > 1 and _BARE_OPERATOR.fullmatch(text, chain[0].end(), chain[1].start())
        return None if unfinished or _in_expression(text, chain[0]) else _value(chain[0])
    if result < len(chain) - 1:  # the right-hand side is the sum: 72 = 48 + 24
        return _value(chain[0]) if result == 1 else None
    return None if _in_expression(text, chain[result]) else _value(chain[result])


def last_number(text: str) -> Fraction | str | None:
    """The last value of a plain text; None where there is none or it stands in an expression that is not worked out."""
    tokens = list(_NUMBER.finditer(text))
    if not tokens or _in_expression(text, tokens[-1], before=False):
        return None
    if len(tokens) > 1 and _REJECTED.search(text, max(0, tokens[-1].start() - 12), tokens[-1].start()):  # 74, not 72
        tokens.pop()
    if len(tokens) > 1 and _BARE_OPERATOR.fullmatch(text, tokens[-2].end(), tokens[-1].start()):  # 72 - 3
        return None
    return _alternatives(text, *tokens[-2:]) or _value(tokens[-1])


def _several(text: str, tokens: list[re.Match[str]]) -> str | None:
    """The numbers that form a list or a compound quantity with the first one, as they are written."""
    end = 0
    while end + 1 < len(tokens):
        gap = (tokens[end].end(), tokens[end + 1].start())
        if not (
            _LIST_GAP.fullmatch(text, *gap) or _UNIT_GAP.fullmatch(text, *gap) or _SYSTEM_GAP.fullmatch(text, *gap)
        ):
            break
        if text[slice(*gap)].strip() == "or" and _value(tokens[end]) == _value(tokens[end + 1]):  # 1/2 or 0.5
            break
        end += 1
    if not end:
        return None
    start, stop = tokens[0].start(), tokens[end].end()
    if _OR_AFTER.match(text, stop):
        return text[start:]
    if text[start - 1 : start] in _OPENING and text[stop : stop + 1] in _CLOSING:  # an interval is more than its ends
        start, stop = start - 1, stop + 1
    return text[start:stop]


def _alternatives(text: str, *tokens: re.Match[str]) -> str | None:
    """Two numbers that are offered as alternatives, as they are written: `72 clips or maybe 74 clips`."""
    if len(tokens) < 2 or " or" not in text[tokens[0].end() : tokens[1].start()][:_ALTERNATIVE_LENGTH]:
        return None
    gap = _ALTERNATIVE.fullmatch(text, tokens[0].end(), min(tokens[1].start(), tokens[0].end() + _ALTERNATIVE_LENGTH))
    if gap is None or _value(tokens[0]) == _value(tokens[1]):
        return None
    parts = (gap["unit"], text[tokens[1].end() :][:_ALTERNATIVE_LENGTH])
    before, after = (_UNIT.match(part.replace("percent", "%")) for part in parts)
    is_either = text[max(0, tokens[0].start() - 12) : tokens[0].start()].rstrip(" $€£¥₹").endswith("either")
    if (
        not is_either and before and after and before[1] and after[1] and before[1] != after[1]
    ):  # the same in another unit
        return None
    return text[tokens[0].start() : tokens[1].end()]


def _is_operation(gap: str) -> bool:
    return bool(_BARE_OPERATOR.fullmatch(gap) or _OPERATION.search(gap))


def _in_expression(text: str, token: re.Match[str], before: bool = True) -> bool:
    """Whether the number is a part of something that would still have to be worked out: 2x, √2, y + 3."""
    if _VARIABLE_AFTER.match(text, token.end()):
        return True
    lead = text[max(0, token.start() - 12) : token.start()]
    if before:
        found = _OPERAND_BEFORE.search(lead) or (token["sign"] and _VARIABLE_BEFORE_SIGN.search(lead))
        return found is not None
    if lead.endswith("-("):
        return True
    return lead.rstrip(" ([{").endswith(("√", "sqrt")) or _INEQUALITY_BEFORE.search(lead) is not None


def _value(token: re.Match[str]) -> Fraction | str | None:
    """The exact value of a match of the number pattern."""
    if token["text"]:
        return token["text"]
    if len(token.group()) > _MOST_DIGITS:
        return None
    negative = (token["sign"] == "-") != bool(token["inner"])
    if token["mixed"]:
        value = Fraction(int(token["mixed"]))
        part = _ratio(*token["part"].split("/"))
        if part is None:
            return None
        value += part
    else:
        whole = token["bare"] or (token["digits"].replace(",", "") + (token["decimals"] or ""))
        whole += token["exponent"] or ""
        value = Fraction(int(whole) if whole.isdecimal() else whole)  # from text it takes four times as long
    if token["tens"]:
        value *= Fraction(10) ** int(token["tens"])
    if token["power"]:
        power = int(token["power"])
        if (value == 0 and power < 0) or len(str(value)) * abs(power) > _MOST_DIGITS:
            return None
        value **= power
    if token["denominator"]:
        denominator = Fraction(token["denominator"].replace(",", ""))
        if denominator == 0:
            return None
        value /= denominator
    if token["scale"]:
        value *= _SCALES[token["scale"]]
    if token["suffix"] and (token["suffix"] == "k" or token.group().lstrip("+-").startswith(_CURRENCY)):
        value *= _SUFFIXES[token["suffix"]]
    return -value if negative else value


def _ratio(numerator: str, denominator: str) -> Fraction | None:
    return Fraction(int(numerator), int(denominator)) if int(denominator) else None
