"""The words of the command line: verbs, their arguments and their help. What they do is in `cli`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from ownwords import __version__

DESCRIPTION = """\
Self-Distillation Fine-Tuning (SDFT, Yang et al., ACL 2024, arXiv 2402.13669): the model rewrites each training answer
in its own words, every rewrite is verified, then seed, vanilla fine-tuning and SDFT are compared side by side.
Not to be confused with the later on-policy method of the same acronym (Shenfeld et al., 2026, arXiv 2601.19897)."""

EPILOG = """\
Start with:   ownwords init --preset quickstart -o recipe.yaml && ownwords run recipe.yaml
Any key of the recipe can be given as key=value, e.g. tune.learning_rate=2e-4. The same command again continues."""

STAGES = {
    "run": "do all stages, resumable: rewrite, gap, tune, evaluate, report",
    "rewrite": "let the seed model rewrite every reference, and check each rewrite",
    "gap": "measure how far references and targets lie from the seed model; --model: advise before any training",
    "tune": "train every arm",
    "evaluate": "test the seed and every arm on the benchmarks",
    "report": "write report.html and print its summary",
}

AddVerb = Callable[[str, str], argparse.ArgumentParser]


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The verb (`verb`) with its arguments. Wrong ones end the process with a usage line and exit code 2.

    Overrides may stand anywhere after the recipe, also behind flags, where argparse does not look for them.
    """
    parser = _parser()
    arguments, rest = parser.parse_known_args(_with_dashes(argv))
    overrides = [word for word in rest if "=" in word and not word.startswith("-")]
    if len(overrides) < len(rest) or (rest and "overrides" not in arguments):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if overrides:
        arguments.overrides += overrides
    return arguments


def _with_dashes(argv: Sequence[str]) -> list[str]:
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

    def add(name: str, help_text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        added.set_defaults(verb=name)
        return added

    _add_looks_ahead(add)
    _add_stages(add)
    _add_looks_back(add)
    _add_outputs(add)
    _add_listings(add)
    return parser


def _add_looks_ahead(add: AddVerb) -> None:
    init = add("init", "print a commented recipe")
    init.add_argument("--preset", help="which one: `ownwords ls presets`")
    init.add_argument("--schema", action="store_true", help="print the recipe's JSON schema instead, for editors")
    init.add_argument("-o", "--output", type=Path, help="write it to this file")
    init.add_argument("--force", action="store_true", help="overwrite that file")
    validate = add("validate", "look at recipe, data and lengths, and try a few rows; changes nothing")
    _add_recipe(validate)
    validate.add_argument(
        "--probe",
        type=int,
        default=4,
        metavar="N",
        help="rewrite N examples and train two batches on trial; 0 for none",
    )
    _add_allow_code(validate)
    _add_allow_unsafe_code(validate)
    _add_json(validate)
    preview = add("preview", "rewrite the first examples and show what the checks say; changes nothing")
    _add_recipe(preview)
    preview.add_argument("--rows", type=int, default=3, metavar="N", help="how many examples")
    preview.add_argument("--full", action="store_true", help="show the whole conversation that is sent")
    _add_allow_code(preview)
    _add_allow_unsafe_code(preview)
    _add_json(preview)


def _add_stages(add: AddVerb) -> None:
    for name, help_text in STAGES.items():
        stage = add(name, help_text)
        if name == "gap":
            _add_recipe(stage, "RECIPE|DATA", "a recipe file or a run directory; with --model, data in its place")
        else:
            _add_recipe(stage)
        stage.add_argument("--yes", "-y", action="store_true", help="do finished work again where its keys changed")
        _add_allow_code(stage)
        _add_allow_unsafe_code(stage)
        if name == "gap":
            _add_advice(stage)


def _add_advice(gap: argparse.ArgumentParser) -> None:
    """`ownwords gap DATA --model M`: the words that only it takes are None where they are not given."""
    gap.usage = (
        "%(prog)s RECIPE [key=value ...] [options]\n       %(prog)s DATA --model MODEL [key=value ...] [options]"
    )
    advice = gap.add_argument_group(
        "advice before any training",
        "`ownwords gap DATA --model MODEL`: no recipe is needed; DATA is a file, a folder or a dataset of the Hub",
    )
    advice.add_argument("--model", help="the model that would be trained; writes nothing, key=value still count")
    advice.add_argument("--limit", type=int, metavar="N", help="examples to score, spread over the data (default: 200)")
    advice.add_argument("--answers", type=int, metavar="K", help="prompts that the model answers too (default: 16)")
    advice.add_argument("--columns", metavar="prompt=A,response=B", help="which columns hold prompt and response")
    advice.add_argument("--layout", metavar="NAME", help="chat template to train in, e.g. paper/alpaca")
    advice.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], help="where the model is (default: auto)")
    advice.add_argument("--json", action="store_true", default=None, help="one JSON answer, for programs")


