"""Nothing that comes from data or models can become markup, script, style, a link or a request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ownwords.stages.report import console_summary, write_report

Edit = Callable[[Path, Callable[[Any], Any]], None]

HOSTILE = (
    "<script>alert(1)</script>",
    "</style><script>alert(2)</script>",
    "</title></svg></pre>-->]]><img src=x onerror=alert(3)>",
    '"onmouseover="alert(4)',
    "'onfocus='alert(5)' autofocus='",
    "javascript:alert(6)",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt;&#x3c;script&#x3e;",
    "\x00\x1b[31mred\x7f",
    "\u202egnp.exe\u2066hidden\u2069",
)
ALLOWED_LINKS = {"https://arxiv.org/abs/2402.13669", "https://arxiv.org/abs/2601.19897"}
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "footer", "nav", "section", "div", "span"),
    *("h1", "h2", "h3", "p", "a", "br", "b", "bdi", "ul", "li", "dl", "dt", "dd", "pre", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption"),
    *("svg", "g", "path", "line", "circle", "rect", "text"),
}


class Page(HTMLParser):
    """Collects what a browser would see: tags, attributes and text."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def poison(value: Any, evil: str) -> Any:
    """Every text of a JSON value made hostile, keys of free dictionaries too; closed vocabularies stay."""
    closed = {"kind", "outcome", "area", "unit", "status"}
    if isinstance(value, dict):
        return {
            key: inner if key in closed and isinstance(inner, str) and inner.isalpha() else poison(inner, evil)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [poison(inner, evil) for inner in value]
    return value + evil if isinstance(value, str) else value


def poison_run(run: Path, evil: str) -> None:
    for path in run.rglob("*.json"):
        content = poison(json.loads(path.read_text(encoding="utf-8")), evil)
        if path.name == "run.json":
            content["versions"][evil] = evil
            content["hardware"][evil] = [evil]
            content["stages"][f"tune/{evil}"] = {"status": "done", "seconds": 1.0}
        if path.name == "gap.json":  # the chart shows the groups that it knows by name
            for group in content["groups"]:
                group["name"] = group["name"].replace(evil, "")
            content["groups"].append({"name": evil, "n": 1, "mean_nll": 1.0})
        path.write_text(json.dumps(content), encoding="utf-8")
    recipe = (run / "recipe.yaml").read_text(encoding="utf-8")
    name = json.dumps("Qwen/" + evil)
    (run / "recipe.yaml").write_text(recipe.replace("Qwen/Qwen2.5-0.5B-Instruct", name), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_text_stays_text_wherever_it_comes_from(full_run: Path, evil: str) -> None:
    poison_run(full_run, evil)
    content = write_report(full_run).read_text(encoding="utf-8")
    page = Page(content)
    assert page.tags <= TAGS
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in {"src", "style", "action"}]
    assert {value for _, name, value in page.attributes if name == "href" and value[0] != "#"} == ALLOWED_LINKS
    assert content.count("<style>") == content.count("</style>") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", content)


def test_hostile_text_is_shown_as_it_is(full_run: Path) -> None:
    evil = "<script>alert(1)</script>\"onmouseover='x' &amp; {{ 7*7 }}"
    poison_run(full_run, evil)
    shown = "".join(Page(write_report(full_run).read_text(encoding="utf-8")).text)
    assert f"There are 120 rolls left.{evil}" in shown
    assert f"Qwen/{evil}" in shown
    assert f"chat/math{evil}"[:9] in shown


def test_control_and_bidirectional_characters_are_made_visible(full_run: Path) -> None:
    poison_run(full_run, "a\x00b\x1b[2Jc\u202ed")
    shown = "".join(Page(write_report(full_run).read_text(encoding="utf-8")).text)
    assert "There are 120 rolls left.a␀b␛[2Jc⟨U+202E⟩d" in shown


def test_page_loads_nothing_and_says_so_in_its_policy(full_run: Path) -> None:
    content = write_report(full_run).read_text(encoding="utf-8")
    policy = (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
    )
    assert policy in content
    assert content.index(policy) < content.index("<style>")
    assert not re.search(r"@import|url\(|<link|<script|<iframe|<img|<object|<embed|<base|<form", content)
    links = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<a [^>]*>", content)]
    assert all(link["href"].startswith("#") or link["rel"] == "noopener" for link in links)


@pytest.mark.slow
@pytest.mark.parametrize("evil", HOSTILE)
def test_console_summary_sends_no_control_sequence_to_the_terminal(full_run: Path, evil: str) -> None:
    poison_run(full_run, evil + "\nsecond line")
    summary = console_summary(full_run)
    assert len(summary.splitlines()) <= 10
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", summary)
