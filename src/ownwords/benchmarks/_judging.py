"""Questions to a judge, and what it says: texts that cannot close their own tags, and opinions read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ownwords.checks.opinions import Opinion, Schema, read_opinion
from ownwords.records import Completion
from ownwords.turns import turn_of


def tagged(texts: Mapping[str, str]) -> dict[str, str]:
    """Each text between the tags of its name. No text can open or close any of them: there `<` becomes `&lt;`."""
    tag = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(map(re.escape, texts))})\b)", re.IGNORECASE)
    return {name: f"<{name}>\n{tag.sub('&lt;', text)}\n</{name}>" for name, text in texts.items()}


def opinion_in(judgement: Completion, schema: Schema) -> Opinion | None:
    """What a judge says, as the schema has it; None if it gave no answer, or none that can be read."""
    if judgement.error is not None:
        return None
    opinion = read_opinion(turn_of(judgement).as_text(), schema)
    return None if isinstance(opinion, str) else opinion
