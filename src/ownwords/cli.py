"""The command line: parses, calls, prints. No logic.

argparse rather than a library: `ownwords --help` must answer in a blink (docs/decisions/002-argparse.md). Everything
heavy is imported inside the verb that needs it. Exit codes: 0 done, 1 a stage failed, 2 the input is wrong, 130
interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ownwords import __version__
from ownwords.errors import InputError, OwnwordsError, StageError
from ownwords.paths import given_path

DESCRIPTION = """\
Self-Distillation Fine-Tuning (SDFT, Yang et al., ACL 2024, arXiv 2402.13669): the model rewrites each training answer
in its own words, every rewrite is verified, then seed, vanilla fine-tuning and SDFT are compared side by side.
Not to be confused with the later on-policy method of the same acronym (Shenfeld et al., 2026, arXiv 2601.19897)."""

EPILOG = """\
Start with:   ownwords init --preset quickstart -o recipe.yaml && ownwords run recipe.yaml
Any key of the recipe can be given as key=value, e.g. tune.learning_rate=2e-4. The same command again continues."""

Handler = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    arguments = _parse(_dashes(sys.argv[1:] if argv is None else argv))
    handler: Handler = arguments.handler
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return handler(arguments)
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


def _parse(argv: list[str]) -> argparse.Namespace:
    """Overrides may stand anywhere after the recipe, also behind flags, where argparse does not look for them."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    overrides = [word for word in rest if "=" in word and not word.startswith("-")]
    if len(overrides) < len(rest) or (rest and "overrides" not in arguments):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if overrides:
        arguments.overrides += overrides
    return arguments


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _dashes(argv: Sequence[str]) -> list[str]:
    """Flags accept `_` for `-`; `key=value` overrides and everything after `--` stay as they are."""
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    for position, word in enumerate(words[:end]):
        if word.startswith("--"):
            flag, separator, value = word.partition("=")
            words[position] = flag.replace("_", "-") + separator + value
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ownwords",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ownwords {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, help_text: str, handler: Handler) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        added.set_defaults(handler=handler, verb=name)
        return added

    init = verb("init", "print a commented recipe", _init)
    init.add_argument("--preset", help="which one: `ownwords ls presets`")
    init.add_argument("--schema", action="store_true", help="print the recipe's JSON schema instead, for editors")
    init.add_argument("-o", "--output", type=Path, help="write it to this file")
    init.add_argument("--force", action="store_true", help="overwrite that file")
    for name, help_text in STAGE_VERBS.items():
        stage = verb(name, help_text, _stage)
        _add_recipe(stage)
        stage.add_argument("--yes", "-y", action="store_true", help="do finished work again where its keys changed")
        stage.add_argument(
            "--allow-code", action="store_true", help="run code that the recipe names (file.py:function)"
        )
    status = verb("status", "say what is done and what is missing", _status)
    _add_recipe(status)
    status.add_argument("--json", action="store_true", help="for programs")
    check = verb("check", "judge candidates given as JSON lines, one verdict a line", _check)
    check.add_argument(
        "rows", metavar="ROWS.jsonl", help="objects with check, prompt, reference, candidate, params; or -"
    )
    check.add_argument("--allow-code", action="store_true", help="run checks named as file.py:function")
    ask = verb("ask", "let the seed and every arm answer one prompt", _ask)
    ask.add_argument("recipe", metavar="RUN", help="a run directory or its recipe")
    ask.add_argument("prompt")
    ask.add_argument("--max-tokens", type=int, default=256)
    ask.add_argument("--allow-code", action="store_true", help="where the recipe names code of your own")
    ask.add_argument("--json", action="store_true", help="for programs")
    merge = verb("merge", "write an arm as a whole model: its adapter added into the seed's weights", _merge)
    merge.add_argument("recipe", metavar="RUN", help="a run directory or its recipe")
    merge.add_argument("--arm", default="sdft", help="which arm (default: sdft)")
    merge.add_argument("-o", "--output", required=True, metavar="FOLDER", help="write the model to this folder")
    merge.add_argument("--force", action="store_true", help="replace that folder")
    merge.add_argument("--allow-code", action="store_true", help="where the recipe names code of your own")
    listing = verb("ls", "list what there is, by name", _ls)
    listing.add_argument("kind", choices=["presets", "prompts", "checks", "benchmarks", "engines", "arms"])
    listing.add_argument("--json", action="store_true", help="a list of objects with `name`")
    env = verb("env", "print versions and hardware for a bug report", _env)
    env.add_argument("--json", action="store_true", help="for programs")
    return parser


STAGE_VERBS = {
    "run": "do all stages, resumable: rewrite, gap, tune, evaluate, report",
    "rewrite": "let the seed model rewrite every reference, and check each rewrite",
    "gap": "measure how far references and targets lie from the seed model",
    "tune": "train every arm",
    "evaluate": "test the seed and every arm on the benchmarks",
    "report": "write report.html and print its summary",
}


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a recipe file or a run directory")
    parser.add_argument("overrides", metavar="key=value", nargs="*", help="keys of the recipe to override")


def _stage(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import execute, open_recipe

    recipe = open_recipe(arguments.recipe, arguments.overrides)
    _write(execute(recipe, arguments.verb, yes=arguments.yes, allow_code=arguments.allow_code))
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


def _check(arguments: argparse.Namespace) -> int:
    from ownwords.checks.rows import check_rows

    if arguments.rows == "-" and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - `<&-` closes it
        raise InputError("standard input is closed: give a file, or rows through a pipe.")
    if arguments.rows == "-":
        lines, where = sys.stdin.read().split("\n"), "standard input"
    else:
        where = arguments.rows
        try:
            lines = given_path(where).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {where}: {error}") from error
    verdicts = list(check_rows(lines, where, allow_code=arguments.allow_code))
    if verdicts:
        _write("\n".join(json.dumps(verdict, ensure_ascii=False) for verdict in verdicts))
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.run import plain_disk_errors
    from ownwords.stages.ask import ask
    from ownwords.stages.context import Context

    context = Context(open_recipe(arguments.recipe), allow_code=arguments.allow_code)
    try:
        with plain_disk_errors(context.run.directory):
            answers = ask(context, arguments.prompt, arguments.max_tokens)
    finally:
        context.close()
    text = "\n\n".join(f"{arm}:\n{answer.strip()}" for arm, answer in answers.items())
    _answer(answers, text, as_json=arguments.json)
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    from ownwords.pipeline import open_recipe
    from ownwords.run import plain_disk_errors
    from ownwords.stages.context import Context
    from ownwords.stages.merge import merge

    folder = given_path(arguments.output)
    context = Context(open_recipe(arguments.recipe), allow_code=arguments.allow_code)
    try:
        with plain_disk_errors(folder):
            facts = merge(context, arguments.arm, folder, force=arguments.force)
    finally:
        context.close()
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


def _answer(facts: Any, text: str, *, as_json: bool) -> None:
    _write(json.dumps(facts, ensure_ascii=False, indent=2) if as_json else text)


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


if __name__ == "__main__":
    sys.exit(main())
