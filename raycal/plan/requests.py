"""The lines of what engines are asked: answers, samples, queries, judges, hidden states."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from raycal.experiment.pending import CompletedKeys, WorkItem, pending_work
from raycal.experiment.run import Run
from raycal.experiment.selection import dedupe
from raycal.grading import VERDICT_TOKENS
from raycal.grading.grader import AnsweredQuestion, ModelGrader
from raycal.methods.base import Method, in_dependency_order
from raycal.methods.evidence import Equivalence, Evidence, SampledAnswer
from raycal.models.prompts import Conversation, FollowUp
from raycal.plan.context import Basis, Prompt, Row, Tally
from raycal.plan.lines import PlanLine, measured
from raycal.stages.answers import conversation
from raycal.stages.features import FeatureReader, feature_readers, has_states, wanted_states
from raycal.stages.grade import grades_folder, grades_of
from raycal.stages.judges import EQUIVALENCE, verdicts_of, verdicts_partition
from raycal.stages.score import pairs_to_judge
from raycal.store.schemas import Table

FEATURES = "features"  # what the line of hidden states is called


@dataclass(frozen=True)
class Left:
    """What elicitation has left to ask: by kind (answers, samples, or a query), and which questions lack samples."""

    by_kind: Mapping[str, Tally]
    unsampled: frozenset[str]

    @classmethod
    def of(cls, basis: Basis) -> Left:
        """Subtract what the store has, as the stage itself does."""
        run, unsampled = basis.run, set()
        by_kind: dict[str, Tally] = defaultdict(Tally)
        done = CompletedKeys.read(run.store, run.recipe, retry_errors=basis.retry_errors)
        for block in dedupe(run.asked_blocks()):
            for row in pending_work(block, run.recipe, done).to_pylist():
                work = WorkItem(**row)
                missing = run.recipe.config.samples.k - work.first_sample
                if missing:
                    unsampled.add(work.question_id)
                    by_kind[Table.SAMPLES].add(work.question_id, row, missing)
                for kind in [Table.ANSWERS] * work.needs_answer + work.queries:
                    by_kind[kind].add(work.question_id, row)
        return cls(by_kind, frozenset(unsampled))


def elicit_lines(basis: Basis, left: Left) -> list[PlanLine]:
    """Answers, samples, and each kind of query that the methods need."""
    recipe, config = basis.run.recipe, basis.run.experiment.elicit
    splits = basis.run.asked["split"].to_pylist()
    sampled = sum(split in config.sampled for split in splits)

    def line(kind: str, table: Table, prompt: Prompt, *, questions: int, each: int, most: int) -> PlanLine:
        counted = left.by_kind[kind]
        # The answer's place in a query is left empty, so that its length can be that of the store's answers.
        answer = basis.answer_tokens if table is Table.QUERIES else 0
        return basis.line(
            kind,
            counted,
            questions=questions,
            rows=questions * each,
            prompt_tokens=basis.tokens(recipe, counted, prompt) + answer,
            most_generated=most,
            found=basis.measured(table, kind if table is Table.QUERIES else None),
        )

    def ask(row: Row) -> Conversation:
        return recipe.asked(row["dataset"], row["subject"], row["question"], row["choices"])

    k, most = config.samples.k, config.max_tokens
    lines = [line(Table.ANSWERS, Table.ANSWERS, ask, questions=len(splits), each=1, most=most)]
    if k:
        lines.append(line(Table.SAMPLES, Table.SAMPLES, ask, questions=sampled, each=k, most=most))
    for prompt in recipe.prompts:
        put = partial(_put, prompt, ask)
        lines.append(line(prompt.name, Table.QUERIES, put, questions=sampled, each=1, most=prompt.max_tokens))
    return lines


def _put(prompt: FollowUp, ask: Prompt, row: Row) -> Conversation:
    return prompt.put(ask(row), "")


def judge_lines(basis: Basis) -> list[PlanLine]:
    """The graders that ask a model."""
    graders = [grader for grader in basis.run.experiment.grade.graders if isinstance(grader, ModelGrader)]
    return [_judge_line(basis, grader) for grader in graders]


def _judge_line(basis: Basis, grader: ModelGrader) -> PlanLine:
    run = basis.run
    known, left, questions = grades_of(run, grader), Tally(), 0
    for row in basis.answered():
        questions += 1
        if row["answer_key"] not in known:
            left.add(row["key"], row)

    def prompt(row: Row) -> Conversation:
        return grader.conversation(AnsweredQuestion(row["question"], tuple(row["choices"]), tuple(row["answers"]), ""))

    return basis.line(
        grader.label,
        left,
        questions=questions,
        rows=questions,
        prompt_tokens=basis.tokens(run.recipe_for(grader.model), left, prompt) + basis.answer_tokens,
        most_generated=VERDICT_TOKENS,
        found=measured(run.store, Table.GRADES, grades_folder(run, grader).name),
        model=grader.model,
        engine=grader.engine,
    )


def equivalence_lines(basis: Basis, left: Left) -> list[PlanLine]:
    """The judge of which answers mean the same, where a method asks it.

    How many different answers there will be is not known: of questions without all their samples, the most pairs count.
    """
    run = basis.run
    methods = [
        method
        for method in in_dependency_order(run.experiment.methods)
        if method.needs().equivalence is Equivalence.JUDGE
    ]
    if not methods:
        return []
    known, tally, questions = verdicts_of(run), Tally(), 0
    most = _most_pairs([method.resolved(run.experiment.elicit.samples.k) for method in methods], run)
    lacking = {(question, pair) for method in methods for question, _, pair in pairs_to_judge(run, method)}
    pairs_of = Counter(question for question, _ in lacking)
    there = 0
    for row in basis.answered():
        if row["split"] not in run.experiment.elicit.sampled:
            continue
        questions += 1
        there += len(known.get(row["key"], ()))
        pairs = most if row["key"] in left.unsampled else pairs_of[row["key"]]
        if pairs:
            tally.add(row["key"], row, pairs)
    judge = run.experiment.equivalence_judge
    each = basis.tokens(run.recipe_for(judge.model), tally, lambda row: judge.conversation(row["question"], "", ""))
    line = basis.line(
        EQUIVALENCE,
        tally,
        questions=questions,
        rows=there + tally.rows,
        prompt_tokens=0,
        most_generated=VERDICT_TOKENS,
        found=measured(run.store, Table.VERDICTS, verdicts_partition(run)),
        model=judge.model,
        engine=judge.engine,
    )
    # Each pair is a request of its own, with two answers in it.
    prompt_tokens = round(tally.rows * (each + 2 * basis.answer_tokens))
    return [replace(line, requests=tally.rows, prompt_tokens=prompt_tokens)]


def features_lines(basis: Basis) -> list[PlanLine]:
    """The hidden states that methods read: one pass an answer and way of asking, whatever the layers."""
    return [_features_line(basis, reader) for reader in feature_readers(basis.run, wanted_states(basis.run))]


def _features_line(basis: Basis, reader: FeatureReader) -> PlanLine:
    has, left, questions = has_states(basis.run, reader), Tally(), 0
    for row in basis.answered():
        questions += 1
        if not has(row["answer_key"]):
            left.add(row["key"], row)
    tokens = basis.tokens(reader.recipe, left, lambda row: conversation(reader.recipe, row, few_shot=reader.few_shot))
    return basis.line(
        FEATURES,
        left,
        questions=questions,
        rows=questions,
        prompt_tokens=tokens + basis.answer_tokens,
        most_generated=0,
        found=replace(measured(basis.run.store, Table.FEATURES, reader.partition), generated=0),
        model=reader.config,
    )


def _most_pairs(methods: Sequence[Method], run: Run) -> int:
    """How many pairs of answers to a question some methods may want judged: where all samples differ."""
    samples = tuple(SampledAnswer(index, f"sample {index}", None) for index in range(run.experiment.elicit.samples.k))
    row = Evidence(question_id="", question="", answer="the answer", samples=samples)
    return len({pair for method in methods for pair in method.compared_pairs(row)})
