"""An experiment file as checked models: the one place for every default."""

from raycal.config.elicitation import ElicitConfig, GradeConfig, Grader, Samples
from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.config.experiment import EvaluateConfig, Experiment, Missing
from raycal.config.methods import (
    Equivalence,
    Likelihood,
    Linkage,
    Method,
    MethodConfig,
    Phrasing,
    Sampling,
    SemanticEntropy,
    Verbalized,
    Weighting,
    ZeroShot,
)
from raycal.config.questions import Columns, HubDataset, Mmlu, QuestionFile, QuestionSource, WorldFacts
from raycal.config.section import Section

__all__ = [
    "Columns",
    "Device",
    "ElicitConfig",
    "EngineConfig",
    "Equivalence",
    "EvaluateConfig",
    "Experiment",
    "GradeConfig",
    "Grader",
    "HubDataset",
    "Likelihood",
    "Linkage",
    "Method",
    "MethodConfig",
    "Missing",
    "Mmlu",
    "ModelConfig",
    "Phrasing",
    "PromptStyle",
    "QuestionFile",
    "QuestionSource",
    "Samples",
    "Sampling",
    "Section",
    "SemanticEntropy",
    "Verbalized",
    "Weighting",
    "WorldFacts",
    "ZeroShot",
]
