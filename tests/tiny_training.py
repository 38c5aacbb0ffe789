"""Small fine-tunings in a process of their own: python tiny_training.py FOLDER NAME[,KEY=VALUE ...] ...

All but the model lies where storage=PLACE says, in FOLDER without it. The model is a Llama of two layers with the
packaged model's tokeniser. One token's embedding is not a number: an example that holds it makes a step's loss not
finite.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from raycal.cluster.connection import connect
from raycal.cluster.resources import plan_workers
from raycal.config.engine import Device, ModelConfig, PromptStyle
from raycal.config.trainer import TrainerConfig
from raycal.finetuning.data import Examples, QueryExample, tokenize
from raycal.finetuning.interruptions import Interruptions
from raycal.finetuning.job import FinetuneJob
from raycal.finetuning.trainer import FinetuneError, train
from raycal.methods.fine_tuned import FineTuned
from raycal.models.find import Model, find_model
from raycal.models.prompts import CORRECTNESS_PROMPTS, Wording, answer_prompt
from raycal.store.locations import location
from raycal.store.store import Store

POISON = "qwertz"
METHOD = FineTuned(
    target_modules="all-linear", learning_rate=1e-3, dropout=0.1, epochs=2, evaluations=2, batch_size=16, patience=99
)


def tiny_model(folder: Path) -> Model:
    """A model in a folder, written the first time."""
    if not (folder / "config.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(find_model(ModelConfig()).location)
        torch.manual_seed(0)
        size = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
        model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), num_key_value_heads=2, **size))
        with torch.no_grad():
            model.model.embed_tokens.weight[tokenizer.encode(f" {POISON}")[0]] = torch.nan
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
    return find_model(ModelConfig(path=str(folder)))


def examples(model: Model, prefix: str, count: int, poisoned: int) -> Examples:
    """Sums, half of them wrong; the first `poisoned` cannot be learnt from."""
    tokenizer = AutoTokenizer.from_pretrained(model.location)
    rng = random.Random(prefix)

    def example(number: int) -> QueryExample:
        one, other, correct = rng.randrange(50), rng.randrange(50), rng.random() < 0.5
        question = f"What is {one} plus {other}?" + (f" {POISON}" if number < poisoned else "")
        answer = str(one + other + (0 if correct else rng.randrange(1, 9)))
        asked = answer_prompt(question, (), ())
        return tokenize(f"{prefix}{number:03}", asked, answer, correct, tokenizer=tokenizer, style=PromptStyle.AUTO)

    return Examples.of(example(number) for number in range(count))


def run(root: Path, name: str, settings: dict[str, str]) -> None:
    """Train, and print how it ended."""
    model = tiny_model(root / "model")
    place = location(settings.pop("storage", str(root)))
    poisoned = int(settings.pop("poisoned", 0))
    paths = {}
    for split, count in (("training", 64), ("calibration", 24)):
        paths[split] = place / f"{name}-{split}.parquet"
        examples(model, split, count, poisoned if split == "training" else 0).write(paths[split])
    tokenizer = AutoTokenizer.from_pretrained(model.location)
    choices = CORRECTNESS_PROMPTS[Wording.CHOICES]
    method = METHOD.model_copy(update={"dropout": float(settings.pop("dropout", METHOD.dropout))})
    trainer = TrainerConfig.model_validate({"dtype": "float32", "tokens_per_micro_batch": 500, **settings})
    job = FinetuneJob(
        adapter_id=name,
        method=method,
        trainer=trainer,
        device=Device.CPU,
        model=model,
        training=paths["training"],
        calibration=paths["calibration"],
        reference=place / f"{name}-reference",
        choice_tokens=(tokenizer.encode(choices.no)[-1], tokenizer.encode(choices.yes)[-1]),
        store=Store(place / "store"),
    )
    interruptions = Interruptions(job)
    try:
        print(name, "adapter in", train(job, plan_workers(trainer, connect()), [interruptions]))
        print(name, "interrupted by", interruptions.take())
    except FinetuneError as error:
        print(name, "failed:", error)


def main() -> None:
    """Train one after another."""
    root = Path(sys.argv[1])
    for job in sys.argv[2:]:
        name, *settings = job.split(",")
        run(root, name, dict(setting.split("=") for setting in settings))


if __name__ == "__main__":
    main()
