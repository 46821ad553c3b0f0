"""All labelled cases, from the datasets and a seed: the same seed gives the same cases."""

from __future__ import annotations

import os
import random
from pathlib import Path

from bench.answers import choices, expressions, numbers, quantities
from bench.answers.case import Case

SEED = 20240

_HERE = Path(__file__).parent


def data_folder() -> Path:
    """Where the datasets are: OWNWORDS_DATA, or the folder beside the project."""
    return Path(os.environ.get("OWNWORDS_DATA") or _HERE.parents[2] / "shared" / "data")


def all_cases(folder: Path, seed: int = SEED) -> list[Case]:
    """More than 3,000 cases, about half of them right."""
    return [
        *numbers.cases(folder, random.Random(f"numbers {seed}")),
        *quantities.cases(random.Random(f"quantities {seed}")),
        *choices.cases(folder, random.Random(f"choices {seed}")),
        *expressions.cases(random.Random(f"expressions {seed}")),
    ]
