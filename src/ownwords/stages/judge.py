"""Asking a judge about rewrites, for the check `judge`: after every wave, about each answer that the wave has.

Judgements lie in the journal under a stage of their own, so that nothing is asked twice. The judge may be another model
on another engine (`rewrite.judge`); it is asked about answers that fail other checks too: only then can its agreement
with them be told. A judge that gives no answer leaves the row without a verdict, which counts as a failed one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from ownwords.checks.judge import SCHEMA
from ownwords.errors import StageError
from ownwords.journal import Entry, Key
from ownwords.progress import Progress
from ownwords.records import Completion, Request, Sampling, Weights, canonical, digest_text
from ownwords.stages.context import Context
from ownwords.stages.giving_up import stop_if_hopeless, stop_if_too_many
from ownwords.stages.judging import Asked, Trials, attempt_of, candidate_text
from ownwords.turns import turn_of

STAGE = "judge"
_SCHEMA = canonical(SCHEMA)
