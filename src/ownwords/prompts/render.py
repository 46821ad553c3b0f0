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
from collections.abc import Callable, Iterable, Mapping
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
            return _render_block(self.name, self._template, name, values, example)

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


def prompt_names() -> list[str]:
    """The shipped rewriting prompts."""
    return [name for name in file_names("prompts", ".jinja") if not name.startswith(_LAYOUTS)]


def load_prompt(name: str) -> RewritingPrompt:
    """The shipped prompt of that name, or the user's own file if `name` ends in `.jinja`.

    Raises:
        RecipeError: no such prompt, or its template is wrong; the message names the file and the line.
    """
    if not name.endswith(".jinja") and name not in prompt_names():
        raise RecipeError(unknown_name("rewriting prompt", name, prompt_names()))
    text = read_named("rewriting prompt", "prompts", ".jinja", name)
    template = _compile(name, text)
    _require_reference(name, template)
    empty = dict.fromkeys(VARIABLES, "")
    blocks = {b: _render_block(name, template, b, empty) for b in BLOCKS if b in template.blocks}
    words = (blocks.get(block, "").strip() for block in ("system", "user", "prefill"))
    comment = _COMMENT.match(text)
    return RewritingPrompt(
        name=name,
        text=text,
        hash=hashlib.sha256(text.encode()).hexdigest()[:16],
        description=comment.group(1) if comment else "",
        instruction="\n".join(filter(None, words)),
        _template=template,
    )


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


def _compile(name: str, text: str) -> Template:
    try:
        tree = _ENVIRONMENT.parse(text)
        _refuse_unknown(name, tree)
        code = _ENVIRONMENT.compile(text, name=name, filename=name)
    except TemplateSyntaxError as error:
        raise RecipeError(f"rewriting prompt {name}, line {error.lineno}: {error.message}") from error
    return Template.from_code(_ENVIRONMENT, code, dict(_ENVIRONMENT.globals))


def _refuse_unknown(name: str, tree: nodes.Template) -> None:
    """Unknown variables and blocks would silently change what is asked, other templates are never looked for."""
    other = next(tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)), None)
    if other is not None:
        raise RecipeError(f"rewriting prompt {name}, line {other.lineno}: a prompt is one file and loads no other.")
    undeclared = find_undeclared_variables(tree) - {*VARIABLES, "self"}
    if undeclared:
        used = min((n for n in tree.find_all(nodes.Name) if n.name in undeclared), key=lambda n: n.lineno)
        problem = unknown_name("variable", used.name, VARIABLES)
        raise RecipeError(f"rewriting prompt {name}, line {used.lineno}: {problem}")
    blocks = {block.name: block.lineno for block in tree.find_all(nodes.Block)}
    for block, line in blocks.items():
        if block not in BLOCKS:
            raise RecipeError(f"rewriting prompt {name}, line {line}: {unknown_name('block', block, BLOCKS)}")
    if "user" not in blocks:
        raise RecipeError(
            f"rewriting prompt {name}, line 1: it has no block `user`; "
            "write {% block user %}{{ prompt }} ... {{ reference }}{% endblock %}."
        )


def _require_reference(name: str, template: Template) -> None:
    """Rewriting without sight of the reference would be answering anew."""
    values = {variable: f"({variable}-probe)" for variable in VARIABLES}
    rendered = {block: _render_block(name, template, block, values) for block in template.blocks}
    if not rendered["user"].strip():
        raise RecipeError(f"rewriting prompt {name}: its block `user` is empty.")
    if not any(values["reference"] in text for text in rendered.values()):
        raise RecipeError(f"rewriting prompt {name}: no block shows {{{{ reference }}}}: nothing is there to rewrite.")


def _render_block(
    name: str, template: Template, block: str, values: Mapping[str, str], example: Example | None = None
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
        raise RecipeError(f"rewriting prompt {name}{at}: the block {block} fails{where}: {reason}") from error
