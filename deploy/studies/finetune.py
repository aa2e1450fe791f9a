"""Fine-tunes a causal language model on a text file with transformers.Trainer: the script of hf-finetuning.yaml.
Anything that takes TrainingArguments' flags would do."""
from dataclasses import dataclass, field

from transformers import (
    AutoModelForCausalLM, AutoTokenizer, HfArgumentParser, Trainer, TrainingArguments, default_data_collator)


@dataclass
class Choices:
    model_name_or_path: str = field(default="gpt2")
    train_file: str = field(default="corpus.txt")
    block_size: int = field(default=512)


def blocks(tokenizer, path, size):
    """The text in blocks of `size` tokens; the model shifts the labels itself."""
    tokens = tokenizer(open(path, encoding="utf-8").read())["input_ids"]
    pieces = [tokens[start:start + size] for start in range(0, len(tokens) - size + 1, size)]
    return [{"input_ids": piece, "attention_mask": [1] * size, "labels": piece} for piece in pieces]


def main():
    choices, arguments = HfArgumentParser((Choices, TrainingArguments)).parse_args_into_dataclasses()
    tokenizer = AutoTokenizer.from_pretrained(choices.model_name_or_path)
    data = blocks(tokenizer, choices.train_file, choices.block_size)
    held_out = max(1, len(data) // 10)
    trainer = Trainer(
        model=AutoModelForCausalLM.from_pretrained(choices.model_name_or_path), args=arguments,
        train_dataset=data[held_out:], eval_dataset=data[:held_out], data_collator=default_data_collator)
    trainer.train(resume_from_checkpoint=arguments.resume_from_checkpoint)


if __name__ == "__main__":
    main()
