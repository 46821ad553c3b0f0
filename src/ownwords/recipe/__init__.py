"""The recipe: one YAML file describes a whole run. Pure data, unknown keys refused.

Precedence: defaults < file < command line (`rewrite.sampling.temperature=0.7`). Names follow the Hugging Face stack.
It knows no check, benchmark or arm by name: the stages that use a name say when it does not exist.
"""

from ownwords.recipe.arm import (
    ArmSection,
    KlSection,
    MaskSection,
    Method,
    OnPolicySection,
    ReplaySection,
    SourceName,
    SweepSection,
)
from ownwords.recipe.asked import AskedSection
from ownwords.recipe.base import SamplingSection
from ownwords.recipe.data import DataSection, ModelSection, SourceSection
from ownwords.recipe.loading import build_recipe, dump_recipe, load_recipe
from ownwords.recipe.rewrite import CheckEntry, CheckSection, JudgeSection, OnlySection, PaperSampling, RewriteSection
from ownwords.recipe.runtime import OpenAISection, RuntimeSection, ScriptedSection, VllmSection
from ownwords.recipe.tune import LM_EVAL, BenchmarkSection, EvaluateSection, LoraSection, TuneSection
from ownwords.recipe.whole import Recipe

__all__ = [
    "LM_EVAL",
    "ArmSection",
    "AskedSection",
    "BenchmarkSection",
    "CheckEntry",
    "CheckSection",
    "DataSection",
    "EvaluateSection",
    "JudgeSection",
    "KlSection",
    "LoraSection",
    "MaskSection",
    "Method",
    "ModelSection",
    "OnPolicySection",
    "OnlySection",
    "OpenAISection",
    "PaperSampling",
    "Recipe",
    "ReplaySection",
    "RewriteSection",
    "RuntimeSection",
    "SamplingSection",
    "ScriptedSection",
    "SourceName",
    "SourceSection",
    "SweepSection",
    "TuneSection",
    "VllmSection",
    "build_recipe",
    "dump_recipe",
    "load_recipe",
]
