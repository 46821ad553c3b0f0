"""alpaca_eval in the run: a judge on a server that may fail in every way, asked once about a pair, and told apart."""

# pyright: basic
from __future__ import annotations

import json
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ownwords.engines.openai import OpenAIEngine
from ownwords.engines.scripted import ScriptedEngine
from ownwords.engines.transformers import TransformersEngine
from ownwords.journal import Journal
from ownwords.records import Completion, Request
from tests.engines.fault_server import Server, after, said
from tests.engines.faults import FOR_ALL, PASSING, STAYING
from tests.pipeline.conftest import Project, contents
from tests.pipeline.test_kill import committed, start, stop_when

# A server that is cut in mid-answer leaves halves of connections to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

pytest.importorskip("openai")

ITEMS = 12
#: What variants answer; sdft says the same as the seed.
WORDS = {"seed": "Short {n}.", "vanilla": "A much longer answer to number {n}.", "sdft": "Short {n}."}
BASELINE = "The middle one {n}."
#: Pairs of an item, its answers and the baseline's: the seed's and sdft's are one. Each is looked at twice.
QUESTIONS = 2 * 2 * ITEMS

Judge = Callable[[str, str], str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    monkeypatch.setattr("ownwords.engines._attempts._FIRST_WAIT", 0.02)
    monkeypatch.setattr("ownwords.engines._connection.MOST_BYTES", 1_000_000)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the requests that the model has answered, in order."""
    found: list[str] = []
    plain = ScriptedEngine._answer

    def recorded(engine: ScriptedEngine, request: Request) -> Any:
        found.append(request.id)
        return plain(engine, request)

    monkeypatch.setattr(ScriptedEngine, "_answer", recorded)
    return found


@pytest.fixture
def arena(project: Project, as_if_trained: None) -> Project:
    """Twelve instructions, three variants of which two say the same, and nothing else to evaluate."""
    rows = [{"instruction": f"Speak of {n}.", "output": BASELINE.format(n=n)} for n in range(ITEMS)]
    (project.folder / "pairs.json").write_text(json.dumps(rows), encoding="utf-8")
    return project


def words(project: Project, said_by: dict[str, str] = WORDS) -> list[str]:
    """What each variant answers, and that alpaca_eval asks for it."""
    code = project.folder / "script.py"
    code.write_text(
        f"WORDS = {said_by!r}\n"
        "def answer(request):\n"
        "    number = request.messages[-1].content.split()[-1].rstrip('.')\n"
        "    return WORDS[request.id.rpartition('/')[2]].format(n=number)\n",
        encoding="utf-8",
    )
    file = project.folder / "pairs.json"
    return [
        "--allow-code",
        f"runtime.scripted.function={code}:answer",
        f"evaluate.benchmarks=[{{alpaca_eval: {{path: {file}, max_tokens: 64}}}}]",
    ]


def by(server: Server, **settings: Any) -> str:
    openai = {
        "base_url": server.url,
        "model": "judge-1",
        "timeout": 10,
        "max_attempts": 3,
        "patience": 0.8,
        **settings,
    }
    return f"evaluate.judge={json.dumps({'runtime': {'engine': 'openai', 'openai': openai}})}"


def pair(body: dict[str, Any]) -> tuple[str, str]:
    """The two answers that a question shows."""
    found = re.search(
        r"<answer_a>\n(.*)\n</answer_a>.*<answer_b>\n(.*)\n</answer_b>", body["messages"][-1]["content"], re.DOTALL
    )
    assert found is not None
    return found[1], found[2]


def number(body: dict[str, Any]) -> int:
    return int(re.search(r"Speak of (\d+)\.", body["messages"][-1]["content"])[1])  # type: ignore[index]


def opinion(better: str) -> dict[str, Any]:
    return said(json.dumps({"reason": "so it seems", "better": better}))


def longer(body: dict[str, Any], seen: int = 1) -> dict[str, Any]:
    """A judge that likes the longer answer."""
    first, second = pair(body)
    return opinion("tie" if len(first) == len(second) else "A" if len(first) > len(second) else "B")


def judging(script: Callable[[dict[str, Any], int], Any] = longer) -> Server:
    return Server(script, models=("judge-1",))


def rows(project: Project, label: str) -> list[dict[str, Any]]:
    return pq.read_table(project.output / "scores" / "alpaca_eval" / f"{label}.parquet").to_pylist()


def means(project: Project) -> dict[tuple[str, str], Any]:
    """Mean scores by metric (nothing for the own one) and variant."""
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    return {
        (s["benchmark"].removeprefix("alpaca_eval").lstrip("/"), s["variant"]): s["mean"] for s in summary["scores"]
    }


def judged(project: Project) -> int:
    """How many opinions of a greedy judge the journal has."""
    with Journal(project.output / "journal.sqlite") as journal:
        return sum(c.error is None for _, c, _ in journal.completions("judge/benchmarks"))


def finished(project: Project) -> None:
    """Everything has the scores of the judge `longer`."""
    found = means(project)
    assert [found["", label] for label in WORDS] == [0.0, 1.0, 0.0]
    assert [found["judge_consistent", label] for label in WORDS] == [1.0, 1.0, 1.0]
    assert judged(project) == QUESTIONS


def different(asked: list[dict[str, Any]]) -> int:
    """Questions, each counted once: a client that is stopped may still have some under way."""
    return len({json.dumps(body["messages"]) for body in asked})


def once(server: Server) -> None:
    """No question was answered twice."""
    assert max(Counter(json.dumps(body["messages"]) for body in server.asked).values()) == 1


def test_a_judge_that_likes_the_longer_answer_is_consistent_and_lengths_tell_why(arena: Project) -> None:
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    finished(arena)
    found = means(arena)
    assert [found["length_words", label] for label in WORDS] == [2.0, 7.0, 2.0]
    assert {found["baseline_words", label] for label in WORDS} == {4.0}
    (row, *_) = rows(arena, "vanilla")
    assert [json.loads(text)["better"] for text in json.loads(row["judgements"])] == ["A", "B"]


@pytest.mark.slow
def test_a_judge_that_likes_the_first_place_says_nothing_and_is_found_out(
    arena: Project, report: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    with judging(lambda body, seen: opinion("A")) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    found = means(arena)
    assert {found["", label] for label in WORDS} == {0.5}
    assert {found["judge_consistent", label] for label in WORDS} == {0.0}
    assert {row["score"] for label in WORDS for row in rows(arena, label)} == {0.5}
    assert "the judge says the same of 0% of the items when the answers change places" in report()
    assert "doubtful: alpaca_eval" in capsys.readouterr().out


def many(project: Project, count: int) -> None:
    """So many instructions in place of the twelve."""
    given = [{"instruction": f"Speak of {n}.", "output": BASELINE.format(n=n)} for n in range(count)]
    (project.folder / "pairs.json").write_text(json.dumps(given), encoding="utf-8")


TIED = "of different answers a tie, so it hardly tells answers apart"


@pytest.mark.parametrize(
    ("items", "told_apart", "doubted"), [(20, 0, True), (20, 1, True), (20, 2, False), (19, 0, False)]
)
def test_a_judge_that_says_tie_to_nearly_everything_is_doubted(
    arena: Project,
    report: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
    items: int,
    told_apart: int,
    doubted: bool,
) -> None:
    many(arena, items)
    with judging(lambda body, seen: longer(body) if number(body) < told_apart else opinion("tie")) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    assert {means(arena)["judge_consistent", label] for label in WORDS} == {1.0}
    assert (f"the judge calls {items - told_apart} of {items} pairs {TIED}" in report()) == doubted
    assert ("doubtful: alpaca_eval" in capsys.readouterr().out) == doubted


def test_answers_that_equal_the_baselines_are_ties_for_good_reason(arena: Project, report: Callable[[], str]) -> None:
    """Sdft differs from the baseline in 2 of 22 items; seed and vanilla, at which the judge looks well, in all."""
    many(arena, 22)
    code = words(arena, {**WORDS, "sdft": f" {BASELINE} "})
    script = arena.folder / "script.py"
    script.write_text(script.read_text().replace("    return", "    if number in '01': return 'None.'\n    return"))
    with judging() as server:
        assert arena.ownwords("evaluate", *code, by(server)) == 0
    assert means(arena)["", "sdft"] == 10 / 22
    facts = json.loads((arena.output / "scores" / "alpaca_eval" / "sdft.json").read_text(encoding="utf-8"))
    assert facts["ties"] == {"pairs": 2, "ties": 0}
    assert TIED not in report()


@pytest.mark.parametrize("better", ["answer", "baseline"])
def test_to_win_or_to_lose_everything_is_no_reason_to_doubt_a_judge(
    arena: Project, report: Callable[[], str], better: str
) -> None:
    many(arena, 30)

    def script(body: dict[str, Any], seen: int) -> Any:
        is_first = (pair(body)[0] == BASELINE.format(n=number(body))) == (better == "baseline")
        return opinion("A" if is_first else "B")

    with judging(script) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    assert {means(arena)["", label] for label in WORDS} == {float(better == "answer")}
    assert TIED not in report()


def test_two_looks_that_contradict_each_other_are_no_tie(arena: Project) -> None:
    many(arena, 20)
    with judging(lambda body, seen: opinion("A")) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    facts = json.loads((arena.output / "scores" / "alpaca_eval" / "seed.json").read_text(encoding="utf-8"))
    assert facts["ties"] == {"pairs": 20, "ties": 0}


def test_another_seed_of_the_recipe_asks_a_greedy_judge_nothing(arena: Project) -> None:
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
        assert arena.ownwords("evaluate", *words(arena), by(server), "seed=43", "--yes") == 0
        assert len(server.asked) == QUESTIONS
        assert {body["seed"] for body in server.asked} == {0}
        once(server)
    finished(arena)


def test_a_judge_that_draws_its_words_is_asked_anew_for_every_look_item_and_seed(arena: Project) -> None:
    said_by = {**WORDS, "sdft": BASELINE}
    with judging() as server:
        judge = json.loads(by(server).partition("=")[2]) | {"sampling": {"temperature": 1.0}}
        for seed in (42, 43, 43):
            flags = [*words(arena, said_by), f"evaluate.judge={json.dumps(judge)}", f"seed={seed}"]
            assert arena.ownwords("evaluate", *flags, "--yes") == 0
    looks = 2 * 3 * ITEMS
    assert len(server.asked) == 2 * looks
    drawn = {(body["seed"], json.dumps(body["messages"])) for body in server.asked}
    assert len(drawn) == 2 * looks
    assert len({text for _, text in drawn}) == looks - ITEMS  # both looks at the baseline's own words are one text


def test_an_answer_that_equals_the_baselines_is_one_question(arena: Project) -> None:
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena, {**WORDS, "sdft": BASELINE}), by(server)) == 0
    assert len(server.asked) == (2 + 2 + 1) * ITEMS == judged(arena)
    once(server)
    assert {row["score"] for row in rows(arena, "sdft")} == {0.5}
    assert {len(json.loads(row["judgements"])) for row in rows(arena, "sdft")} == {2}


def test_a_row_that_stands_twice_is_judged_once_and_scored_twice(arena: Project) -> None:
    pairs = json.loads((arena.folder / "pairs.json").read_text(encoding="utf-8"))
    (arena.folder / "pairs.json").write_text(json.dumps(pairs * 2), encoding="utf-8")
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
        assert len(server.asked) == QUESTIONS
        once(server)
    assert [row["score"] for row in rows(arena, "vanilla")] == [1.0] * 2 * ITEMS
    finished(arena)


def test_a_judge_that_agrees_with_itself_gets_no_caution(arena: Project, report: Callable[[], str]) -> None:
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    assert "change places, no more" not in report()


@pytest.mark.slow
@pytest.mark.parametrize("odd", [0, 5])
def test_how_many_items_have_no_score_stands_on_the_console(
    arena: Project, capsys: pytest.CaptureFixture[str], odd: int
) -> None:
    """Opinions about some that nobody can read."""
    with judging(lambda body, seen: said("Hard to say.") if number(body) < odd else longer(body)) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    capsys.readouterr()
    assert arena.ownwords("report") == 0
    assert ("items without a score: 5 in alpaca_eval" in capsys.readouterr().out) == bool(odd)


@pytest.mark.slow
def test_equal_pairs_are_paid_for_once_across_variants_and_commands(arena: Project, asked: list[str]) -> None:
    with judging() as server:
        flags = [*words(arena), by(server)]
        assert arena.ownwords("evaluate", *flags) == 0
        assert len(server.asked) == QUESTIONS
        assert len(asked) == 3 * ITEMS
        before = contents(arena.output)
        assert arena.ownwords("evaluate", *flags) == 0
        assert contents(arena.output) == before
        for path in (arena.output / "scores" / "alpaca_eval").iterdir():
            path.unlink()  # everything is in the journal
        assert arena.ownwords("evaluate", *flags) == 0
        assert len(server.asked) == QUESTIONS
        once(server)
    assert len(asked) == 3 * ITEMS
    finished(arena)


@pytest.mark.slow
def test_a_file_for_the_official_tool_has_every_item_in_its_order(arena: Project) -> None:
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    path = arena.output / "scores" / "alpaca_eval" / "vanilla.outputs.json"
    table = pd.read_json(path)
    assert sorted(table.columns) == ["dataset", "generator", "instruction", "output"]
    assert list(table["instruction"]) == [f"Speak of {n}." for n in range(ITEMS)]
    assert list(table["output"]) == [WORDS["vanilla"].format(n=n) for n in range(ITEMS)]
    assert set(table["generator"]) == {"run-vanilla"}
    path.unlink()
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
        assert server.asked == []
    assert path.is_file()


def test_an_empty_answer_loses_and_nobody_is_asked(arena: Project) -> None:
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena, {**WORDS, "vanilla": " "}), by(server)) == 0
        assert len(server.asked) == 2 * ITEMS
    assert {(row["score"], row["error"], row["judgements"]) for row in rows(arena, "vanilla")} == {(0.0, "", "")}
    assert {row["more.judge_consistent"] for row in rows(arena, "vanilla")} == {None}
    assert means(arena).get(("judge_consistent", "vanilla")) is None


@pytest.mark.parametrize("optional", ["false", "true"])
def test_without_a_judge_it_is_refused_before_anything_is_done(
    arena: Project, asked: list[str], capsys: pytest.CaptureFixture[str], optional: str
) -> None:
    flags = words(arena)
    flags[-1] = flags[-1].replace("max_tokens", f"optional: {optional}, max_tokens")
    assert arena.ownwords("evaluate", *flags) == 2
    assert (
        "alpaca_eval: a judge gives the score, and there is none. Say who in evaluate.judge" in capsys.readouterr().err
    )
    assert asked == []
    assert not arena.output.exists()


def test_a_judge_without_a_key_is_refused_before_anything_is_done(
    arena: Project, asked: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    judge = "evaluate.judge={model: {name_or_path: gpt-judge}, runtime: {engine: openai}}"
    assert arena.ownwords("evaluate", *words(arena), judge) == 2
    assert "put its key into $OPENAI_API_KEY" in capsys.readouterr().err
    assert asked == []
    assert not arena.output.exists()


def test_a_judge_that_is_not_there_is_said_before_anything_is_done(
    arena: Project, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with judging() as server:
        judge = by(server)
    assert arena.ownwords("evaluate", *words(arena), judge) == 1
    assert "no server answers at" in capsys.readouterr().err
    assert asked == []
    assert not arena.output.exists()


@pytest.mark.slow
@pytest.mark.parametrize("nonsense", ["Both are nice.", '{"better": "both"}', '{"reason": "cut in the mid', ""])
def test_a_judge_that_talks_nonsense_is_stopped_early_and_never_paid_for_that_again(
    arena: Project, asked: list[str], capsys: pytest.CaptureFixture[str], nonsense: str
) -> None:
    with judging(lambda body, seen: longer(body) if sane else said(nonsense)) as server:
        sane: list[bool] = []
        flags = [*words(arena), by(server, max_concurrency=1)]
        assert arena.ownwords("evaluate", *flags) == 1
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ownwords: ")]
        assert len(told) == 1
        assert "nothing that the judge says about the first 10 answers to alpaca_eval can be read" in told[0]
        assert repr(nonsense) in told[0]
        paid = len(server.asked)
        assert paid < QUESTIONS
        assert not list((arena.output / "scores" / "alpaca_eval").glob("*"))
        sane.append(True)
        assert arena.ownwords("evaluate", *flags) == 1  # the same judge has said the same
        assert len(server.asked) == paid
        more = json.loads(by(server).partition("=")[2]) | {"sampling": {"max_tokens": 300}}
        assert arena.ownwords("evaluate", *words(arena), f"evaluate.judge={json.dumps(more)}", "--yes") == 0
    assert len(asked) == 3 * ITEMS
    assert [means(arena)["", label] for label in WORDS] == [0.0, 1.0, 0.0]


def test_few_items_are_not_scored_by_nonsense_either(arena: Project, capsys: pytest.CaptureFixture[str]) -> None:
    with judging(lambda body, seen: said("Hm.")) as server:
        flags = words(arena)
        flags[-1] = flags[-1].replace("max_tokens", "limit: 2, max_tokens")
        assert arena.ownwords("evaluate", *flags, by(server)) == 1
        assert len(server.asked) == 2 * 2 * 2
    assert "about the first 4 answers to alpaca_eval can be read; the last: 'Hm.'" in capsys.readouterr().err


def test_nonsense_about_one_item_costs_that_item_its_score(arena: Project) -> None:
    with judging(lambda body, seen: said("Who knows?") if number(body) == 3 else longer(body)) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    for label, words_of_it in WORDS.items():
        without = [row for row in rows(arena, label) if row["score"] is None]
        assert [row["answer"] for row in without] == [words_of_it.format(n=3)]
        assert without[0]["error"] == "no score: what the judge said cannot be read"
        assert json.loads(without[0]["judgements"]) == ["Who knows?"] * 2
    summary = json.loads((arena.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    assert {(s["n"], s["errors"]) for s in summary["scores"] if s["benchmark"] == "alpaca_eval"} == {(ITEMS - 1, 1)}


@pytest.mark.slow
def test_after_faults_that_pass_every_pair_is_judged(arena: Project) -> None:
    faults = iter(PASSING.values())
    lock = threading.Lock()

    def script(body: dict[str, Any], seen: int) -> Any:
        if seen > 1:
            return longer(body)
        with lock:
            return next(faults, None) or longer(body)

    with judging(script) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server, timeout=0.4)) == 0
    finished(arena)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["late", "slow loris", "500", "content filter", "half JSON", "too long"])
def test_a_fault_that_stays_costs_its_item_the_score_and_is_named(arena: Project, name: str) -> None:
    act, kind, message = STAYING.get(name) or (after(30, said("Too late.")), "timeout", "no whole answer within")

    def script(body: dict[str, Any], seen: int) -> Any:
        return longer(body) if mended or number(body) != 3 or pair(body)[0] != WORDS["vanilla"].format(n=3) else act

    mended: list[bool] = []
    with judging(script) as server:
        flags = [*words(arena), by(server, timeout=0.4)]
        assert arena.ownwords("evaluate", *flags) == 0
        (row,) = [row for row in rows(arena, "vanilla") if row["score"] is None]
        assert row["answer"] == WORDS["vanilla"].format(n=3)
        assert row["error"].startswith(f"no score: the judge gave no answer ({kind}: ")
        assert message in row["error"]
        assert all(row["score"] == 0.0 for row in rows(arena, "sdft"))
        mended.append(True)
        before = len(server.asked)
        (arena.output / "scores" / "alpaca_eval" / "vanilla.parquet").unlink()
        assert arena.ownwords("evaluate", *flags) == 0
        assert [number(body) for body in server.asked[before:]] == [3]  # what has an answer is not asked again
    finished(arena)


@pytest.mark.slow
def test_what_fails_for_good_does_not_stop_a_command_that_goes_on(arena: Project) -> None:
    """Errors are reckoned against all questions, not against the few that are left, which all fail here."""
    act = STAYING["refused"][0]

    def script(body: dict[str, Any], seen: int) -> Any:
        return act if number(body) < 5 and "much longer" in " ".join(pair(body)) else longer(body)

    with judging(script) as server:
        flags = [*words(arena), by(server), "rewrite.max_error_rate=0.3"]
        assert arena.ownwords("evaluate", *flags) == 0
        before = len(server.asked)
        (arena.output / "scores" / "alpaca_eval" / "vanilla.parquet").unlink()
        (arena.output / "scores" / "alpaca_eval" / "seed.parquet").unlink()
        assert arena.ownwords("evaluate", *flags) == 0
        assert len(server.asked) - before == 10
    assert means(arena)["", "vanilla"] == 1.0


def test_errors_are_no_nonsense(arena: Project) -> None:
    """Nothing is said of the seed's answers, for two reasons; what is said of the others can be read."""
    acts = [STAYING["refused"][0], STAYING["content filter"][0]]

    def script(body: dict[str, Any], seen: int) -> Any:
        return longer(body) if "much longer" in " ".join(pair(body)) else acts[number(body) % 2]

    with judging(script) as server:
        flags = [*words(arena), by(server, max_concurrency=1), "rewrite.max_error_rate=0.6"]
        assert arena.ownwords("evaluate", *flags) == 0
    assert means(arena)["", "vanilla"] == 1.0
    assert {row["score"] for row in rows(arena, "seed")} == {None}


@pytest.mark.slow
def test_a_judge_that_fails_about_everything_stops_the_stage(
    arena: Project, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    act = STAYING["refused"][0]
    with judging(lambda body, seen: longer(body) if mended else act) as server:
        mended: list[bool] = []
        flags = [*words(arena), by(server, max_concurrency=1)]
        assert arena.ownwords("evaluate", *flags) == 1
        assert "judging stopped: 10 of 10 rows have no answer" in capsys.readouterr().err
        assert len(server.asked) < QUESTIONS
        mended.append(True)
        assert arena.ownwords("evaluate", *flags) == 0
    assert len(asked) == 3 * ITEMS
    finished(arena)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "changes", "message"), FOR_ALL.values(), ids=FOR_ALL.keys())
