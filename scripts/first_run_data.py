"""Write the row selections that the recipes of docs/first-runs.md read: `python scripts/first_run_data.py [FOLDER]`.

Rows come from the folder $OWNWORDS_DATA (`make data` fills it) and keep their order and their text:

- `dolly_inputs.json`: the first 100 Dolly rows that have an `input`.
- `lima_40.json`: the first 11 single-turn LIMA rows and all 29 multi-turn ones.

FOLDER is `runs/first-run-data` unless another is named.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


def main() -> None:
    source = Path(os.environ.get("OWNWORDS_DATA") or sys.exit("set OWNWORDS_DATA to the folder that `make data` fills"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/first-run-data")
    folder.mkdir(parents=True, exist_ok=True)
    dolly: Rows = json.loads((source / "dolly_train.json").read_text(encoding="utf-8"))
    lima: Rows = json.loads((source / "lima_train.json").read_text(encoding="utf-8"))
    several = [row for row in lima if row["history"]]
    single = [row for row in lima if not row["history"]][: 40 - len(several)]
    _write(folder / "dolly_inputs.json", [row for row in dolly if row["input"]][:100])
    _write(folder / "lima_40.json", single + several)


def _write(path: Path, rows: Rows) -> None:
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {len(rows)} rows")


if __name__ == "__main__":
    main()
