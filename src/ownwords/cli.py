"""The command line: parses, calls, prints. No logic.

argparse rather than a library: `ownwords --help` must answer in a blink (docs/decisions/002-argparse.md). Everything
heavy is imported inside the verb that needs it. Exit codes: 0 done, 1 a stage failed, 2 the input is wrong, 130
interrupted.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ownwords.arguments import parse
from ownwords.errors import InputError, OwnwordsError, StageError
from ownwords.paths import given_path


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    output: object = sys.stdout
    if isinstance(output, io.TextIOWrapper):  # under a test it may be something else
        output.reconfigure(errors="backslashreplace")  # for characters that the terminal's encoding has not
    arguments = parse(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return HANDLERS[arguments.verb](arguments)
    except OwnwordsError as error:
        print(f"ownwords: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "\nownwords: interrupted. Everything finished so far is saved; run the same command again to continue.",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:  # `ownwords ls | head`: the reader has enough
        _silence_output()
        return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _stage(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import execute, open_recipe

    recipe = open_recipe(arguments.recipe, arguments.overrides)
    gc.freeze()  # modules stay, so each full collection need not go through them again: 7 % of the time of 200,000 rows
    _write(execute(recipe, arguments.verb, yes=arguments.yes, **_permissions(arguments)))
    return 0


def _gap(arguments: argparse.Namespace) -> int:
    """A stage of a run; with --model, advice on data that no run has seen."""
    if arguments.model is not None:
        return _advice(arguments)
    words = ("limit", "answers", "columns", "layout", "device", "json")
    alone = next((word for word in words if vars(arguments)[word] is not None), None)
    if alone is not None:
        raise InputError(f"--{alone} goes with --model: `ownwords gap DATA --model MODEL`. A recipe has its own keys.")
    if arguments.recipe.endswith((".jsonl", ".csv", ".parquet", ".gz", ".zst")):
        raise InputError(f"{arguments.recipe} is data, not a recipe: add --model MODEL for advice on it.")
    return _stage(arguments)


def _advice(arguments: argparse.Namespace) -> int:
    from ownwords.report.advice import as_text
    from ownwords.stages import advice
    from ownwords.stages.context import Context

    recipe = advice.recipe_of(
        arguments.recipe,
        arguments.model,
        columns=arguments.columns,
        layout=arguments.layout,
        device=arguments.device,
        overrides=arguments.overrides,
    )
    limit = advice.LIMIT if arguments.limit is None else arguments.limit
    answers = advice.ANSWERS if arguments.answers is None else arguments.answers
    with closing(Context(recipe, **_permissions(arguments))) as context:
        facts = advice.advise(context, limit, answers)
    _answer(facts, as_text(facts), as_json=bool(arguments.json))
    return 0


def _init(arguments: argparse.Namespace) -> int:
    from ownwords import presets

    if arguments.schema == bool(arguments.preset):
        raise InputError(f"init needs either --schema or --preset; presets: {', '.join(presets.names())}")
    text = presets.schema() if arguments.schema else presets.read(arguments.preset)
    if arguments.output is None:
        _write(text.rstrip("\n"))
        return 0
    presets.write(arguments.output, text, force=arguments.force)
    print(f"wrote {arguments.output}", file=sys.stderr)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.run import plain_disk_errors
    from ownwords.stages.status import as_text, status

    recipe = open_recipe(arguments.recipe, arguments.overrides)
    with plain_disk_errors(Path(recipe.output_dir)):
        facts = status(recipe)
    _answer(facts, as_text(facts), as_json=arguments.json)
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.report.validation import as_text
    from ownwords.stages.context import Context
    from ownwords.stages.validate import validate

    recipe = open_recipe(arguments.recipe, arguments.overrides)
    with closing(Context(recipe, **_permissions(arguments))) as context:
        facts = validate(context, arguments.probe)
    _answer(facts, as_text(facts), as_json=arguments.json)
    return 0


def _preview(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.report.preview import as_text
    from ownwords.stages.context import Context
    from ownwords.stages.preview import preview

    recipe = open_recipe(arguments.recipe, arguments.overrides)
    with closing(Context(recipe, **_permissions(arguments))) as context:
        facts = preview(context, arguments.rows)
    _answer(facts, as_text(facts, full=arguments.full), as_json=arguments.json)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.report.story import as_text
    from ownwords.run import plain_disk_errors
    from ownwords.stages.context import Context
    from ownwords.stages.explain import explain

    context = Context(open_recipe(arguments.recipe))
    with plain_disk_errors(context.run.directory):
        facts = explain(context, arguments.id)
    _answer(facts, as_text(facts), as_json=arguments.json)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from ownwords.stages.check import RowChecks

    if arguments.rows == "-" and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - `<&-` closes it
        raise InputError("standard input is closed: give a file, or rows through a pipe.")
    where = "standard input" if arguments.rows == "-" else arguments.rows
    try:
        text = sys.stdin.buffer.read() if arguments.rows == "-" else given_path(where).read_bytes()
        lines = text.decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {where}: {error}") from error
    with closing(RowChecks(**_permissions(arguments))) as checks:
        verdicts = list(checks.verdicts(lines, where))  # all of them first: a wrong row later leaves nothing half said
    if verdicts:
        _write("\n".join(_json(verdict) for verdict in verdicts))
    else:
        print(f"ownwords: {where} holds no rows.", file=sys.stderr)
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.run import plain_disk_errors
    from ownwords.stages.ask import ask
    from ownwords.stages.context import Context

    with (
        closing(Context(open_recipe(arguments.recipe), allow_code=arguments.allow_code)) as context,
        plain_disk_errors(context.run.directory),
    ):
        answers = ask(context, arguments.prompt, arguments.max_tokens)
    text = "\n\n".join(f"{arm}:\n{answer.strip()}" for arm, answer in answers.items())
    _answer(answers, text, as_json=arguments.json)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.stages.export import export

    said = export(
        open_recipe(arguments.recipe).output_dir,
        arguments.output,
        arm=arguments.arm,
        form=arguments.format,
        trainer=arguments.trainer,
        overrides=arguments.overrides,
        force=arguments.force,
    )
    _write(said)
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.run import plain_disk_errors
    from ownwords.stages.context import Context
    from ownwords.stages.merge import merge

    folder = given_path(arguments.output)
    with (
        closing(Context(open_recipe(arguments.recipe), allow_code=arguments.allow_code)) as context,
        plain_disk_errors(folder),
    ):
        facts = merge(context, arguments.arm, folder, force=arguments.force)
    _write(facts.describe())
    return 0


def _ls(arguments: argparse.Namespace) -> int:
    from ownwords.listing import entries

    found = entries(arguments.kind)
    width = max((len(entry["name"]) for entry in found), default=0)
    text = "\n".join(f"{entry['name']:<{width}}  {entry['summary']}".rstrip() for entry in found)
    _answer(found, text, as_json=arguments.json)
    return 0


def _env(arguments: argparse.Namespace) -> int:
    from ownwords.environment import environment

    facts = environment()
    lines = [f"{name} {version}" for name, version in facts["versions"].items()]
    lines += [f"{name}: {value}" for name, value in facts["hardware"].items()]
    _answer(facts, "\n".join(lines), as_json=arguments.json)
    return 0


def _permissions(arguments: argparse.Namespace) -> dict[str, bool]:
    """What the user lets run: code that the recipe names, and a model's code without a sandbox."""
    return {"allow_code": arguments.allow_code, "allow_unsafe_code": arguments.allow_unsafe_code}


def _answer(facts: Any, text: str, *, as_json: bool) -> None:
    _write(_json(facts, indent=2) if as_json else text)


def _json(value: Any, indent: int | None = None) -> str:
    """JSON text of characters that standard output has; of others it holds JSON's own escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - `>&-` closes it
        return text
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def _write(text: str) -> None:
    """To standard output at once, so that an answer which cannot be written is an error and not a lost line."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _silence_output()
        raise StageError(f"cannot write to standard output: {error.strerror}.") from error


def _silence_output() -> None:
    """Python flushes what is left once more when it ends; let that go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


HANDLERS: dict[str, Callable[[argparse.Namespace], int]] = {
    **dict.fromkeys(("run", "rewrite", "tune", "evaluate", "report"), _stage),
    "gap": _gap,
    "init": _init,
    "validate": _validate,
    "preview": _preview,
    "status": _status,
    "explain": _explain,
    "check": _check,
    "ask": _ask,
    "export": _export,
    "merge": _merge,
    "ls": _ls,
    "env": _env,
}


if __name__ == "__main__":
    sys.exit(main())
