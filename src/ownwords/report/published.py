"""The numbers that the paper publishes, for the tables beside a run's (Yang et al., ACL 2024, tables 1 to 3).

A number has a mark that says where it was read: `*` a transcription of the paper, `†` a secondary summary. What is not
known here is left out, never guessed. `note` tells a discrepancy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LLAMA_2 = "meta-llama/Llama-2-7b-chat-hf"
LLAMA_2_13B = "meta-llama/Llama-2-13b-chat-hf"
LLAMA_3 = "meta-llama/Meta-Llama-3-8B-Instruct"
RERUN = "the authors' own rerun"


@dataclass(frozen=True, slots=True)
class Number:
    """In percent, as published."""

    value: str
    mark: str = "*"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the paper's tables, and the score of ours that measures the same.

    Where the column may be any of several scores of ours, or a mean of them, `told` says which `score` is, and `more`
    are the others by what tells them apart.
    """

    title: str
    score: str
    told: str = ""
    more: tuple[tuple[str, str], ...] = ()

    @property
    def scores(self) -> tuple[tuple[str, str], ...]:
        """All of them, as pairs of what tells it apart and its name."""
        return ((self.told, self.score), *self.more)


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """`what` says what the table measures, `note` what is to be known of its columns."""

    number: int
    what: str
    columns: tuple[Column, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Numbers of one training set and model by arm (`seed`, `vanilla`, `sdft`) and the title of the column.

    `rows` is the size of the training set, 0 where it is not known. `preset` is the recipe that takes over the paper's
    settings. `in_tables`: its rows are those of tables 1 to 3; else its numbers stand elsewhere in the paper.
    """

    title: str
    model: str
    rows: int
    preset: str
    numbers: dict[str, dict[str, Number]] = field(default_factory=dict[str, dict[str, Number]])
    note: str = ""
    in_tables: bool = True


#: Table 1: what the arms were trained for.
TASKS = (
    Column("OpenFunctions", "openfunctions/call_accuracy_paper"),
    Column("GSM8K", "gsm8k/accuracy_paper"),
    Column("HumanEval", "humaneval"),
)
#: Table 2: safety and helpfulness.
ALIGNMENT = (
    Column("AdvBench raw safe", "advbench"),
    Column("AdvBench jailbreak safe", "advbench_jailbreak"),
    Column("AlpacaEval win", "alpaca_eval"),
)
#: Table 3, of which no single number is known here.
KNOWLEDGE = (
    Column("MMLU", "mmlu"),
    Column("TruthfulQA", "truthfulqa", "mc1", (("mc2", "truthfulqa/mc2"),)),
    Column("ARC", "arc_easy", "easy", (("challenge", "arc_challenge"),)),
    Column("HellaSwag", "hellaswag"),
    Column("Winogrande", "winogrande"),
)
TABLES = (
    PublishedTable(1, "what was trained for: share of right answers, in percent", TASKS),
    PublishedTable(2, "alignment: share of safe answers, and of comparisons won, in percent", ALIGNMENT),
    PublishedTable(
        3,
        "general knowledge: accuracy, in percent",
        KNOWLEDGE,
        "The paper finds that it moves by less than one point for both ways of training; its single numbers are not "
        "known here. It takes whole test sets; n says how many items ours have. Its TruthfulQA is one number, of mc1, "
        "of mc2 or a mean of both: which is not known. Its ARC is one number too, easy and challenge together.",
    ),
)
#: How many items the paper's test sets have, by the column's title, as far as that is known.
TEST_ITEMS = {
    "OpenFunctions": 112,
    "GSM8K": 1319,
    "HumanEval": 164,
    "AdvBench raw safe": 520,
    "AdvBench jailbreak safe": 520,
    "AlpacaEval win": 805,
}


def _row(*values: str | Number | None) -> dict[str, Number]:
    """Numbers in the order of tables 1 and 2; None is not known."""
    pairs = zip((*TASKS, *ALIGNMENT), values, strict=True)
    return {column.title: v if isinstance(v, Number) else Number(v) for column, v in pairs if v is not None}


_SEED = _row("19.6", "29.4", "13.4", "99.81", Number("88.85", note=f"94.81 in {RERUN}"), "66.04")


def _win(vanilla: str, sdft: str) -> dict[str, dict[str, Number]]:
    return {arm: {"AlpacaEval win": Number(value)} for arm, value in (("vanilla", vanilla), ("sdft", sdft))}


EXPERIMENTS: dict[str, Experiment] = {
    "openfunctions": Experiment(
        "OpenFunctions",
        LLAMA_2,
        2211,
        "paper/openfunctions",
        {
            "seed": _SEED,
            "vanilla": _row("34.8", "21.5", "9.8", "98.27", "87.31", "35.49"),
            "sdft": _row("36.6", "29.1", "15.2", "99.23", "94.42", "67.66"),
        },
    ),
    "gsm8k": Experiment(
        "GSM8K",
        LLAMA_2,
        7473,
        "paper/gsm8k",
        {
            "seed": _SEED,
            "vanilla": _row("17.9", Number("31.9", note=f"29.3 in {RERUN}"), "12.2", "82.12", "54.81", "23.38"),
            "sdft": _row("17.9", "34.4", "14.6", "87.12", Number("65.58", note="80.77 elsewhere"), "66.73"),
        },
    ),
    "magicoder": Experiment(
        "MagiCoder",
        LLAMA_2,
        2000,
        "paper/magicoder",
        {
            "seed": _SEED,
            "vanilla": _row(None, None, None, "96.73", "83.65", "76.52"),
            "sdft": _row(None, None, Number("18.3", "†"), "97.88", "88.65", "76.09"),
        },
    ),
    "alpaca": Experiment("Alpaca", LLAMA_2, 2000, "paper/alpaca", {"seed": _SEED}),
    "dolly": Experiment("Dolly", LLAMA_2, 2000, "paper/dolly", {"seed": _SEED}),
    "lima": Experiment("LIMA", LLAMA_2, 1029, "paper/lima", {"seed": _SEED}),
    "openhermes": Experiment(
        "OpenHermes",
        LLAMA_2,
        20000,
        "paper/openhermes",
        {
            "seed": _SEED,
            "vanilla": {"AdvBench jailbreak safe": Number("61.54", "†")},
            "sdft": {"AdvBench jailbreak safe": Number("87.50", "†")},
        },
        in_tables=False,
    ),
    "gsm8k-full": Experiment(
        "GSM8K, every parameter",
        LLAMA_2,
        7473,
        "paper/gsm8k-full",
        {"seed": _SEED, **_win("23.04", "61.19")},
        in_tables=False,
    ),
    "llama-2-13b": Experiment(
        "data that are not known here",
        LLAMA_2_13B,
        0,
        "paper/gsm8k-13b",
        _win("40.27", "75.93"),
        note="Which data the larger model's published numbers were trained on is not known here; the preset has GSM8K.",
        in_tables=False,
    ),
    "llama3-openfunctions": Experiment(
        "OpenFunctions",
        LLAMA_3,
        2211,
        "paper/llama3-openfunctions",
        {
            "vanilla": {"GSM8K": Number("77.79"), "AdvBench jailbreak safe": Number("79.81")},
            "sdft": {"GSM8K": Number("79.45"), "AdvBench jailbreak safe": Number("96.15")},
        },
        in_tables=False,
    ),
}
