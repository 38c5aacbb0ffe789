"""Rows with the columns and types of the hub's datasets, made up, and the questions that they are."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from raycal.questions.question import UNANSWERABLE

TEXT, TEXTS, WHOLE, TRUTH = pa.string(), pa.list_(pa.string()), pa.int64(), pa.bool_()
Schema = dict[str, pa.DataType]
# (question, choices, accepted answers, subject, metadata)
Expected = tuple[str, tuple[str, ...], tuple[str, ...], str, dict[str, Any]]


def _texts(*names: str) -> Schema:
    return dict.fromkeys(names, TEXT)


MORE_SCHEMAS: dict[str, Schema] = {
    "simpleqa": _texts("metadata", "problem", "answer"),
    "popqa": {"id": WHOLE, **_texts("subj", "prop", "obj"), "s_pop": WHOLE, **_texts("question", "possible_answers")},
    "mmlu_pro": {
        "question_id": WHOLE,
        "question": TEXT,
        "options": TEXTS,
        "answer": TEXT,
        "answer_index": WHOLE,
        **_texts("cot_content", "category", "src"),
    },
    "gpqa": _texts(
        "Pre-Revision Question",
        "Question",
        "Correct Answer",
        "Incorrect Answer 1",
        "Incorrect Answer 2",
        "Incorrect Answer 3",
        "Explanation",
        "Subdomain",
        "High-level domain",
        "Record ID",
    ),
    "math_500": {**_texts("problem", "solution", "answer", "subject"), "level": WHOLE, "unique_id": TEXT},
    "aime": {**_texts("ID", "Problem", "Solution"), "Answer": WHOLE},
    "hle": _texts("id", "question", "image", "answer", "answer_type", "rationale", "raw_subject", "category", "canary"),
    "medqa": {
        **_texts("question", "answer"),
        "options": pa.struct([(letter, TEXT) for letter in "ABCD"]),
        **_texts("meta_info", "answer_idx"),
        "metamap_phrases": TEXTS,
    },
    "medmcqa": {
        **_texts("id", "question", "opa", "opb", "opc", "opd"),
        "cop": WHOLE,
        **_texts("choice_type", "exp", "subject_name", "topic_name"),
    },
    "logiqa": {**_texts("context", "query"), "options": TEXTS, "correct_option": pa.int32()},
    "race": {**_texts("example_id", "article", "answer", "question"), "options": TEXTS},
    "hellaswag": {
        "ind": pa.int32(),
        **_texts("activity_label", "ctx_a", "ctx_b", "ctx"),
        "endings": TEXTS,
        **_texts("source_id", "split", "split_type", "label"),
    },
    "piqa": {**_texts("goal", "sol1", "sol2"), "label": WHOLE},
    "siqa": _texts("context", "question", "answerA", "answerB", "answerC", "label"),
    "squad_v2": {
        **_texts("id", "title", "context", "question"),
        "answers": pa.struct([("text", TEXTS), ("answer_start", pa.list_(pa.int32()))]),
    },
    "hotpot_qa": {
        **_texts("id", "question", "answer", "type", "level"),
        "supporting_facts": pa.struct([("title", TEXTS), ("sent_id", pa.list_(pa.int32()))]),
        "context": pa.struct([("title", TEXTS), ("sentences", pa.list_(TEXTS))]),
    },
    "musique": {
        "id": TEXT,
        "paragraphs": pa.list_(
            pa.struct([("idx", WHOLE), ("title", TEXT), ("paragraph_text", TEXT), ("is_supporting", TRUTH)])
        ),
        **_texts("question", "answer"),
        "answer_aliases": TEXTS,
        "answerable": TRUTH,
    },
    "strategy_qa": {**_texts("qid", "term", "description", "question"), "answer": TRUTH, "facts": TEXT},
    "bbh": _texts("input", "target"),
    "selfaware": {"question_id": WHOLE, "question": TEXT, "answer": TEXTS, "answerable": TRUTH, "source": TEXT},
}

_SOAP = "Rub it on the stain."
_SAND = "Throw it at the wall."
MORE_ROWS: dict[str, tuple[dict[str, Any], Expected]] = {
    "simpleqa": (
        {"metadata": "{'topic': 'Art', 'urls': ['a', 'b']}", "problem": "Who drew the hare?", "answer": "Dürer"},
        ("Who drew the hare?", (), ("Dürer",), "Art", {}),
    ),
    "popqa": (
        {
            "id": 42,
            "subj": "Ada",
            "prop": "occupation",
            "obj": "mathematician",
            "s_pop": 120,
            "question": "What is Ada's occupation?",
            "possible_answers": '["mathematician", "programmer"]',
        },
        (
            "What is Ada's occupation?",
            (),
            ("mathematician", "programmer"),
            "occupation",
            {"id": "42", "popularity": 120},
        ),
    ),
    "mmlu_pro": (
        {
            "question_id": 7,
            "question": "Which prime is even?",
            "options": ["1", "2", "3", "4", "5"],
            "answer": "B",
            "answer_index": 1,
            "cot_content": "",
            "category": "math",
            "src": "made up",
        },
        ("Which prime is even?", ("1", "2", "3", "4", "5"), ("2",), "math", {"id": "7"}),
    ),
    "gpqa": (
        {
            "Question": "What falls up?\n",
            "Correct Answer": "smoke",
            "Incorrect Answer 1": "lead",
            "Incorrect Answer 2": "rain",
            "Incorrect Answer 3": "snow",
            "High-level domain": "Physics",
            "Record ID": "rec1",
        },
        ("What falls up?", ("rain", "lead", "snow", "smoke"), ("smoke",), "Physics", {"id": "rec1"}),
    ),
    "math_500": (
        {
            "problem": "Halve $1$.",
            "solution": r"$\boxed{\frac{1}{2}}$",
            "answer": r"\frac{1}{2}",
            "subject": "Algebra",
            "level": 2,
            "unique_id": "test/algebra/1.json",
        },
        ("Halve $1$.", (), (r"\frac{1}{2}",), "Algebra", {"id": "test/algebra/1.json", "level": "2"}),
    ),
    "aime": (
        {"ID": "2024-I-1", "Problem": "Find $m+n$.", "Solution": "It is 33.", "Answer": 33},
        ("Find $m+n$.", (), ("33",), "", {"id": "2024-I-1"}),
    ),
    "hle": (
        {
            "id": "h1",
            "question": "How many legs has a millipede of that kind?",
            "image": "",
            "answer": "1,306",
            "answer_type": "exactMatch",
            "category": "Biology",
        },
        ("How many legs has a millipede of that kind?", (), ("1,306",), "Biology", {"id": "h1"}),
    ),
    "medqa": (
        {
            "question": "Which vitamin cures scurvy?",
            "answer": "Vitamin C",
            "options": {"A": "Vitamin A", "B": "Vitamin B", "C": "Vitamin C", "D": "Vitamin D"},
            "meta_info": "step1",
            "answer_idx": "C",
            "metamap_phrases": ["scurvy"],
        },
        (
            "Which vitamin cures scurvy?",
            ("Vitamin A", "Vitamin B", "Vitamin C", "Vitamin D"),
            ("Vitamin C",),
            "step1",
            {},
        ),
    ),
    "medmcqa": (
        {
            "id": "m1",
            "question": "The longest bone is the",
            "opa": "femur",
            "opb": "tibia",
            "opc": "rib",
            "opd": "ulna",
            "cop": 0,
            "choice_type": "single",
            "subject_name": "Anatomy",
        },
        ("The longest bone is the", ("femur", "tibia", "rib", "ulna"), ("femur",), "Anatomy", {"id": "m1"}),
    ),
    "logiqa": (
        {
            "context": "All cats purr. Tom is a cat.",
            "query": "What follows?",
            "options": ["Tom barks", "Tom flies", "Tom purrs", "Nothing"],
            "correct_option": 2,
        },
        (
            "All cats purr. Tom is a cat.\n\nWhat follows?",
            ("Tom barks", "Tom flies", "Tom purrs", "Nothing"),
            ("Tom purrs",),
            "",
            {},
        ),
    ),
    "race": (
        {
            "example_id": "high1.txt",
            "article": "Ann sold her boat.",
            "answer": "D",
            "question": "Ann sold her _ .",
            "options": ["car", "house", "cat", "boat"],
        },
        ("Ann sold her boat.\n\nAnn sold her _ .", ("car", "house", "cat", "boat"), ("boat",), "", {"id": "high1.txt"}),
    ),
    "hellaswag": (
        {
            "ind": 1,
            "activity_label": "Baking",
            "ctx_a": "A man kneads dough.",
            "ctx_b": "he",
            "ctx": "[header] How to bake [title] Knead. he",
            "endings": ["swims.", "rests it. [substeps] Wait.", "sings.", "leaves."],
            "source_id": "wikihow~1",
            "split": "val",
            "split_type": "indomain",
            "label": "1",
        },
        (
            "What happens next? Baking: How to bake. Knead. he",
            ("swims.", "rests it. Wait.", "sings.", "leaves."),
            ("rests it. Wait.",),
            "",
            {"id": "wikihow~1"},
        ),
    ),
    "piqa": (
        {"goal": "Use soap.", "sol1": _SOAP, "sol2": _SAND, "label": 0},
        ("How is this done best? Use soap.", (_SOAP, _SAND), (_SOAP,), "", {}),
    ),
    "siqa": (
        {
            "context": "Ann gave Bo her seat.",
            "question": "How does Bo feel?",
            "answerA": "angry",
            "answerB": "grateful",
            "answerC": "tall",
            "label": "2",
        },
        ("Ann gave Bo her seat. How does Bo feel?", ("angry", "grateful", "tall"), ("grateful",), "", {}),
    ),
    "squad_v2": (
        {
            "id": "s1",
            "title": "Emma",
            "context": "Emma was written by Jane Austen.",
            "question": "Who wrote Emma?",
            "answers": {"text": ["Jane Austen", "Austen", "Austen"], "answer_start": [20, 25, 25]},
        },
        (
            "Emma was written by Jane Austen.\n\nWho wrote Emma?",
            (),
            ("Jane Austen", "Austen"),
            "Emma",
            {"id": "s1"},
        ),
    ),
    "hotpot_qa": (
        {
            "id": "5a8b",
            "question": "Were Ann and Bo of one country?",
            "answer": "yes",
            "type": "comparison",
            "level": "hard",
            "supporting_facts": {"title": ["Ann"], "sent_id": [0]},
            "context": {"title": ["Ann", "Bo"], "sentences": [["Ann is Danish."], ["Bo is Danish."]]},
        },
        ("Were Ann and Bo of one country?", (), ("yes",), "comparison", {"id": "5a8b"}),
    ),
    "musique": (
        {
            "id": "2hop__1_2",
            "paragraphs": [
                {"idx": 0, "title": "Emma", "paragraph_text": "Jane wrote Emma.", "is_supporting": True},
                {"idx": 1, "title": "Jane", "paragraph_text": "Jane was English.", "is_supporting": True},
            ],
            "question": "Where was the author of Emma from?",
            "answer": "England",
            "answer_aliases": ["the UK"],
            "answerable": True,
        },
        (
            "Emma\nJane wrote Emma.\n\nJane\nJane was English.\n\nWhere was the author of Emma from?",
            (),
            ("England", "the UK"),
            "",
            {"id": "2hop__1_2"},
        ),
    ),
    "strategy_qa": (
        {
            "qid": "q9",
            "term": "Snow",
            "description": "frozen water",
            "question": "Does snow burn?",
            "answer": False,
            "facts": "It is water.",
        },
        ("Does snow burn?", ("yes", "no"), ("no",), "", {"id": "q9"}),
    ),
    "bbh": (
        {"input": "Ann is older than Bo. Who is older?\nOptions:\n(A) Ann\n(B) Bo", "target": "(A)"},
        ("Ann is older than Bo. Who is older?", ("Ann", "Bo"), ("Ann",), "", {}),
    ),
    "selfaware": (
        {
            "question_id": 3,
            "question": "What is the meaning of life?",
            "answer": None,
            "answerable": False,
            "source": "quora",
        },
        ("What is the meaning of life?", (), UNANSWERABLE, "quora", {"id": "3"}),
    ),
}
