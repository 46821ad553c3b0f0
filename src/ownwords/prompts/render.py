"""Rewriting prompts: Jinja files that turn an example into what the seed model is asked.

A prompt file opens with a comment, whose first line describes it, and has these blocks:

    user      the last user turn (required)
    system    replaces the system message (optional; without it the row's own stays untouched)
    history   replaces each earlier user turn, whose reference is the answer that followed (optional; else as it was)
    prefill   opens the model's answer (optional)

Blocks see three variables: `prompt` (the user turn), `reference` (the answer as the dataset has it) and `system` (the
row's own system prompt, or empty). They render as plain text in a sandbox; a line feed after a block tag is dropped.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ownwords.catalog import file_names, read_named
from ownwords.errors import RecipeError, unknown_name
from ownwords.records import Example, Message

VARIABLES: tuple[str, ...] = ("prompt", "reference", "system")
BLOCKS = ("system", "history", "user", "prefill")

_LAYOUTS = "layouts/"
_JUDGES = "judge/"
_COMMENT = re.compile(r"\s*\{#-?\s*([^\n]*?)\s*(?:-?#\}|\n)")

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    autoescape=False,  # plain text for a model, never HTML
)


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """What to ask: the conversation up to the answer, and the words that open the answer."""

    messages: tuple[Message, ...]
    prefill: str


@dataclass(frozen=True, slots=True)
class RewritingPrompt:
    """A prompt file, read and compiled. `hash` names its text; `instruction` is its own words without any row's."""

    name: str
    text: str
    hash: str
    description: str
    instruction: str
    _template: Template = field(repr=False, compare=False)

    def render(self, example: Example) -> RenderedPrompt:
        """The example's conversation with the rewriting instruction in place.

        Raises:
            RecipeError: the template fails on this example; the message names the file, the line and the row.
        """
        blocks, messages, asked, system = self._template.blocks, list(example.messages), example.asked, example.system

        def block(name: str, prompt: str, reference: str) -> str:
            values = {"prompt": prompt, "reference": reference, "system": system or ""}
            return _render_block(_REWRITING, self.name, self._template, name, values, example=example)

        prompt, reference = messages[asked].content, example.reference
        if "history" in blocks:
            for index in range(asked):
                if messages[index].role == "user" and messages[index + 1].role == "assistant":
                    earlier = block("history", messages[index].content, messages[index + 1].content)
                    messages[index] = Message("user", earlier)
        messages[asked] = Message("user", block("user", prompt, reference))
        if "system" in blocks:
            own = 1 if system is not None else 0
            messages[:own] = [Message("system", block("system", prompt, reference))]
        prefill = block("prefill", prompt, reference) if "prefill" in blocks else ""
        return RenderedPrompt(tuple(messages), prefill)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What prompts of a kind may name, and which of it they have to show."""

    title: str
    blocks: tuple[str, ...]
    variables: tuple[str, ...]
    shown: tuple[str, ...]


# Without sight of the reference, rewriting would be answering anew.
_REWRITING = _Kind("rewriting prompt", BLOCKS, VARIABLES, ("reference",))
_JUDGING = _Kind("judge's prompt", ("system", "user"), (*VARIABLES, "candidate", "history"), ("reference", "candidate"))
#: What sets texts apart in a judge's prompt; in a text that is judged it must not stand.
_JUDGES_TAG = re.compile(r"<(?=/?(?:history|request|reference|candidate)\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """A judge's prompt file, read and compiled. It has the blocks `user` and `system` and sees two variables more:
    `candidate`, the rewrite on trial, and `history`, the turns before the last user turn. The tags `history`,
    `request`, `reference` and `candidate` are broken where a text has them, so that none can end itself.
    """

    name: str
    hash: str
    description: str
    _template: Template = field(repr=False, compare=False)

    def render(self, example: Example, candidate: str) -> RenderedPrompt:
        """What a judge is asked about a candidate: one user turn, whatever the conversation was.

        Raises:
            RecipeError: the template fails on this example.
        """
        values = {
            "prompt": example.prompt,
            "reference": example.reference,
            "system": example.system or "",
            "candidate": candidate,
            "history": "\n\n".join(f"{m.role}: {m.content}" for m in example.messages[: example.asked]),
        }
        values = {name: _JUDGES_TAG.sub("< ", text) for name, text in values.items()}
        turns = [
            Message(role, _render_block(_JUDGING, self.name, self._template, role, values, example=example))
            for role in ("system", "user")
            if role in self._template.blocks
        ]
        return RenderedPrompt(tuple(turns), "")


def prompt_names() -> list[str]:
    """The shipped rewriting prompts."""
    return [name for name in file_names("prompts", ".jinja") if not name.startswith((_LAYOUTS, _JUDGES))]


def judge_names() -> list[str]:
    """The shipped prompts for judges."""
    return [name for name in file_names("prompts", ".jinja") if name.startswith(_JUDGES)]


def load_judge(name: str) -> JudgePrompt:
    """The shipped judge's prompt of that name, or the user's own file if `name` ends in `.jinja`.

    Raises:
        RecipeError: no such prompt, or its template is wrong; the message names the file and the line.
    """
    text, template = _load(_JUDGING, name, judge_names())
    return JudgePrompt(name, _hash(text), _description(text), template)


def load_prompt(name: str) -> RewritingPrompt:
    """The shipped prompt of that name, or the user's own file if `name` ends in `.jinja`.

    Raises:
        RecipeError: no such prompt, or its template is wrong; the message names the file and the line.
    """
    text, template = _load(_REWRITING, name, prompt_names())
    empty = dict.fromkeys(VARIABLES, "")
    blocks = {b: _render_block(_REWRITING, name, template, b, empty) for b in BLOCKS if b in template.blocks}
    words = (blocks.get(block, "").strip() for block in ("system", "user", "prefill"))
    return RewritingPrompt(
        name=name,
        text=text,
        hash=_hash(text),
        description=_description(text),
        instruction="\n".join(filter(None, words)),
        _template=template,
    )


def _load(kind: _Kind, name: str, names: Sequence[str]) -> tuple[str, Template]:
    if not name.endswith(".jinja") and name not in names:
        raise RecipeError(unknown_name(kind.title, name, names))
    text = read_named(kind.title, "prompts", ".jinja", name)
    template = _compile(kind, name, text)
    _require_shown(kind, name, template)
    return text, template


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _description(text: str) -> str:
    comment = _COMMENT.match(text)
    return comment.group(1) if comment else ""


def load_layout(name: str) -> str:
    """Text of a chat-template layout: a shipped one, or the user's own file if `name` ends in `.jinja`.

    Raises:
        RecipeError: no such layout, or it is not valid Jinja; the message names the file and the line.
    """
    text = read_named("layout", "prompts/layouts", ".jinja", name)
    try:
        ImmutableSandboxedEnvironment(extensions=["jinja2.ext.loopcontrols", _GenerationTag]).parse(text)
    except TemplateSyntaxError as error:
        raise RecipeError(f"layout {name}, line {error.lineno}: {error.message}") from error
    return text


class _GenerationTag(Extension):
    """Lets `{% generation %}`, which chat templates may carry to mark the trained turn, parse."""

    tags = {"generation"}  # noqa: RUF012 - the type that jinja2 declares

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _compile(kind: _Kind, name: str, text: str) -> Template:
    try:
        tree = _ENVIRONMENT.parse(text)
        _refuse_unknown(kind, name, tree)
        code = _ENVIRONMENT.compile(text, name=name, filename=name)
    except TemplateSyntaxError as error:
        raise RecipeError(f"{kind.title} {name}, line {error.lineno}: {error.message}") from error
    return Template.from_code(_ENVIRONMENT, code, dict(_ENVIRONMENT.globals))


def _refuse_unknown(kind: _Kind, name: str, tree: nodes.Template) -> None:
    """Unknown variables and blocks would silently change what is asked, other templates are never looked for."""
    other = next(tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)), None)
    if other is not None:
        raise RecipeError(f"{kind.title} {name}, line {other.lineno}: a prompt is one file and loads no other.")
    undeclared = find_undeclared_variables(tree) - {*kind.variables, "self"}
    if undeclared:
        used = min((n for n in tree.find_all(nodes.Name) if n.name in undeclared), key=lambda n: n.lineno)
        problem = unknown_name("variable", used.name, kind.variables)
        raise RecipeError(f"{kind.title} {name}, line {used.lineno}: {problem}")
    blocks = {block.name: block.lineno for block in tree.find_all(nodes.Block)}
    for block, line in blocks.items():
        if block not in kind.blocks:
            raise RecipeError(f"{kind.title} {name}, line {line}: {unknown_name('block', block, kind.blocks)}")
    if "user" not in blocks:
        raise RecipeError(
            f"{kind.title} {name}, line 1: it has no block `user`; "
            "write {% block user %}{{ prompt }} ... {{ reference }}{% endblock %}."
        )


def _require_shown(kind: _Kind, name: str, template: Template) -> None:
    """Without sight of the reference, or of what is on trial, there would be nothing to do."""
    values = {variable: f"({variable}-probe)" for variable in kind.variables}
    rendered = {block: _render_block(kind, name, template, block, values) for block in template.blocks}
    if not rendered["user"].strip():
        raise RecipeError(f"{kind.title} {name}: its block `user` is empty.")
    for variable in kind.shown:
        if not any(values[variable] in text for text in rendered.values()):
            raise RecipeError(f"{kind.title} {name}: no block shows {{{{ {variable} }}}}: nothing is there to work on.")


def _render_block(
    kind: _Kind, name: str, template: Template, block: str, values: Mapping[str, str], *, example: Example | None = None
) -> str:
    render: Callable[[Any], Iterable[str]] = template.blocks[block]
    try:
        return "".join(render(template.new_context(dict(values))))
    except Exception as error:  # the boundary to the user's template
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == name), None)
        at = f", line {template.get_corresponding_lineno(line)}" if line else ""
        where = f" for the row {example.origin or example.id}" if example else ""
        reason = error.message if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        raise RecipeError(f"{kind.title} {name}{at}: the block {block} fails{where}: {reason}") from error
