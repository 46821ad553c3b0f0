"""Keep what a run's scores are made of, small enough to commit: one number an item and variant.

    python scripts/evidence.py RUN FOLDER

writes FOLDER/<benchmark>.csv, a row a test item and a column a variant (a further metric of a benchmark has a file of
its own, <benchmark>.<metric>.csv), and FOLDER/facts.json: the recipe, versions, what each variant is, how rewriting
went, the gap, how far weights have moved, and costs. Scores of an earlier run that FOLDER holds stay: variants of RUN
are added to them or replace their namesakes, so that seeds and arms can come later. The items must be the same.
"""

# pyright: basic
from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq

ITEM = "item_id"

#: Scores by item, by variant.
Table = dict[str, dict[str, float]]


def read_table(path: Path) -> Table:
    """What `write_table` wrote: by variant, the scores of the items that have one."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [name for name in (rows[0] if rows else {}) if name != ITEM]
    return {label: {row[ITEM]: float(row[label]) for row in rows if row[label]} for label in labels}


def write_table(path: Path, table: Table) -> None:
    items = list(dict.fromkeys(item for scores in table.values() for item in scores))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([ITEM, *table])
        for item in sorted(items):
            writer.writerow([item, *(f"{s[item]:.6g}" if item in s else "" for s in table.values())])


def table_path(folder: Path, benchmark: str) -> Path:
    """Where the scores of a benchmark, or of a further metric of one (`similarity/bleu4`), are kept."""
    return folder / f"{benchmark.replace('/', '.')}.csv"


def scores_of(run: Path, info: dict[str, Any]) -> Table:
    """A run's scores by one metric, the seed first."""
    column = "score" if info["of"] is None else f"more.{info['metric']}"
    folder = run / "scores" / (info["of"] or info["name"])
    found: Table = {}
    for path in sorted(folder.glob("*.parquet"), key=lambda p: (p.stem != "seed", p.stem)):
        if column not in pq.read_schema(path).names:
            continue
        rows = cast("list[dict[str, Any]]", pq.read_table(path, columns=[ITEM, column]).to_pylist())
        found[path.name.removesuffix(".parquet")] = {r[ITEM]: r[column] for r in rows if r[column] is not None}
    return found


def add(known: Table, new: Table, benchmark: str) -> Table:
    """Both; a variant of the same name is the new one.

    Raises:
        SystemExit: they are about other items.
    """
    items = [{item for scores in table.values() for item in scores} for table in (known, new)]
    if known and items[0] != items[1]:
        raise SystemExit(f"{benchmark}: {len(items[0] ^ items[1])} items are in one of the two runs only.")
    return {**known, **new}


def facts_of(run: Path) -> dict[str, Any]:
    def part(name: str) -> Any:
        return json.loads((run / name).read_text(encoding="utf-8")) if (run / name).exists() else None

    record, comparison = part("run.json"), part("comparison.json")
    kept = ("variant", "arm", "point", "seed", "scale", "part")
    rewriting, summary = part("rewrite.json"), part("scores/summary.json")
    unusable: dict[str, dict[str, str]] = {}
    for score in summary["scores"]:
        if not score["usable"]:
            unusable.setdefault(score["benchmark"], {})[score["variant"]] = score["reason"]
    return {
        "recipe": re.sub(  # where it was written says nothing
            r"(?m)^output_dir: .*$", f"output_dir: runs/{run.name}", (run / "recipe.yaml").read_text(encoding="utf-8")
        ),
        "ownwords": record["ownwords"],
        "versions": record["versions"],
        "hardware": record["hardware"],
        "variants": {s["variant"]: {key: s[key] for key in kept} for s in comparison["standings"]},
        "benchmarks": {b["name"]: b for b in summary["benchmarks"]},
        "unusable": unusable,
        "arms": {arm["arm"]: arm for arm in rewriting["arms"]},
        "rewriting": {key: rewriting[key] for key in ("n", "accepted", "outcomes", "sources")},
        "costs": {cost["arm"]: cost for cost in comparison["costs"]},
        "gap": _without_histograms(part("gap.json")),
        "shift": {one["variant"]: one["total"] for one in (part("shift.json") or {"variants": ()})["variants"]},
    }


def _without_histograms(gap: dict[str, Any] | None) -> dict[str, Any] | None:
    if gap is None:
        return None
    kept = ("name", "n", "mean_nll", "low", "high")
    return {"difference": gap["difference"], "groups": [{key: g[key] for key in kept} for g in gap["groups"]]}


def main(run: Path, folder: Path) -> None:
    new = facts_of(run)
    path = folder / "facts.json"
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
        for reasons in known["unusable"].values():  # what was said of scores that are new now
            for label in new["variants"]:
                reasons.pop(label, None)
        for key in ("variants", "benchmarks", "unusable", "arms", "costs", "shift"):
            new[key] = {**known.get(key, {}), **new[key]}
        new["unusable"] = {name: reasons for name, reasons in new["unusable"].items() if reasons}
    for benchmark, info in new["benchmarks"].items():
        table = table_path(folder, benchmark)
        known_scores = read_table(table) if table.exists() else {}
        write_table(table, add(known_scores, scores_of(run, info), benchmark))
    path.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
