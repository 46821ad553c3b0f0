"""How well `final_answer` judges: precision and recall on labelled cases, beside the paper's own filter.

    python -m bench.checks_answers                     the table, by family and by part
    python -m bench.checks_answers --examples 20       and cases that are judged wrongly
    python -m bench.checks_answers --part tuned        only templates that the check was tuned with (or held_out)

Precision is the share of right candidates among those that pass, recall the share of those that pass among the right
ones. The cases come from the datasets in OWNWORDS_DATA and a seed (`bench.answers`).

Templates were written in four sets, each when the check was finished with the sets before it, and judged before
anything was changed for it. At first sight the check had a precision and recall of 0.986 and 0.988 on the first set's
held-out third (2,466 cases), 0.943 and 0.983 on the second (2,568), 0.927 and 0.986 on the third (1,823), 0.978 and
0.967 on the fourth (914), which is the one that the table calls held out. It has been corrected by the mistakes of all
four, so that only those numbers tell how it judges what it has not seen. The sets are adversarial.
What it does not cover: answers of real runs, and how often each kind occurs in them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from bench.answers.build import SEED, all_cases, data_folder
from bench.answers.case import Case
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message, Verdict

CHECKS = ("final_answer", "paper_last_number")


def judge(name: str, cases: Sequence[Case]) -> tuple[list[Verdict], float]:
    """Every case's verdict, and the seconds that took."""
    panel = Panel(named_checks([CheckSection(name=name)], allow_code=False))
    clock = time.perf_counter()
    try:
        begun = [panel.begin(_example(case), Candidate(case.candidate)) for case in cases]
        verdicts = [(found.result() if isinstance(found, Future) else found)[name] for found in begun]
    finally:
        panel.close()
    return verdicts, time.perf_counter() - clock


def precision_and_recall(cases: Sequence[Case], verdicts: Sequence[Verdict]) -> tuple[float, float]:
    """Shares from 0 to 1; both are 1 where there is nothing to divide by."""
    passed = [case.right for case, verdict in zip(cases, verdicts, strict=True) if verdict.passed]
    right = sum(case.right for case in cases)
    return (sum(passed) / len(passed) if passed else 1.0), (sum(passed) / right if right else 1.0)


def _example(case: Case) -> Example:
    return Example("case", (Message("user", "?"),), case.reference)


def _table(cases: list[Case], verdicts: dict[str, list[Verdict]]) -> None:
    print("\n| cases | number | right | " + " | ".join(f"{name}: precision, recall" for name in CHECKS) + " |")
    print("|---|---|---|" + "---|" * len(CHECKS))
    groups: list[tuple[str, Callable[[Case], bool]]] = [("all", lambda case: True)]
    for part, held_out in (("tuned", False), ("held out", True)):
        groups.append((part, lambda case, held_out=held_out: case.held_out == held_out))
    for family in sorted({case.family for case in cases}):
        groups.append((family, lambda case, family=family: case.family == family))
        groups.append((f"{family}, held out", lambda case, family=family: case.family == family and case.held_out))
    for label, wanted in groups:
        chosen = [number for number, case in enumerate(cases) if wanted(case)]
        if not chosen:
            continue
        some = [cases[number] for number in chosen]
        shares = [precision_and_recall(some, [verdicts[name][number] for number in chosen]) for name in CHECKS]
        cells = [f"{precision:.4f}, {recall:.4f}" for precision, recall in shares]
        print(f"| {label} | {len(some)} | {sum(case.right for case in some)} | " + " | ".join(cells) + " |")


def _examples(cases: list[Case], verdicts: list[Verdict], count: int) -> None:
    wrong = [pair for pair in zip(cases, verdicts, strict=True) if pair[0].right != pair[1].passed]
    print(f"\n{len(wrong)} cases are judged wrongly")
    for case, verdict in wrong[:count]:
        label = "should pass" if case.right else "should fail"
        print(f"\n{case.family}, {case.template}: {label}; {verdict.reason}: {verdict.detail[:200]}")
        print(f"  reference {case.reference[-100:]!r}\n  candidate {case.candidate[-200:]!r}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.checks_answers")
    parser.add_argument("--examples", type=int, default=0, help="how many wrongly judged cases to print")
    parser.add_argument("--part", choices=("all", "tuned", "held_out"), default="all")
    parser.add_argument("--family", help="only this family of cases")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    cases = all_cases(data_folder(), options.seed)
    if options.part != "all":
        cases = [case for case in cases if case.held_out == (options.part == "held_out")]
    if options.family:
        cases = [case for case in cases if case.family == options.family]
    verdicts: dict[str, list[Verdict]] = {}
    for name in CHECKS:
        verdicts[name], seconds = judge(name, cases)
        print(f"{name}: {len(cases):,} cases in {seconds:.1f} s")
    _table(cases, verdicts)
    _examples(cases, verdicts[CHECKS[0]], options.examples)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
