"""The journal: what is committed stays, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.errors import StageError
from ownwords.journal import MOST_WAITING, Journal, Key, read_entries, read_only
from ownwords.records import Completion, RowError, Verdict

KEY = Key("a-0", 0, "h")


def test_a_completion_comes_back_as_it_was(tmp_path: Path) -> None:
    completion = Completion("r", "text \x00 😀 ü", "length", 3, 4, (-0.5, -1.25), "why", ({"name": "f"},))
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.record("rewrite", KEY, completion, "{}", {"c": Verdict(False, "wrong", "detail")})
    with Journal(tmp_path / "j.sqlite") as journal:
        assert list(journal.completions("rewrite")) == [(KEY, completion, "{}")]
        assert journal.look_up("rewrite", [KEY])()[KEY].verdicts == {"c": Verdict(False, "wrong", "detail")}
        assert list(journal.completions("gap")) == []


@given(text=st.text(), error=st.none() | st.builds(RowError, st.text(), st.text()))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str, error: RowError | None) -> None:
    completion = Completion("r", text, error=error)
    path = tmp_path_factory.mktemp("j") / "j.sqlite"
    with Journal(path) as journal:
        journal.record("s", KEY, completion, "{}")
        assert [c for _, c, _ in journal.completions("s")] == [completion]


def test_an_answer_is_never_replaced_and_an_error_can_be_forgotten(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.record("s", KEY, Completion("r", error=RowError("k", "m")), "{}")
        journal.forget_errors("s")
        journal.record("s", KEY, Completion("r", "first"), "{}")
        journal.record("s", KEY, Completion("r", "second"), "{}")
        journal.forget_errors("s")
        assert [c.text for _, c, _ in journal.completions("s")] == ["first"]


def test_attempts_are_told_apart(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        for attempt in range(3):
            journal.record("s", Key("a", attempt, "h"), Completion("r", str(attempt)), "{}")
        journal.commit()
        assert [e.completion.text for e in journal.look_up("s", [Key("a", 1, "h")])().values()] == ["1"]
        assert [journal.holds("s", attempt) for attempt in range(4)] == [True, True, True, False]


def test_what_was_recorded_a_second_ago_survives_kill_9(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from ownwords.journal import Journal, Key\n"
        "from ownwords.records import Completion\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for number in range(5):\n"
        "    journal.record('s', Key(str(number), 0, 'h'), Completion('r', str(number)), '{}')\n"
        "print('recorded', flush=True)\n"
        "time.sleep(60)\n"
    )
    path = tmp_path / "j.sqlite"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "recorded\n"
        deadline = time.monotonic() + 5
        while read_only(path).get("s") != 5 and time.monotonic() < deadline:
            pass  # the journal's own thread commits within half a second
        os.kill(process.pid, signal.SIGKILL)
    with Journal(path) as journal:
        assert sorted(c.text for _, c, _ in journal.completions("s")) == ["0", "1", "2", "3", "4"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_reader_sees_nothing_where_there_is_no_journal(tmp_path: Path) -> None:
    assert read_only(tmp_path / "none.sqlite") == {}
    assert not (tmp_path / "none.sqlite").exists()


def test_a_reader_leaves_no_file_beside_the_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.record("rewrite", KEY, Completion("r", "text"), "{}", {"c": Verdict(True, "ok")})
    assert read_only(tmp_path / "j.sqlite") == {"rewrite": 1}
    assert len(read_entries(tmp_path / "j.sqlite", "rewrite", KEY.example_id)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["j.sqlite"]


def test_a_reader_gets_one_examples_entries_from_a_journal_that_is_being_written(tmp_path: Path) -> None:
    verdicts = {"b": Verdict(True, "ok"), "a": Verdict(False, "wrong", "detail")}
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.record("rewrite", Key("x", 1, "h"), Completion("r", "second"), "{}", verdicts)
        journal.record("rewrite", Key("x", 0, "h"), Completion("r", "first"), "{}")
        journal.record("rewrite", Key("y", 0, "h"), Completion("r", "other row"), "{}")
        journal.record("gap", Key("x", 0, "h"), Completion("r", "other stage"), "{}")
        journal.commit()
        entries = read_entries(tmp_path / "j.sqlite", "rewrite", "x")
    assert [(entry.completion.text, entry.verdicts) for entry in entries] == [("first", {}), ("second", verdicts)]
    assert read_entries(tmp_path / "none.sqlite", "rewrite", "x") == []


def test_a_reader_of_a_journal_that_is_only_just_made_sees_nothing(tmp_path: Path) -> None:
    (tmp_path / "j.sqlite").touch()
    assert read_only(tmp_path / "j.sqlite") == {}


def test_what_is_looked_up_is_what_was_recorded_under_those_keys(tmp_path: Path) -> None:
    verdicts = {"a": Verdict(True, "ok"), "b": Verdict(False, "r\x00r", 'd "x" \\ 😀'), "c": Verdict(True, "ok", "odd")}
    with Journal(tmp_path / "j.sqlite") as journal:
        for name in ("x", "y"):
            for attempt in range(2):
                completion = Completion(
                    "r", f'{name} \x00 "{attempt}" 😀\n', logprobs=(-0.5,), tool_calls=({"name": "f"},)
                )
                journal.record("s", Key(name, attempt, "h"), completion, "{}", verdicts if attempt else None)
        journal.record("s", Key("x", 0, "other"), Completion("r", "of another recipe"), "{}")
        journal.commit()
        wanted = [Key("x", 1, "h"), Key("y", 0, "h"), Key("z", 0, "h")]
        found = journal.look_up("s", wanted)()
        assert found.keys() == set(wanted[:2])
        assert found[wanted[0]].completion.text == 'x \x00 "1" 😀\n'
        assert found[wanted[0]].completion.logprobs == (-0.5,)
        assert found[wanted[0]].verdicts == verdicts
        assert found[wanted[1]].verdicts == {}
        assert journal.look_up("other stage", wanted)() == {}


@pytest.mark.slow
def test_many_rows_are_all_there_and_a_key_is_never_replaced(tmp_path: Path) -> None:
    """More than one statement, and more than may wait."""
    count = MOST_WAITING + 3
    verdicts = {"a": Verdict(True, "ok"), "b": Verdict(False, "no")}
    with Journal(tmp_path / "j.sqlite") as journal:
        for text in ("first", "second"):
            for number in range(count):
                journal.record("s", Key(str(number), 0, "h"), Completion("r", text), "{}", verdicts)
        assert [completion.text for _, completion, _ in journal.completions("s")] == ["first"] * count
        assert journal.look_up("s", [Key(str(count - 1), 0, "h")])()[Key(str(count - 1), 0, "h")].verdicts == verdicts


def test_a_failure_to_write_is_raised_where_the_next_row_is_recorded_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    journal = Journal(path)
    journal._connection.execute("PRAGMA busy_timeout = 0")
    other.execute("BEGIN EXCLUSIVE")
    journal.record("s", KEY, Completion("r", "kept"), "{}")
    deadline = time.monotonic() + 10
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        while time.monotonic() < deadline:
            journal.record_verdicts("s", KEY, {})
    other.execute("ROLLBACK")
    other.close()
    journal._failure = None
    journal.close()
    with Journal(path) as journal:
        assert [completion.text for _, completion, _ in journal.completions("s")] == ["kept"]


def test_a_completion_that_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.record("s", KEY, Completion("r", "text"), "{}")
    with sqlite3.connect(tmp_path / "j.sqlite") as connection:
        connection.execute("UPDATE completions SET completion = '{torn'")
    connection.close()
    with Journal(tmp_path / "j.sqlite") as journal:
        for read in (journal.look_up("s", [KEY]), lambda: list(journal.completions("s"))):
            with pytest.raises(StageError, match="the journal holds a completion that cannot be read"):
                read()


def test_a_journal_of_an_earlier_version_is_read_and_goes_on(tmp_path: Path) -> None:
    """Its table of verdicts had row numbers."""
    path = tmp_path / "j.sqlite"
    with Journal(path) as journal:
        journal.record("s", KEY, Completion("r", "old"), "{}", {"c": Verdict(True, "ok")})
    with sqlite3.connect(path) as connection:
        (made,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'verdicts'").fetchone()
        connection.execute("ALTER TABLE verdicts RENAME TO newer")
        connection.execute(made.replace("WITHOUT ROWID", ""))
        connection.execute("INSERT INTO verdicts SELECT * FROM newer")
        connection.execute("DROP TABLE newer")
        assert connection.execute("SELECT rowid FROM verdicts").fetchall() == [(1,)]
    connection.close()
    new = Key("b-0", 0, "h")
    with Journal(path) as journal:
        journal.record("s", new, Completion("r", "new"), "{}", {"c": Verdict(False, "no")})
        journal.record_verdicts("s", KEY, {"d": Verdict(True, "ok")})
        journal.commit()
        found = journal.look_up("s", [KEY, new])()
    assert found[KEY].verdicts == {"c": Verdict(True, "ok"), "d": Verdict(True, "ok")}
    assert (found[new].completion.text, found[new].verdicts) == ("new", {"c": Verdict(False, "no")})
