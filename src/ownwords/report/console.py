"""The report in at most ten aligned lines of plain ASCII (but for names that are not)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ownwords.report import words
from ownwords.report.board import REAL, Cell, Row, Scoreboard
from ownwords.report.data import ReportData
from ownwords.report.movement import console_line
from ownwords.report.numbers import count, interval_in, items_between, joined, percent
from ownwords.report.paper import beside_the_paper, paper_line
from ownwords.report.rewritten import Rewriting
from ownwords.report.scoreboard import build_scoreboard
from ownwords.report.text import one_line

MOST_LINES = 10
LABEL_WIDTH = 13
_ASCII = str.maketrans({"−": "-", "–": "-", "→": "->", "×": "x", "…": "...", "\u00a0": " "})


def summarize(data: ReportData, report: Path) -> str:
    """Model, rows, acceptance, gap, one line a benchmark, how far the weights have moved, what the paper has
    for the same columns, and where the report lies."""
    head = [("model", _model(data)), ("accepted", _accepted(data)), *_no_own_words(data), ("gap", _gap(data))]
    scores = data.scores if data.scores and data.scores.scores else None
    if scores is None:
        return _lines([*head, ("scores", _lower(words.absent(data, "evaluate"))), ("report", str(report))])
    board = build_scoreboard(scores, data.recipe, data.failed, data.begun)
    unfinished = words.unfinished(data, "evaluate")
    tail = [*([("scores", unfinished)] if unfinished else []), *_shift(data), *_paper(data)]
    room = MOST_LINES - len(head) - len(tail) - 1
    starred = any(_stars(cell) for row in board.rows for cell in row.cells)
    notes = ["* differs from seed beyond noise"] if starred else []
    notes += _counted(board, "questions that are training prompts", lambda row: row.repeated)
    notes += _counted(board, "items without a score", lambda row: row.unscored)
    notes += _unusable(board)
    notes += [f"doubtful: {_listed(doubtful)}"] if (doubtful := _doubtful(board)) else []
    notes += [f"{count(len(board.others))} more variants there"] if board.others else []
    legend = f"   ({'; '.join(notes)})" if notes else ""
    return _lines([*head, *_benchmarks(board, room), *tail, ("report", f"{report}{legend}")])


def _lines(pairs: list[tuple[str, str]]) -> str:
    width = max(LABEL_WIDTH, *(len(label) for label, _ in pairs))
    return "\n".join(f"{one_line(label, 40):{width}}  {text.translate(_ASCII)}".rstrip() for label, text in pairs)


def _shift(data: ReportData) -> list[tuple[str, str]]:
    """How far the weights have moved, where that is known."""
    line = console_line(data.shift, data.recipe) if data.shift else ""
    return [("weights moved", line)] if line else []


def _paper(data: ReportData) -> list[tuple[str, str]]:
    """The paper's numbers, where the recipe names an experiment of it."""
    beside = beside_the_paper(data.scores, data.recipe) if data.scores else None
    line = paper_line(beside) if beside else ""
    return [("paper", line)] if line else []


def _model(data: ReportData) -> str:
    name = one_line(data.recipe.model.name_or_path, 60) if data.recipe else "no recipe yet"
    rows = f"{count(data.rewriting.n)} rows" if data.rewriting else "rows not counted yet"
    return f"{name}, {rows}"


def _accepted(data: ReportData) -> str:
    rewriting = data.rewriting
    if rewriting is None:
        return _lower(words.absent(data, "rewrite"))
    if not rewriting.asked:
        return "no rewrites were asked for"
    share = percent(rewriting.accepted / rewriting.n) if rewriting.n else "-"
    interval = interval_in("share", rewriting.low, rewriting.high)
    return f"{share} {interval}, {count(rewriting.accepted)} of {count(rewriting.n)}{_reasons(rewriting)}"


def _no_own_words(data: ReportData) -> list[tuple[str, str]]:
    text = words.no_own_words(data.rewriting) if data.rewriting else ""
    return [("targets", text)] if text else []


def _reasons(rewriting: Rewriting) -> str:
    """The three commonest reasons for anything else."""
    others = sorted((o for o in rewriting.outcomes if o.kind != "accepted"), key=lambda o: (-o.count, o.reason))
    if not others:
        return ""
    return "; " + ", ".join(f"{one_line(o.reason, 24)} {count(o.count)}" for o in others[:3])


def _gap(data: ReportData) -> str:
    return words.gap_line(data.gap) if data.gap else _lower(words.absent(data, "gap"))


def _benchmarks(board: Scoreboard, room: int) -> list[tuple[str, str]]:
    """One line a benchmark, then one a further metric of them; where they do not fit, the last line counts the
    others."""
    ordered = sorted(board.rows, key=lambda row: row.benchmark.of is not None)
    rows = ordered if len(ordered) <= room else ordered[: room - 1]
    texts = [[_cell(column.label, cell) for column, cell in zip(board.columns, row.cells, strict=True)] for row in rows]
    widths = [max(len(line[index]) for line in texts) for index in range(len(board.columns))]
    lines = [
        (
            row.benchmark.name,
            "  ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)) + _unit(row),
        )
        for row, line in zip(rows, texts, strict=True)
    ]
    if len(rows) < len(board.rows):
        left = len(ordered) - len(rows)
        further = sum(row.benchmark.of is not None for row in ordered[len(rows) :])
        what = "further metrics" if further == left else "more benchmarks" if not further else "more scores"
        lines.append(("and", f"{left} {what}, see the report"))
    return lines


def _cell(label: str, cell: Cell) -> str:
    label = one_line(label, 24)
    if cell.state != "ok":
        return f"{label} {cell.reason if cell.state == 'missing' else 'unusable'}"
    return f"{label} {cell.value.removesuffix(' %')} {cell.interval}{_stars(cell)}"


def _counted(board: Scoreboard, what: str, number: Callable[[Row], int]) -> list[str]:
    """Of which benchmarks there are how many; nothing where there are none."""
    found = [f"{count(number(row))} in {_name(row)}" for row in board.rows if _is_own(row) and number(row)]
    return [f"{what}: {_listed(found)}"] if found else []


def _unusable(board: Scoreboard) -> list[str]:
    """Why there is no score of a benchmark, of the first that has none; and which other ones have none."""
    found = {_name(row): reason for row in board.rows if _is_own(row) and (reason := _why_unusable(row))}
    if not found:
        return []
    first, *others = found
    more = f"; also {_listed(others)}" if others else ""
    return [f"unusable: {first}, because {one_line(found[first], 120)}{more}"]


def _why_unusable(row: Row) -> str:
    return next((cell.reason for cell in row.cells if cell.state == "unusable"), "")


def _doubtful(board: Scoreboard) -> list[str]:
    """Benchmarks with a caution on a score."""
    return [_name(row) for row in board.rows if _is_own(row) and any(cell.caution for cell in row.cells)]


def _name(row: Row) -> str:
    return one_line(row.benchmark.name, 40)


def _is_own(row: Row) -> bool:
    """Whether it is a benchmark's own metric, not a further one."""
    return row.benchmark.of is None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _stars(cell: Cell) -> str:
    return "*" if any(c.baseline == "seed" and c.kind in REAL for c in cell.comparisons) else ""


def _unit(row: Row) -> str:
    """The unit, the number of items, and which way is better where that is down."""
    unit = "%" if row.benchmark.unit == "share" else one_line(row.benchmark.unit, 20)
    number = items_between([cell.n for cell in row.cells if cell.n])
    return f"  {joined(unit, number, 'lower is better' if row.benchmark.higher_is_better is False else '')}"


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")
