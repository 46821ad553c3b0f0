"""The report in at most ten aligned lines of plain ASCII (but for names that are not)."""

from __future__ import annotations

from pathlib import Path

from ownwords.report import words
from ownwords.report.data import ReportData, Rewriting
from ownwords.report.numbers import count, interval_in, percent
from ownwords.report.scoreboard import Cell, Row, Scoreboard, build_scoreboard
from ownwords.report.text import one_line

MOST_LINES = 10
LABEL_WIDTH = 13
_ASCII = str.maketrans({"−": "-", "–": "-", "→": "->", "×": "x", "…": "..."})


def summarize(data: ReportData, report: Path) -> str:
    """Model, rows, acceptance, gap, one line a benchmark, and where the report lies."""
    head = [("model", _model(data)), ("accepted", _accepted(data)), ("gap", _gap(data))]
    scores = data.scores if data.scores and data.scores.scores else None
    if scores is None:
        return _lines([*head, ("scores", _lower(words.absent(data, "evaluate"))), ("report", str(report))])
    board = build_scoreboard(scores, data.recipe)
    room = MOST_LINES - len(head) - 1
    starred = any(_stars(cell) for row in board.rows for cell in row.cells)
    notes = ["* differs from seed beyond noise"] if starred else []
    notes += [_repeated(board)] if any(row.repeated for row in board.rows) else []
    notes += [f"{count(len(board.others))} more variants there"] if board.others else []
    legend = f"   ({'; '.join(notes)})" if notes else ""
    return _lines([*head, *_benchmarks(board, room), ("report", f"{report}{legend}")])


def _lines(pairs: list[tuple[str, str]]) -> str:
    width = max(LABEL_WIDTH, *(len(label) for label, _ in pairs))
    return "\n".join(f"{one_line(label, 40):{width}}  {text.translate(_ASCII)}".rstrip() for label, text in pairs)


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


def _reasons(rewriting: Rewriting) -> str:
    """The three commonest reasons for anything else."""
    others = sorted((o for o in rewriting.outcomes if o.kind != "accepted"), key=lambda o: (-o.count, o.reason))
    if not others:
        return ""
    return "; " + ", ".join(f"{one_line(o.reason, 24)} {count(o.count)}" for o in others[:3])


def _gap(data: ReportData) -> str:
    return words.gap_line(data.gap) if data.gap else _lower(words.absent(data, "gap"))


def _benchmarks(board: Scoreboard, room: int) -> list[tuple[str, str]]:
    """One line a benchmark; where they do not fit, the last line counts the others."""
    rows = board.rows if len(board.rows) <= room else board.rows[: room - 1]
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
        lines.append(("and", f"{len(board.rows) - len(rows)} more benchmarks, see the report"))
    return lines


def _cell(label: str, cell: Cell) -> str:
    label = one_line(label, 24)
    if cell.state != "ok":
        return f"{label} {'not done yet' if cell.state == 'missing' else 'unusable'}"
    return f"{label} {cell.value.removesuffix(' %')} {cell.interval}{_stars(cell)}"


def _repeated(board: Scoreboard) -> str:
    rows = [row for row in board.rows if row.repeated and row.benchmark.of is None]
    named = ", ".join(f"{count(row.repeated)} in {row.benchmark.name}" for row in rows[:3])
    return f"questions that are training prompts: {named}{', …' if len(rows) > 3 else ''}"


def _stars(cell: Cell) -> str:
    return "*" if any(c.baseline == "seed" and c.kind in ("better", "worse") for c in cell.comparisons) else ""


def _unit(row: Row) -> str:
    unit = "%" if row.benchmark.unit == "share" else one_line(row.benchmark.unit, 20)
    return f"  {unit}" if row.benchmark.higher_is_better else f"  {unit}, lower is better"


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")
