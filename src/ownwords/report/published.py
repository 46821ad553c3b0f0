"""The numbers that the paper publishes, for the table beside a run's (Yang et al., ACL 2024, tables 1 to 3).

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
    """A column of the paper's tables, and the score of ours that measures the same."""

    title: str
    score: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """Numbers of one training set and model by arm (`seed`, `vanilla`, `sdft`) and the name of our score.

    `rows` is the size of the training set, 0 where it is not known.
    """

    title: str
    model: str
    rows: int
    numbers: dict[str, dict[str, Number]] = field(default_factory=dict[str, dict[str, Number]])
    note: str = ""


#: Tables 1 and 2.
TASKS = (
    Column("OpenFunctions", "openfunctions/call_accuracy_paper"),
    Column("GSM8K", "gsm8k/accuracy_paper"),
    Column("HumanEval", "humaneval"),
    Column("AdvBench raw safe", "advbench"),
    Column("AdvBench jailbreak safe", "advbench_jailbreak"),
    Column("AlpacaEval win", "alpaca_eval"),
)
#: Table 3, of which no single number is known here.
KNOWLEDGE = (
    Column("MMLU", "mmlu"),
    Column("TruthfulQA", "truthfulqa"),
    Column("ARC easy", "arc_easy"),
    Column("ARC challenge", "arc_challenge"),
    Column("HellaSwag", "hellaswag"),
    Column("Winogrande", "winogrande"),
)
KNOWLEDGE_SENTENCE = (
    "Table 3, general knowledge: the paper finds that it moves by less than one point for both ways of training. Its "
    "single numbers are not known here."
)


def _row(*values: str | Number | None) -> dict[str, Number]:
    """Numbers in the order of TASKS; None is not known."""
    pairs = zip(TASKS, values, strict=True)
    return {column.score: v if isinstance(v, Number) else Number(v) for column, v in pairs if v is not None}


_SEED = _row("19.6", "29.4", "13.4", "99.81", Number("88.85", note=f"94.81 in {RERUN}"), "66.04")


def _win(vanilla: str, sdft: str) -> dict[str, dict[str, Number]]:
    return {arm: {"alpaca_eval": Number(value)} for arm, value in (("vanilla", vanilla), ("sdft", sdft))}


EXPERIMENTS: dict[str, Experiment] = {
    "openfunctions": Experiment(
        "OpenFunctions",
        LLAMA_2,
        2211,
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
        {
            "seed": _SEED,
            "vanilla": _row(None, None, None, "96.73", "83.65", "76.52"),
            "sdft": _row(None, None, Number("18.3", "†"), "97.88", "88.65", "76.09"),
        },
    ),
    "alpaca": Experiment("Alpaca", LLAMA_2, 2000, {"seed": _SEED}),
    "dolly": Experiment("Dolly", LLAMA_2, 2000, {"seed": _SEED}),
    "lima": Experiment("LIMA", LLAMA_2, 1029, {"seed": _SEED}),
    "openhermes": Experiment(
        "OpenHermes",
        LLAMA_2,
        20000,
        {
            "seed": _SEED,
            "vanilla": {"advbench_jailbreak": Number("61.54", "†")},
            "sdft": {"advbench_jailbreak": Number("87.50", "†")},
        },
    ),
    "gsm8k-full": Experiment("GSM8K, every parameter", LLAMA_2, 7473, {"seed": _SEED, **_win("23.04", "61.19")}),
    "llama-2-13b": Experiment(
        "Llama-2-13b",
        LLAMA_2_13B,
        0,
        _win("40.27", "75.93"),
        note="Which data the larger model's published numbers were trained on is not known here.",
    ),
    "llama3-openfunctions": Experiment(
        "OpenFunctions",
        LLAMA_3,
        2211,
        {
            "vanilla": {"gsm8k": Number("77.79"), "advbench_jailbreak": Number("79.81")},
            "sdft": {"gsm8k": Number("79.45"), "advbench_jailbreak": Number("96.15")},
        },
    ),
}
