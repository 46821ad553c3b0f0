"""The dataset card of an arm's data: a README.md with facts about how the rows were made.

Nothing of a row's text goes in. Every value is escaped, because names and reasons may come from a user's own check.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ownwords.data.export import COLUMNS, EXTRA_COLUMNS

PAPER = "https://huggingface.co/papers/2402.13669"
OTHER_METHOD = "https://huggingface.co/papers/2601.19897"

_MARKDOWN = re.compile(r"([\\`*_\[\]|<>~&$])")


@dataclass(frozen=True, slots=True)
class CardFile:
    """The file that a card lies beside: its pattern, what one row is, what its columns hold, and how it is used.

    `row` ends the sentence "12 rows, each ..."; `use` is Markdown.
    """

    pattern: str
    row: str
    columns: Mapping[str, str]
    use: str


PARQUET = CardFile(
    pattern="*.parquet",
    row="one target of a conversation",
    columns={**COLUMNS, **EXTRA_COLUMNS},
    use="""```python
from datasets import load_dataset

rows = load_dataset("parquet", data_dir="path/to/this/folder", split="train")
```

TRL's `SFTTrainer` takes the rows as they are and trains on `completion` only.""",
)


def dataset_card(facts: Mapping[str, Any], file: CardFile = PARQUET) -> str:
    """The card's text: YAML front matter for the Hub, then Markdown.

    `facts` has `arm`, `summary` (what the arm trains on), `rows`, `outcomes` (a list of {kind, reason, count}),
    `prompt_preset`, `prompt_hash`, `model`, `revision`, `engines` (a list of {kind, version, ...}), `sampling` (a
    mapping), `checks` (names), `seed` and `sources` (how many targets come from where); `rewriter` where another model
    than the seed has rewritten.
    """
    data_files = [{"split": "train", "path": file.pattern}]
    configs = [{"config_name": "default", "data_files": data_files}]
    front = yaml.safe_dump(
        {"pretty_name": "Training rows with provenance", "tags": _tags(facts), "configs": configs}, sort_keys=False
    )
    return f"---\n{front}---\n\n" + "\n\n".join(
        [
            f"# Training rows of the arm {_escape(facts['arm'])}",
            _introduction(facts, file),
            "## How the targets came about",
            _targets(facts["sources"]),
            _outcome_table(facts["outcomes"]),
            "## How they were made",
            _provenance_table(facts),
            "## Columns",
            _table(["column", "holds"], [[name, meaning] for name, meaning in file.columns.items()]),
            "## Use",
            f"{file.use}\n{_LICENCES}\n",
        ]
    )


def with_replay(card: str, facts: Mapping[str, Any]) -> str:
    """The card with a section about general rows beside it, in `replay.parquet`.

    `facts` has `rows`, `share`, `prompts` and `answers` (`data` or `self`), `candidates`, `reasons` (how many
    candidates ended with which), `sampling` and `engines`.
    """
    whole = card.partition(_REPLAY)[0].rstrip("\n")
    wrote = {"self": "the seed model, which went on from an empty user turn", "data": "a source of general rows"}
    answered = {"self": "the seed model, which saw no reference", "data": "the same source"}
    rows = [
        ["prompts are from", wrote[facts["prompts"]]],
        ["answers are from", answered[facts["answers"]]],
        *[["engine", _pairs(engine)] for engine in facts["engines"]],
        *([["sampling", _pairs(facts["sampling"])]] if facts["answers"] == "self" else []),
    ]
    reasons = [[reason, count] for reason, count in facts["reasons"].items()]
    beside = (
        f"The arm trains on {facts['rows']} rows besides, those of `replay.parquet`: a share of {facts['share']:g} of "
        "all. They have the same columns; `source` is replay, and `reference` is the target once more."
    )
    found = f"They were found among {facts['candidates']} candidates."
    tables = (_table(["fact", "value"], rows), _table(["reason", "candidates"], reasons))
    return "\n\n".join([whole, _REPLAY, beside, tables[0], found, tables[1]]) + "\n"


_REPLAY = "## General rows"


def _tags(facts: Mapping[str, Any]) -> list[str]:
    """Rows that are all references are no self-distilled data."""
    distilled = ["sdft", "self-distillation"] if set(facts["sources"]) - {"reference"} else []
    return ["ownwords", *distilled, "fine-tuning", "arxiv:2402.13669"]


def _targets(sources: Mapping[str, int]) -> str:
    counts = ", ".join(f"{count} from {_escape(source)}" for source, count in sorted(sources.items()))
    only = "" if set(sources) - {"reference"} else " The arm trains on the references, whatever became of the rewrites."
    return f"Targets of these rows: {counts or 'none'}.{only}"


_LICENCES = "The licences of the source data and of the seed model apply to the rows."


def _introduction(facts: Mapping[str, Any], file: CardFile) -> str:
    return (
        f"{facts['rows']} rows, each {file.row}. {_sentence(facts['summary'])}\n\n"
        "They belong to a run of Self-Distillation Fine-Tuning, SDFT "
        f"([Yang et al., ACL 2024, arXiv 2402.13669]({PAPER})): the seed model rewrites every reference in its own "
        "words, each rewrite is checked, and where none passes the reference is kept. A later method has the same "
        "acronym and is something else: on-policy distillation, "
        f"[Shenfeld et al., 2026, arXiv 2601.19897]({OTHER_METHOD})."
    )


def _outcome_table(outcomes: Sequence[Mapping[str, Any]]) -> str:
    total = sum(entry["count"] for entry in outcomes)
    kinds: Counter[str] = Counter()
    for entry in outcomes:
        kinds[entry["kind"]] += entry["count"]
    counts = ", ".join(f"{count} {_escape(kind)}" for kind, count in kinds.most_common())
    rows = [[entry["kind"], entry["reason"], entry["count"], _share(entry["count"], total)] for entry in outcomes]
    summary = f"Outcomes of rewriting, of {total} examples: {counts or 'none'}."
    return f"{summary}\n\n{_table(['outcome', 'reason', 'examples', 'share'], rows)}"


def _provenance_table(facts: Mapping[str, Any]) -> str:
    engines = facts["engines"]
    rows = [
        ["seed model", facts["model"]],
        ["revision", facts["revision"] or "not named"],
        *([["rewritten by", facts["rewriter"]]] if "rewriter" in facts else []),
        ["rewriting prompt", f"{facts['prompt_preset']} (hash {facts['prompt_hash']})"],
        *[["engine", _pairs(engine)] for engine in engines],
        ["sampling", _pairs(facts["sampling"])],
        ["checks", ", ".join(str(check) for check in facts["checks"]) or "none"],
        ["run seed", facts["seed"]],
    ]
    several = "\n\nThe rewrites come from more than one engine." if len(engines) > 1 else ""
    return _table(["fact", "value"], rows) + several


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value if isinstance(value, str) else json.dumps(value)}" for key, value in values.items())


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"


def _sentence(text: str) -> str:
    text = _escape(text).strip()
    return text if not text or text.endswith(".") else f"{text[0].upper()}{text[1:]}."


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *[[_escape(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(value: Any) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no HTML, no table cell of its own."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(value).split()))
