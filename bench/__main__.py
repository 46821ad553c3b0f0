"""Run every benchmark of speed, one after the other, and print the table of docs/performance.md.

python -m bench                 all of them, under 25 minutes on two cores
python -m bench startup load    some of them
python -m bench knowledge       on request alone: knowledge (a quarter of an hour), stage (vllm_stage covers it) and
                                vllm_choices (it informs defaults)
"""

from __future__ import annotations

import importlib
import sys
import time

from ownwords.environment import environment

NAMES = ("startup", "load", "statistics", "http", "rewriting", "evaluating", "vllm_stage")
ON_REQUEST = ("knowledge", "stage", "vllm_choices")


def main(names: list[str]) -> int:
    known = [*NAMES, *ON_REQUEST]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"there is no benchmark named {unknown[0]!r}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    facts = environment()
    hardware, versions = facts["hardware"], facts["versions"]
    print(f"{hardware['cpu']}, {hardware['cores']} cores")
    print(f"torch {versions['torch']}, transformers {versions['transformers']}")
    print("\n| measure | at least | measured |\n|---|---|---|", flush=True)
    clock = time.monotonic()
    for name in names or NAMES:
        begin = time.monotonic()
        for row in importlib.import_module(f"bench.{name}").main():
            print("| " + " | ".join(row) + " |", flush=True)
        print(f"{name}: {(time.monotonic() - begin) / 60:.1f} minutes", file=sys.stderr)
    print(f"\n{(time.monotonic() - clock) / 60:.1f} minutes in all")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
