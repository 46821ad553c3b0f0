"""Every malformed file or row stops with one message that names the file, the place and the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ownwords.data.load import describe_source, load_heldout, load_train
from ownwords.errors import DataError, InputError, RecipeError
from ownwords.recipe import DataSection, SourceSection

GOOD = '{"instruction": "a", "output": "b"}\n'
QUESTION = '{"question": "a", "answer": "b"}\n'
MAP = {"prompt": "question", "response": "answer"}


def data(path: Path | str, **settings: object) -> DataSection:
    return DataSection.model_validate({"train": {"path": str(path), **settings}})


def alpaca(**values: str) -> str:
    """One JSONL row of raw JSON values by column."""
    row = {"instruction": '"a"', "output": '"b"', **values}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in row.items()) + "}\n"


def turns(*each: str, role: str = "role", content: str = "content") -> str:
    """A JSON list of messages: "user:hello"."""
    messages = [dict(zip((role, content), turn.split(":", 1), strict=True)) for turn in each]
    return json.dumps(messages)


def chat(*each: str) -> str:
    return f'{{"messages": {turns(*each)}}}\n'


def sharegpt(*each: str) -> str:
    return f'{{"conversations": {turns(*each, role="from", content="value")}}}\n'


def pair(prompt: str, completion: str) -> str:
    return f'{{"prompt": {prompt}, "completion": {completion}}}\n'


def parts(content: str) -> str:
    return f'{{"messages": [{{"role": "user", "content": {content}}}]}}\n'


FILES: list[tuple[str, str | bytes, str]] = [
    # empty, torn and mistaken files
    ("x.jsonl", "", "x.jsonl holds no rows."),
    ("x.jsonl", "\n \n", "x.jsonl holds no rows."),
    ("x.json", "", "x.json holds no rows."),
    ("x.json", "[]", "x.json holds no rows."),
    ("x.csv", "", "x.csv holds no rows."),
    ("x.csv", "instruction,output\n", "x.csv holds no rows."),
    ("x.parquet", "", "x.parquet holds no rows."),
    ("x.jsonl", GOOD + '{"instruction": "a", "outp', "x.jsonl line 2, column 22: not valid JSON: Unterminated string"),
    ("x.jsonl", GOOD + '{"instruction": "a",\n', "x.jsonl line 2, column 21: not valid JSON"),
    ("x.jsonl", GOOD + '{"instruction": "a",', "It ends too early: is the file complete?"),
    ("x.jsonl", "[\n" + GOOD + "]", "not valid JSON: Expecting value. A list of rows belongs in a .json file."),
    ("x.json", "[" + GOOD + ",{", "x.json line 2, column 3: not valid JSON"),
    ("x.json", GOOD + GOOD + '{"instruction', "x.json line 3, column 2: not valid JSON: Unterminated string"),
    (
        "x.json",
        '{"data": [\n{"instruction": "a", "output": "b"}]}',
        "holds one object where a list of objects is needed",
    ),
    ("x.json", GOOD, "x.json holds one object where a list of objects is needed"),
    ("x.json", '"text"', "x.json holds one str where a list of objects is needed"),
    ("x.json", '[{"instruction": "a", "output": "b"}, 3]', "x.json row 2: a row must be an object with named columns"),
    ("x.jsonl", GOOD + "[1]\n", "x.jsonl line 2: a row must be an object with named columns, not a list."),
    ("x.jsonl", GOOD.encode() + b'{"instruction": "\xff"}\n', "x.jsonl line 2: not UTF-8 text (byte offset 53)."),
    ("x.jsonl", GOOD.encode("utf-16"), "x.jsonl line 1: not UTF-8 text (byte offset 0)."),
    ("x.jsonl", b'{"instruction": "a\x00b", "output": "c"}\n', "x.jsonl line 1, column 19: not valid JSON: Invalid"),
    ("x.jsonl", '{"messages": [null]}', "x.jsonl line 1: message 1 must be an object with role and content, not null."),
    ("x.json", b"\xef\xbb\xbf[\n\xff", "x.json line 2: not UTF-8 text (byte offset 5)."),
    ("x.csv", b"instruction,output\na,\xe9\n", "x.csv line 2: not UTF-8 text (byte offset 21)."),
    ("x.json", "[" * 100_000, "x.json: nested too deeply to be a row."),
    ("x.jsonl", GOOD + '{"a":' * 100_000, "x.jsonl line 2: nested too deeply to be a row."),
    (
        "x.jsonl",
        f'{{"instruction": "a", "output": {"9" * 5000}}}',
        "x.jsonl line 1: not usable JSON: Exceeds the limit",
    ),
    # CSV
    ("x.csv", "instruction,output\na,b,c\n", "x.csv line 2: 3 fields where the header has 2 columns."),
    ("x.csv", 'instruction,output\n"a\nb",c\nd\n', "x.csv line 4: 1 fields where the header has 2 columns."),
    ("x.csv", 'instruction,output\na,"b\n', "x.csv line 2: not valid CSV: unexpected end of data."),
    ("x.csv", 'instruction,output\na,"b"c\n', "x.csv line 2: not valid CSV: ',' expected after '\"'."),
    ("x.csv", "instruction,,output\na,b,c\n", "x.csv line 1: a column of the header has no name."),
    ("x.csv", "output,output\na,b\n", "x.csv line 1: the header names the column 'output' twice."),
    ("x.parquet", "PAR1 nothing", "x.parquet: not readable as Parquet after row 0:"),
    # alpaca
    ("x.jsonl", alpaca(output='""'), "x.jsonl line 1: `output` is empty."),
    ("x.jsonl", GOOD + "\n" + alpaca(output='" \\n"'), "x.jsonl line 3: `output` is empty."),
    ("x.jsonl", alpaca(output="null"), "x.jsonl line 1: `output` must be text, not null."),
    ("x.jsonl", alpaca(output="true"), "x.jsonl line 1: `output` must be text, not a boolean (true)."),
    ("x.jsonl", alpaca(output='["b"]'), "x.jsonl line 1: `output` must be text, not a list."),
    ("x.jsonl", alpaca(output="NaN"), "x.jsonl line 1: `output` is nan, not a finite number."),
    ("x.jsonl", alpaca(instruction="7"), "x.jsonl line 1: `instruction` must be text, not a number."),
    ("x.jsonl", alpaca(input="{}"), "x.jsonl line 1: `input` must be text, not an object."),
    ("x.jsonl", alpaca(output='"a\\u0000"'), "x.jsonl line 1: `output` holds a NUL character at position 1."),
    ("x.jsonl", alpaca(input='"ab\\ud83d"'), "x.jsonl line 1: `input` holds a lone surrogate (U+D83D) at position 2"),
    ("x.jsonl", alpaca(history='"q"'), "x.jsonl line 1: `history` must be a list of [question, answer], not text."),
    ("x.jsonl", alpaca(history='[["q"]]'), "pair 1 of `history` must be [question, answer], not a list."),
    ("x.jsonl", alpaca(history='[["q", "a"], ["q", ""]]'), "pair 2 of `history`: `answer` is empty."),
    ("x.jsonl", alpaca(tools='[{"nam": "f"}]'), "x.jsonl line 1: tool 1: its function has no `name`."),
    (
        "x.jsonl",
        GOOD + '{"instruction": "a", "outputs": "b"}',
        "line 2: there is no column 'output'. Did you mean 'outputs'?",
    ),
    # messages
    ("x.jsonl", '{"messages": "hi"}', "x.jsonl line 1: `messages` must be a list of {role, content}, not text."),
    ("x.jsonl", '{"messages": ["hi"]}', "x.jsonl line 1: message 1 must be an object with role and content, not text."),
    ("x.jsonl", '{"messages": []}', "x.jsonl line 1: the conversation has no assistant turn after a user turn"),
    ("x.jsonl", chat("system:s", "user:q"), "x.jsonl line 1: the conversation has no assistant turn after a user turn"),
    ("x.jsonl", chat("assistant:a"), "message 1 is an assistant turn where a turn of the user belongs"),
    ("x.jsonl", chat("user:q", "user:r"), "message 2 is a user turn where a turn of the assistant belongs"),
    ("x.jsonl", chat("user:q", "system:s"), "message 2 is a second or late system turn"),
    (
        "x.jsonl",
        chat("user:q", "bot:a"),
        "message 2: the role must be one of system, developer, user, assistant, tool, function, not 'bot'.",
    ),
    ("x.jsonl", chat("user:q", "tool:a"), "message 2 is a tool turn where a turn of the assistant belongs"),
    ("x.jsonl", chat("user:q", "assistant:"), "x.jsonl line 1: message 2: `content` is empty."),
    ("x.jsonl", '{"messages": [{"role": "user", "content": {}}]}', "message 1: `content` must be text, not an object."),
    (
        "x.jsonl",
        parts('["x"]'),
        "x.jsonl line 1: message 1: part 1 of `content` must be an object with type and text, not text.",
    ),
    ("x.jsonl", parts("[]"), "x.jsonl line 1: message 1: `content` is empty."),
    ("x.jsonl", parts('[{"type": "text", "text": " "}]'), "x.jsonl line 1: message 1: `content` is empty."),
    ("x.jsonl", parts('[{"type": "text"}]'), "message 1: part 1 of `content`: `text` must be text, not null."),
    ("x.jsonl", parts('[{"text": "x"}]'), "message 1: part 1 of `content` is of the type null: only parts of the type"),
    (
        "x.jsonl",
        parts('[{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {}}]'),
        "message 1: part 2 of `content` is of the type 'image_url': only parts of the type 'text' are read.",
    ),
    (
        "x.jsonl",
        '{"messages": [{"role": "user", "content": "q", "weight": 2}]}',
        "message 1: `weight` must be 0 (do not train on it) or 1, not a number.",
    ),
    (
        "x.jsonl",
        '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0}]}',
        "x.jsonl line 1: every assistant turn has the `weight` 0, so nothing to train on.",
    ),
    ("x.jsonl", '{"messages": [{"role": "user"}]}', "message 1: `content` must be text, not null."),
    (
        "x.jsonl",
        '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [1]}]}',
        "message 2: call 1 of `tool_calls` must be an object with a function, not a number.",
    ),
    # prompt and completion
    ("x.jsonl", pair('"q"', '""'), "x.jsonl line 1: `completion` is empty."),
    ("x.jsonl", pair("7", '"a"'), "x.jsonl line 1: `prompt` must be text, not a number."),
    ("x.jsonl", pair('"q"', "{}"), "x.jsonl line 1: `completion` must be text, not an object."),
    (
        "x.jsonl",
        pair(turns("user:q"), '"a"'),
        "x.jsonl line 1: `prompt` is a list and `completion` is not: both must be text, or both lists of messages.",
    ),
    ("x.jsonl", pair('"q"', turns("assistant:a")), "`completion` is a list and `prompt` is not: both must be text"),
    ("x.jsonl", pair("[]", turns("assistant:a")), "`prompt` must end with a user turn, not with nothing."),
    ("x.jsonl", pair(turns("user:q"), "[]"), "`completion` must begin with an assistant turn, not with nothing."),
    (
        "x.jsonl",
        pair(turns("user:q", "assistant:a"), turns("assistant:b")),
        "x.jsonl line 1: `prompt` must end with a user turn, not with assistant.",
    ),
    (
        "x.jsonl",
        pair(turns("user:q"), turns("user:r")),
        "`completion` must begin with an assistant turn, not with user",
    ),
    (
        "x.jsonl",
        pair(turns("user:q"), turns("assistant:a", "assistant:b")),
        "line 1, prompt and completion in one: message 3 is an assistant turn where a turn of the user belongs",
    ),
    ("x.jsonl", pair('["q"]', '["a"]'), "message 1 of `prompt` must be an object with role and content, not text."),
    (
        "x.jsonl",
        pair(turns("user:q"), turns("bot:a")),
        "message 1 of `completion`: the role must be one of system, dev",
    ),
    # sharegpt
    (
        "x.jsonl",
        '{"conversations": "hi"}',
        "x.jsonl line 1: `conversations` must be a list of {from, value}, not text.",
    ),
    ("x.jsonl", '{"conversations": [1]}', "line 1: message 1 must be an object with from and value, not a number."),
    ("x.jsonl", '{"conversations": []}', "x.jsonl line 1: the conversation has no assistant turn after a user turn"),
    ("x.jsonl", sharegpt("human:q"), "x.jsonl line 1: the conversation has no assistant turn after a user turn"),
    ("x.jsonl", sharegpt("human:q", "gpt:"), "x.jsonl line 1: message 2: `value` is empty."),
    ("x.jsonl", '{"conversations": [{"from": "human"}]}', "message 1: `value` must be text, not null."),
    (
        "x.jsonl",
        sharegpt("human:q", "alien:a"),
        "message 2: `from` must be one of system, human, user, gpt, assistant, chatgpt, model, bing, bard, fun",
    ),
    ("x.jsonl", '{"conversations": [{"value": "q"}]}', "message 1: `from` must be one of system, human"),
    ("x.jsonl", '{"conversations": [{"from": 3, "value": "q"}]}', "message 1: `from` must be one of system, human"),
    (
        "x.jsonl",
        '{"conversations": [{"role": "alien"}]}',
        "message 1: the role must be one of system, developer, user, assistant, tool, function, not 'alien'",
    ),
    (
        "x.jsonl",
        sharegpt("gpt:a", "human:q", "gpt:b"),
        "x.jsonl line 1: the conversation begins with an assistant turn",
    ),
    ("x.jsonl", sharegpt("system:s", "bing:a"), "begins with an assistant turn, as ShareGPT dumps that were cut do"),
    ("x.jsonl", sharegpt("human:q", "user:r"), "message 2 is a user turn where a turn of the assistant belongs"),
    (
        "x.jsonl",
        sharegpt("human:q", "function_call:f"),
        "message 2: `value` must be a function's name with its arguments",
    ),
    ("x.jsonl", sharegpt("human:q", "observation:f"), "message 2 is a tool turn where a turn of the assistant belongs"),
    ("x.jsonl", sharegpt("human:q", "tool:f"), "user and assistant in alternation. Only calls have results."),
    ("x.jsonl", '{"conversations": [{"role": "tool"}]}', "message 1 is a tool turn where a turn of the user belongs"),
    (
        "x.jsonl",
        sharegpt("system:s", "human:q", "gpt:a").replace('{"conv', '{"system": "t", "conv'),
        "x.jsonl line 1: both the column `system` and message 1 are a system prompt. Keep one of them.",
    ),
    # nothing detected
    (
        "x.jsonl",
        '{"id": 1, "dialogue": [{"role": "user", "content": "q"}]}',
        "(id, dialogue). The column dialogue looks like a conversation: name it `messages`.",
    ),
    (
        "x.jsonl",
        '{"chat": [{"from": "human", "value": "q"}]}',
        "The column chat looks like a conversation: name it `co",
    ),
    ("x.jsonl", '{"prompt": "q", "chosen": "a", "rejected": "b"}', "e.g. columns: {prompt: prompt, response: chosen}"),
    ("x.jsonl", QUESTION, "x.jsonl line 1: the layout is not one that is known by its columns (question, answer)."),
    ("x.jsonl", QUESTION, "e.g. columns: {prompt: question, response: answer}"),
    ("x.csv", "goal,target\na,b\n", "e.g. columns: {prompt: goal, response: target}"),
    # a key twice
    ("x.jsonl", '{"question": "a", "question": "b"}', "x.jsonl line 1: an object has the key 'question' twice"),
    ("x.json", '[{"messages": [{"role": "user", "role": "user"}]}]', "x.json: an object has the key 'role' twice"),
    ("x.jsonl", "{}\n", "x.jsonl line 1: the layout is not one that is known by its columns (none)."),
]


@pytest.mark.parametrize(("name", "content", "message"), FILES)
def test_malformed_file_is_one_message(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        load_train(data(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parquet_row_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"instruction": ["a", "b"], "output": ["c", None]}), path)
    with pytest.raises(DataError, match=r"^x\.parquet row 2: `output` must be text, not null\.$"):
        load_train(data(path))


def test_parquet_bytes_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"instruction": ["a"], "output": [b"c"]}), path)
    with pytest.raises(DataError, match="row 1: `output` must be text, not bytes"):
        load_train(data(path))


SOURCES: list[tuple[dict[str, object], type[InputError], str]] = [
    ({"path": "nowhere/x.json"}, DataError, "there is no file or folder nowhere/x.json."),
    ({"path": "$OWNWORDS_DATA/x.json"}, DataError, "OWNWORDS_DATA is not set. It names the folder that `make data`"),
    ({"path": "${UNSET_HERE}/x.json"}, DataError, "path ${UNSET_HERE}/x.json: the environment variable UNSET_HERE"),
    ({"path": "$EMPTY_HERE/x.json"}, DataError, "the environment variable EMPTY_HERE is not set."),
    ({"path": "~nobody-of-that-name/x.json"}, DataError, "there is no file or folder ~nobody-of-that-name/x.json."),
    (
        {"path": "{folder}/x.txt"},
        DataError,
        "the extension '.txt' is not one that is read: .json, .jsonl, .csv (each also with .gz or .zst), .parquet.",
    ),
    ({"path": "{folder}/x.jsonl", "columns": {"prompt": "question"}}, RecipeError, "`columns` has no response."),
    ({"path": "{folder}/x.jsonl", "format": "columns"}, RecipeError, "`format: columns` needs to know which."),
    ({"path": "{folder}/x.jsonl", "format": "alpaca"}, DataError, "x.jsonl line 1: there is no column 'instruction'."),
    ({"path": "{folder}/x.jsonl", "format": "messages"}, DataError, "It has: question, answer."),
    (
        {"path": "{folder}/x.jsonl", "format": "alpaca", "columns": MAP},
        RecipeError,
        "does not go with `format: alpaca`",
    ),
    (
        {"path": "{folder}/x.jsonl", "columns": {"prompt": "question", "response": "answers"}},
        DataError,
        "x.jsonl line 1: there is no column 'answers'. Did you mean 'answer'?",
    ),
    (
        {"path": "{folder}/x.jsonl", "format": "sharegpt", "columns": MAP},
        RecipeError,
        "`columns` does not go with `format: sharegpt`. Leave one of the two out.",
    ),
    # templates
    (
        {"path": "{folder}/x.jsonl", "format": "messages", "template": "{{ question }}"},
        RecipeError,
        "`template` does not go with `format: messages`. Leave one of the two out.",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "{{ question }}"},
        RecipeError,
        "`template` needs to know the response, e.g. columns: {response: answer}",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "{{ question }}", "columns": MAP},
        RecipeError,
        "`template` makes the prompt, so `columns` must not name one: leave one of the two out.",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "a\n{{ question", "columns": {"response": "answer"}},
        RecipeError,
        "the template 'a\\n{{ question', line 2: unexpected end of template",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "{{ qestion }}", "columns": {"response": "answer"}},
        DataError,
        "x.jsonl line 1: the template '{{ qestion }}' fails: there is no column 'qestion'. Did you mean 'question'?",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "{{ question.text }}", "columns": {"response": "answer"}},
        DataError,
        "the template '{{ question.text }}' fails: 'str object' has no attribute 'text'.",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "{{ none }}", "columns": {"response": "answer"}},
        DataError,
        "the template '{{ none }}' fails: ValueError: a value is null; write e.g. {{ context or \"\" }}",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "{{ 1 / 0 }}", "columns": {"response": "answer"}},
        DataError,
        "x.jsonl line 1: the template '{{ 1 / 0 }}' fails: ZeroDivisionError: division by zero.",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "{{ ''.__class__.mro() }}", "columns": {"response": "answer"}},
        DataError,
        "fails: SecurityError: access to attribute '__class__' of 'str' object is unsafe",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": "{% include 'x' %}", "columns": {"response": "answer"}},
        DataError,
        "no loader for this environment specified",
    ),
    (
        {"path": "{folder}/x.jsonl", "template": " {# nothing #}", "columns": {"response": "answer"}},
        DataError,
        "x.jsonl line 1: the template ' {# nothing #}': `prompt` is empty.",
    ),
    (
        {"path": "{folder}/x.jsonl", "columns": {**MAP, "system": "sistem"}},
        DataError,
        "x.jsonl line 1: there is no column 'sistem'. It has: question, answer.",
    ),
]


@pytest.mark.parametrize(("settings", "kind", "message"), SOURCES)
def test_wrong_source_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], kind: type[InputError], message: str
) -> None:
    monkeypatch.delenv("OWNWORDS_DATA", raising=False)
    monkeypatch.setenv("EMPTY_HERE", "")
    (tmp_path / "x.txt").write_text("text")
    (tmp_path / "x.jsonl").write_text(QUESTION)
    path = str(settings["path"]).replace("{folder}", str(tmp_path))
    with pytest.raises(kind) as caught:
        load_train(data(**{**settings, "path": path}))
    assert message in str(caught.value)


def test_missing_file_has_no_fingerprint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        describe_source(SourceSection(path=str(tmp_path / "x.json")))


def test_broken_row_after_the_limit_does_not_stop_training_but_stops_heldout(tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.csv"):
        path = tmp_path / name
        text = GOOD + '{"instruction": "torn' if name == "x.jsonl" else 'instruction,output\na,b\n"torn'
        path.write_text(text)
        section = data(path, limit=1)
        train = load_train(section)
        assert [(e.prompt, e.reference) for e in train] == [("a", "b")]
        with pytest.raises(DataError, match="not valid"):
            load_heldout(section, train, None)


def test_other_layout_in_a_later_row_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(GOOD + chat("user:q", "assistant:a"))
    with pytest.raises(DataError, match=r"x\.jsonl line 2: there is no column 'instruction'\. It has: messages\."):
        load_train(data(path))


def test_hostile_column_names_are_shortened_and_printable(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"\\u001b[31m' + "x" * 500 + '": 1, "a\\nb": 2}\n')
    with pytest.raises(DataError) as caught:
        load_train(data(path))
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 400


def test_a_parquet_file_that_is_cut_in_half_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"instruction": ["a"] * 1000, "output": [f"b{n}" for n in range(1000)]}), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"x\.parquet: not readable as Parquet after row 0:"):
        load_train(DataSection(train=SourceSection(path=str(path))))


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True])
def test_a_line_of_50_mb_is_a_row_or_a_short_message(tmp_path: Path, torn: bool) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"instruction": "a" * 50_000_000, "output": "b"})[: -1 if torn else None] + "\n")
    data = DataSection(train=SourceSection(path=str(path)))
    if torn:
        with pytest.raises(DataError, match=r"x\.jsonl line 1, column 50000\d+: not valid JSON") as caught:
            load_train(data)
        assert len(str(caught.value)) < 400
    else:
        assert len(load_train(data)[0].prompt) == 50_000_000
