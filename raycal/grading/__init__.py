"""Graders of answers: rules, judges, people; and how far they agree."""

from raycal.grading.grader import Grade
from raycal.grading.judge_reply import VERDICT_TOKENS, parse_verdict
from raycal.grading.match import MATCH_VERSION, Reason, match

__all__ = ["MATCH_VERSION", "VERDICT_TOKENS", "Grade", "Reason", "match", "parse_verdict"]
