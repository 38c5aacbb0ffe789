"""Is an answer correct? A match grader, a judge's verdicts, and how far graders agree."""

from raycal.grading.judge_reply import VERDICT_TOKENS, parse_verdict
from raycal.grading.match import MATCH_VERSION, Grade, Reason, match

__all__ = ["MATCH_VERSION", "VERDICT_TOKENS", "Grade", "Reason", "match", "parse_verdict"]
