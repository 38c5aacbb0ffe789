"""Is an answer correct? A match grader, a judge's verdicts, and how far graders agree."""

from raycal.grade.match import MATCH_VERSION, Grade, Reason, match
from raycal.grade.verdict import VERDICT_TOKENS, parse_verdict

__all__ = ["MATCH_VERSION", "VERDICT_TOKENS", "Grade", "Reason", "match", "parse_verdict"]