def test_a_fault_that_concerns_all_is_one_message_and_only_the_rest_is_asked_again(
    arena: Project,
    asked: list[str],
    capsys: pytest.CaptureFixture[str],
    fault: Any,
    changes: dict[str, Any],
    message: str,
) -> None:
    def script(body: dict[str, Any], seen: int) -> Any:
        return fault if len(server.asked) > 6 and not mended else longer(body)

    mended: list[bool] = []
    changes = {key: value for key, value in changes.items() if key != "model"}
    with judging(script) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server, **changes)) == 1
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ownwords: ")]
        assert len(told) == 1
        assert message.replace("tiny", "judge-1") in told[0] or message in told[0]
        kept, before = judged(arena), len(server.asked)
        mended.append(True)
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
        assert different(server.asked[before:]) == QUESTIONS - kept
    assert len(asked) == 3 * ITEMS
    finished(arena)


@pytest.mark.slow
def test_a_judge_that_dies_half_way_loses_nothing(
    arena: Project, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It dies with answers half made."""

    def script(body: dict[str, Any], seen: int) -> Any:
        if len(server.asked) == 9:
            threading.Thread(target=die).start()
        return after(30, longer(body)) if len(server.asked) >= 9 and not died.is_set() else longer(body)

    def die() -> None:
        server.die()
        died.set()

    died = threading.Event()
    with judging(script) as server:
        flags = [*words(arena), by(server, max_concurrency=4, timeout=20, patience=0.5)]
        assert arena.ownwords("evaluate", *flags) == 1
        assert re.search(r"has given no answer for .*What is answered is kept", capsys.readouterr().err)
        kept, before = judged(arena), len(server.asked)
        assert kept >= 1
        assert not list((arena.output / "scores" / "alpaca_eval").glob("*"))
        server.start()
        assert arena.ownwords("evaluate", *flags) == 0
        assert different(server.asked[before:]) == QUESTIONS - kept
    assert len(asked) == 3 * ITEMS
    finished(arena)


def test_a_budget_stops_the_judge_and_the_same_command_goes_on(
    arena: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """An opinion uses 15 tokens, so a budget of 400 is good for 26."""
    with judging() as server:
        flags = [*words(arena), by(server, token_budget=400)]
        assert arena.ownwords("evaluate", *flags) == 1
        assert "the budget of 400 tokens is spent (390 used)" in capsys.readouterr().err
        assert judged(arena) == len(server.asked) == 26
        scored = {path.stem for path in (arena.output / "scores" / "alpaca_eval").glob("*.parquet")}
        assert scored == {"seed", "sdft"}  # all is said about their answers, which are the same
        assert {key: mean for key, mean in means(arena).items() if not key[0]} == {("", "seed"): 0, ("", "sdft"): 0}
        assert arena.ownwords("evaluate", *flags) == 0
        assert len(server.asked) == QUESTIONS
        once(server)
    finished(arena)


@pytest.mark.slow
def test_an_error_among_its_judgements_keeps_an_exam_open(arena: Project) -> None:
    """Whether errors are the rule is known at the end only; asked again, it has its score."""
    with judging(
        lambda body, seen: STAYING["refused"][0] if number(body) == 3 and not mended else longer(body)
    ) as server:
        mended: list[bool] = []
        flags = [*words(arena), by(server, token_budget=400, max_concurrency=1)]
        assert arena.ownwords("evaluate", *flags) == 1
        assert not list((arena.output / "scores").rglob("*.parquet"))
        assert not (arena.output / "scores" / "summary.json").exists()
        mended.append(True)
        assert arena.ownwords("evaluate", *flags) == 0
    finished(arena)


def test_a_judge_that_fails_holds_no_other_benchmark_back(arena: Project) -> None:
    benchmarks = words(arena)[-1].removesuffix("]") + f", {{gsm8k: {{path: {arena.folder / 'test.jsonl'}}}}}]"
    script = ["--allow-code", words(arena)[1]]
    act = STAYING["refused"][0]
    with judging(lambda body, seen: act) as server:
        assert arena.ownwords("evaluate", *script, benchmarks, by(server, max_concurrency=1)) == 1
    summary = json.loads((arena.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    assert {(score["benchmark"], score["variant"]) for score in summary["scores"]} == {
        (name, label) for name in ("gsm8k", "gsm8k/accuracy_paper") for label in ("seed", "vanilla", "sdft")
    }


@pytest.mark.slow
def test_an_engine_that_forgets_a_question_is_found_out(
    arena: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = OpenAIEngine.stream
    with judging() as server:
        flags = [*words(arena), by(server)]
        monkeypatch.setattr(OpenAIEngine, "stream", lambda engine, requests: islice(whole(engine, requests), 5))
        assert arena.ownwords("evaluate", *flags) == 1
        assert f"the judge's engine left {QUESTIONS - 5} questions without an answer" in capsys.readouterr().err
        monkeypatch.setattr(OpenAIEngine, "stream", whole)
        assert arena.ownwords("evaluate", *flags) == 0
    finished(arena)


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_signal_in_mid_judging_pays_nothing_twice(project: Project, sign: int, code: int) -> None:
    """With an arm that is really trained: another process has to find it."""
    pairs = [{"instruction": f"Speak of {n}.", "output": BASELINE.format(n=n)} for n in range(ITEMS)]
    (project.folder / "pairs.json").write_text(json.dumps(pairs), encoding="utf-8")
    assert project.ownwords("run", "tune.arms=[vanilla]") == 0

    def script(body: dict[str, Any], seen: int) -> Any:
        return longer(body) if len(server.asked) <= 6 or ended else after(60, longer(body))

    ended: list[bool] = []
    with judging(script) as server:
        flags = [*words(project), "tune.arms=[vanilla]", by(server, timeout=90, patience=90)]
        process = start(project, "evaluate", *flags)
        told = stop_when(process, lambda: committed(project, "judge/") >= 6, sign)
        assert process.returncode == code
        assert "Traceback" not in told
        ended.append(True)
        kept, before = judged(project), len(server.asked)
        assert kept == 6
        answers = committed(project, "evaluate/alpaca_eval")
        assert project.ownwords("evaluate", *flags) == 0
        assert different(server.asked[before:]) == QUESTIONS - kept
        assert committed(project, "evaluate/alpaca_eval") == answers == 2 * ITEMS
    assert [means(project)["", label] for label in ("seed", "vanilla")] == [0.0, 1.0]


def judges(project: Project) -> list[dict[str, Any]]:
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    return [s["judge"] for s in summary["scores"] if s["benchmark"] in ("alpaca_eval", "alpaca_eval/judge_consistent")]


@pytest.fixture
def report(arena: Project) -> Callable[[], str]:
    def read() -> str:
        assert arena.ownwords("report") == 0
        text = re.sub(r"<[^>]+>", " ", (arena.output / "report.html").read_text(encoding="utf-8"))
        return " ".join(text.split())

    return read


@pytest.mark.slow
def test_the_seed_as_its_own_judge_is_weak_evidence_and_that_is_said(
    arena: Project, report: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = words(arena)
    (arena.folder / "script.py").write_text(
        (arena.folder / "script.py")
        .read_text()
        .replace(
            "):\n",
            "):\n    if request.schema:\n        return "
            + repr(json.dumps({"reason": "so it seems", "better": "tie"}))
            + "\n",
            1,
        )
    )
    assert arena.ownwords("evaluate", *flags, "evaluate.judge={}") == 0
    assert "the judge is the seed model itself: weak evidence" in capsys.readouterr().err
    assert all(judge["is_seed"] for judge in judges(arena))
    assert "judged by the seed model itself, which is weak evidence" in report()
    facts = json.loads((arena.output / "scores" / "alpaca_eval" / "seed.json").read_text(encoding="utf-8"))
    assert facts["judge"]["is_seed"] is True


@pytest.mark.slow
def test_another_judge_is_named(arena: Project, report: Callable[[], str], capsys: pytest.CaptureFixture[str]) -> None:
    with judging() as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 0
    assert "weak evidence" not in capsys.readouterr().err
    assert judges(arena) == [{"model": "judge-1", "is_seed": False}] * 6
    summary = json.loads((arena.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    assert all("judge" not in s for s in summary["scores"] if s["benchmark"].endswith("_words"))
    page = report()
    assert "Judged by judge-1: alpaca_eval, alpaca_eval/judge_consistent." in page
    assert "weak evidence" not in page


def test_a_dry_run_has_a_judge_too(arena: Project) -> None:
    assert arena.ownwords("evaluate", words(arena)[-1], "evaluate.judge={}") == 0
    found = means(arena)
    assert {found["", label] for label in WORDS} == {0.5}  # it says A to everything
    assert {found["judge_consistent", label] for label in WORDS} == {0.0}


def test_a_model_that_is_loaded_to_judge_is_told_not_to_think(arena: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thoughts would be cut at max_tokens, and the verdict with them."""
    found: list[Request] = []

    def stream(engine: TransformersEngine, requests: Any) -> Any:
        for request in requests:
            found.append(request)
            yield Completion(request.id, json.dumps({"reason": "so it seems", "better": "tie"}))

    monkeypatch.setattr(TransformersEngine, "stream", stream)
    judge = "evaluate.judge={runtime: {engine: transformers, device: cpu, dtype: float32}}"
    assert arena.ownwords("evaluate", *words(arena), judge) == 0
    assert len(found) == QUESTIONS
    assert {(request.thinking, request.sampling.max_tokens) for request in found} == {(False, 256)}
    assert all(judge["is_seed"] for judge in judges(arena))


def test_validation_counts_the_questions_and_says_whose_they_are(
    arena: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = words(arena)
    assert arena.ownwords("validate", *flags, "evaluate.judge={}", "--probe", "0", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["evaluation"]["benchmarks"][0]["judge_requests"] == 3 * 2 * ITEMS
    warnings = " ".join(facts["warnings"])
    assert "is asked up to 72 questions about 3 arms, the seed among them (72 about alpaca_eval)" in warnings
    assert "evaluate.judge is the seed model itself: weak evidence" in warnings
    assert not arena.output.exists()
    with judging() as server:
        assert arena.ownwords("validate", *flags, by(server), "--probe", "0", "--json") == 0
        assert server.asked == []
    assert "weak evidence" not in " ".join(json.loads(capsys.readouterr().out)["warnings"])


def test_without_questions_to_a_judge_validation_speaks_of_none(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("validate", "--probe", "0", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert {found["judge_requests"] for found in facts["evaluation"]["benchmarks"]} == {0}
    assert "evaluate.judge" not in " ".join(facts["warnings"])


def test_the_key_of_the_judge_is_in_no_file(arena: Project) -> None:
    with judging(lambda body, seen: said(f"{server.headers[-1]} {longer(body)}")) as server:
        assert arena.ownwords("evaluate", *words(arena), by(server)) == 1
    files: Iterator[Path] = (path for path in arena.output.rglob("*") if path.is_file())
    assert not [path for path in files if b"sk-very-secret" in path.read_bytes()]
