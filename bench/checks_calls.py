"""Precision and recall of `function_call` on labelled calls, beside the paper's filter, and checks per second.

`python -m bench.checks_calls` prints a table by family: what was done to the calls, how many cases, and how many got
the verdict of their label. Precision is the share of passed candidates that are right, recall the share of right
candidates that passed. `--tuned` shows only cases that the check may be improved with, and what it gets wrong there.

What it does not cover: texts that models really write (the cases are made by templates), and rows whose reference is
wrong.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.call_cases import Case, labelled_cases
from ownwords.checks.calls import forget_references, function_call
from ownwords.checks.paper import paper_openfunction
from ownwords.records import Candidate, Example, Verdict

Check = Callable[[Example, Candidate], Verdict]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuned", action="store_true", help="only cases that are not held out, with every mistake")
    tuned_only = parser.parse_args().tuned
    folder = os.environ.get("OWNWORDS_DATA")
    if folder is None:
        print("OWNWORDS_DATA is not set: no cases of OpenFunctions.")
    cases = labelled_cases(Path(folder) if folder else None)
    tuned = [case for case in cases if not case.held_out]
    if tuned_only:
        _table(tuned, function_call)
        _mistakes(tuned, function_call)
        return
    _table(cases, function_call, paper_openfunction)
    for label, part in (("all", cases), ("tuned on", tuned), ("held out", [c for c in cases if c.held_out])):
        for check in (function_call, paper_openfunction):
            print(f"{label:9} {check.__name__:20} {_summary(part, check)}")
    print(f"{_speed(cases):,.0f} checks per second of one core (function_call, every reference read anew)")


def _table(cases: Sequence[Case], *checks: Check) -> None:
    print(f"{'family':28} {'label':5} {'cases':>6} " + " ".join(f"{_name(check):>20}" for check in checks))
    for family, passes in dict.fromkeys((case.family, case.passes) for case in cases):
        part = [case for case in cases if (case.family, case.passes) == (family, passes)]
        right = [sum(_passed(check, case) == passes for case in part) for check in checks]
        shares = " ".join(f"{count / len(part):>20.3f}" for count in right)
        print(f"{family:28} {'pass' if passes else 'fail':5} {len(part):>6} {shares}")


def _mistakes(cases: Sequence[Case], check: Check) -> None:
    for case in cases:
        verdict = check(case.example, case.answer)
        if verdict.passed != case.passes:
            print(f"\n--- {case.family} / {case.form}: {verdict.reason} ({verdict.detail})")
            print(f"reference: {case.row.reference}\ncandidate: {case.candidate}")
    print(f"\n{len(cases)} cases, {_summary(cases, check)}")


def _summary(cases: Sequence[Case], check: Check) -> str:
    passed = [(case, _passed(check, case)) for case in cases]
    hits = sum(case.passes for case, given in passed if given)
    precision = hits / max(1, sum(given for _, given in passed))
    recall = hits / max(1, sum(case.passes for case in cases))
    return f"{len(cases):>6,} cases  precision {precision:.4f}  recall {recall:.4f}"


def _passed(check: Check, case: Case) -> bool:
    return check(case.example, case.answer).passed


def _name(check: Check) -> str:
    return getattr(check, "__name__", "check")


def _speed(cases: Sequence[Case]) -> float:
    pairs = [(case.example, case.answer) for case in cases]
    begun = time.process_time()
    for example, candidate in pairs:
        forget_references()
        function_call(example, candidate)
    return len(pairs) / (time.process_time() - begun)


if __name__ == "__main__":
    main()