def _add_looks_back(add: AddVerb) -> None:
    status = add("status", "say what is done and what is missing")
    _add_recipe(status)
    _add_json(status)
    explain = add("explain", "tell one example's whole story from a run")
    _add_run(explain)
    explain.add_argument("id", metavar="ID", help="an example's id, or how it begins")
    _add_json(explain)
    ask = add("ask", "let the seed and every arm answer one prompt")
    _add_run(ask)
    ask.add_argument("prompt")
    ask.add_argument("--max-tokens", type=int, default=256, metavar="N", help="at most (default: 256)")
    _add_allow_code(ask)
    _add_json(ask)


def _add_outputs(add: AddVerb) -> None:
    export = add("export", "write a run's training rows in another format, or for another trainer")
    _add_run(export)
    export.add_argument("overrides", metavar="key=value", nargs="*", help="keys to override in the configuration")
    export.add_argument("--arm", default="sdft", help="whose rows (default: sdft)")
    shape = export.add_mutually_exclusive_group(required=True)
    shape.add_argument("--format", choices=["messages", "prompt-completion", "alpaca", "sharegpt"])
    shape.add_argument(
        "--for", dest="trainer", choices=["trl", "axolotl", "llamafactory"], help="its format and configuration"
    )
    export.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True, help="where to write them")
    export.add_argument("--force", action="store_true", help="write over files of the same names")
    merge = add("merge", "write an arm as a whole model: its adapter added into the seed's weights")
    _add_run(merge)
    merge.add_argument("--arm", default="sdft", help="which arm (default: sdft)")
    merge.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True, help="where to write the model")
    merge.add_argument("--force", action="store_true", help="replace that folder")
    _add_allow_code(merge)


def _add_listings(add: AddVerb) -> None:
    check = add("check", "judge candidates given as JSON lines, one verdict a line")
    check.add_argument(
        "rows", metavar="ROWS.jsonl", help="objects with check, prompt, reference, candidate, params; or -"
    )
    check.add_argument("--allow-code", action="store_true", help="run checks named as file.py:function")
    _add_allow_unsafe_code(check)
    listing = add("ls", "list what there is, by name")
    listing.add_argument("kind", choices=["presets", "prompts", "checks", "benchmarks", "engines", "arms"])
    _add_json(listing)
    _add_json(add("env", "print versions and hardware for a bug report"))


def _add_recipe(
    parser: argparse.ArgumentParser, metavar: str = "RECIPE", help_text: str = "a recipe file or a run directory"
) -> None:
    parser.add_argument("recipe", metavar=metavar, help=help_text)
    parser.add_argument("overrides", metavar="key=value", nargs="*", help="keys of the recipe to override")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RUN", help="a run directory or its recipe")


def _add_allow_code(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--allow-code", action="store_true", help="run code that the recipe names (file.py:function)")


def _add_allow_unsafe_code(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-unsafe-code", action="store_true", help="where there is no sandbox, run a model's code without one"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON answer, for programs")
