"""Questions: the schema and the loaders."""

from raycal.questions.question import Kind, Question, QuestionError, Split, split_of
from raycal.questions.rows import BadRow, QuestionSourceError
from raycal.questions.sources.load import fingerprint, load

__all__ = [
    "BadRow",
    "Kind",
    "Question",
    "QuestionError",
    "QuestionSourceError",
    "Split",
    "fingerprint",
    "load",
    "split_of",
]
