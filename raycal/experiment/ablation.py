"""The ablation of the training set's size: every method that learns, once for each number of training questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from raycal.errors import RaycalError
from raycal.experiment.config import Experiment
from raycal.experiment.run import Run
from raycal.methods.base import Method
from raycal.questions.question import Split


class AblationError(RaycalError, ValueError):
    """There is no such ablation of this experiment; the message says what to change."""


def parse_sizes(text: str) -> list[int]:
    """Sizes as the command line has them, "100,200". Raises AblationError."""
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise AblationError(f"--sizes {text}: write whole numbers with commas between them, as in 100,200") from None


def open_ablation(experiment: Experiment, sizes: Sequence[int]) -> Run:
    """The run of the ablated experiment.

    Raises as `ablated` and `Run.open` do, and AblationError where there are fewer training questions than a size.
    """
    run = Run.open(ablated(experiment, sizes))
    asked = run.asked["split"].to_pylist().count(Split.TRAIN)
    if max(sizes) > asked:
        raise AblationError(
            f"an ablation with {max(sizes)} training questions needs as many in the train split, which has {asked}: "
            "name smaller --sizes, or add questions"
        )
    return run


def ablated(experiment: Experiment, sizes: Sequence[int]) -> Experiment:
    """The experiment with each method that learns from the train split replaced by one a size, smallest first.

    Methods that differ only in training_questions are replaced together. Raises AblationError.
    """
    _check(sizes)
    methods: list[Method] = []
    replaced = set()
    for method in experiment.methods:
        if not _learns(method):
            methods.append(method)
        elif _unsized(method) not in replaced:
            methods += [_of_size(method, size) for size in sorted(sizes)]
            replaced.add(_unsized(method))
    if not replaced:
        raise AblationError(
            f"no method of {experiment.name} learns from the train split: add a classifier or a fine_tuned one"
        )
    changes = {"name": f"{experiment.name}-ablation", "methods": tuple(methods)}
    return Experiment.model_validate(dict(experiment) | changes)  # a copy would not be checked


def by_size(methods: Iterable[Method]) -> list[Mapping[int, Method]]:
    """The methods that differ only in training_questions, by it and smallest first; none without another size."""
    families: dict[str, dict[int, Method]] = {}
    for method in methods:
        size = _size(method)
        if _learns(method) and size is not None:
            families.setdefault(_unsized(method), {})[size] = method
    return [dict(sorted(family.items())) for family in families.values() if len(family) > 1]


def unsized_label(method: Method) -> str:
    """What a method is called whatever its number of training questions."""
    unsized = method.model_copy(update={str(method.size_option): None})
    return unsized.label.removesuffix(_suffix(_size(method)))


def _check(sizes: Sequence[int]) -> None:
    for size in sizes:
        if size < 1:
            raise AblationError(f"a size is a number of training questions, 1 or more, and not {size}")
        if sizes.count(size) > 1:
            raise AblationError(f"the size {size} is there more than once: name each size once")


def _learns(method: Method) -> bool:
    """Whether the method is fitted or tuned anew, on as many training questions as an option of it says."""
    needs = method.needs()
    is_fitted = needs.fit is not None and needs.fit.on is Split.TRAIN
    return method.size_option is not None and (is_fitted or (needs.tuned is not None and needs.tuned.adapter is None))


def _size(method: Method) -> int | None:
    return getattr(method, method.size_option) if method.size_option else None


def _of_size(method: Method, size: int) -> Method:
    return method.model_copy(update={str(method.size_option): size, "name": unsized_label(method) + _suffix(size)})


def _suffix(size: int | None) -> str:
    return f", {size} questions"


def _unsized(method: Method) -> str:
    return method.model_dump_json(exclude={str(method.size_option)})
