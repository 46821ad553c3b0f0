"""A prompt made of several columns by the recipe's Jinja template, e.g. "{{ question }}\\n\\n{{ context }}".

Columns are its variables. It runs in a sandbox, knows no other file, and refuses a column that is missing or null
rather than leave a hole in the prompt; `{{ context or "" }}` is how a template allows one to be null.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ownwords.data._cells import column, text
from ownwords.errors import DataError, RecipeError


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise ValueError('a value is null; write e.g. {{ context or "" }} where that is all right')
    return value


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    autoescape=False,  # plain text for a model, never HTML
    finalize=_refuse_null,
)


def render_prompt(template: str, row: Mapping[str, Any], origin: str) -> str:
    """The row's prompt.

    Raises:
        DataError: the template fails on this row, or makes no text of it.
        RecipeError: the template is not valid Jinja.
    """
    where = f"{origin}: the template {_shown(template)}"
    try:
        rendered = _compiled(template).render({str(name): value for name, value in row.items()})
    except RecipeError:
        raise
    except UndefinedError as error:
        for name in sorted(find_undeclared_variables(_ENVIRONMENT.parse(template)) - row.keys()):
            column(row, name, f"{where} fails")
        raise DataError(f"{where} fails: {error.message}.") from error
    except Exception as error:  # the boundary to the user's template
        reason = error.message if isinstance(error, TemplateError) else str(error)
        raise DataError(f"{where} fails: {type(error).__name__}: {reason}.") from error
    return text(rendered, "prompt", where)


@lru_cache(maxsize=8)
def _compiled(template: str) -> Template:
    try:
        return _ENVIRONMENT.from_string(template)
    except TemplateSyntaxError as error:
        raise RecipeError(f"the template {_shown(template)}, line {error.lineno}: {error.message}") from error


def _shown(template: str) -> str:
    shown = ascii(template)
    return shown if len(shown) <= 60 else f"{shown[:58]}…'"
