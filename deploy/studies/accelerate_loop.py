"""Trains a small transformer on the bytes of a text, in a loop of its own around accelerate: the script of
hf-accelerate.yaml. Any loop would do whose model, optimiser, data and schedule go through prepare()."""
import argparse
import os

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from transformers import GPT2Config, GPT2LMHeadModel, get_constant_schedule_with_warmup


def flags():
    parser = argparse.ArgumentParser()
    parser.add_argument("--train_file", required=True)
    parser.add_argument("--block_size", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--evaluate_every", type=int, default=50)
    parser.add_argument("--warmup_steps", type=int, default=20)
    parser.add_argument("--weight_decay", type=float, default=0.0)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--per_device_train_batch_size", type=int, default=16)
    parser.add_argument("--gradient_accumulation_steps", type=int, default=1)
    parser.add_argument("--max_train_steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output_dir")
    return parser.parse_args()


def evaluate(model, data, accelerator):
    model.eval()
    with torch.no_grad():
        losses = [model(input_ids=block, labels=block).loss for block in data]
    model.train()
    return accelerator.gather(torch.stack(losses)).mean().item()


def main():
    own = flags()
    accelerator = Accelerator(gradient_accumulation_steps=own.gradient_accumulation_steps)
    set_seed(own.seed)
    with open(own.train_file, "rb") as file:
        text = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    blocks = text[:len(text) // own.block_size * own.block_size].view(-1, own.block_size).long()
    held_out = min(256, max(1, len(blocks) // 10))
    size = own.per_device_train_batch_size
    training = torch.utils.data.DataLoader(blocks[held_out:], batch_size=size, shuffle=True)
    validation = torch.utils.data.DataLoader(blocks[:held_out], batch_size=32)
    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=256, n_positions=own.block_size, n_layer=own.layers, n_embd=own.width, n_head=own.width // 32,
        bos_token_id=0, eos_token_id=0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=own.learning_rate, weight_decay=own.weight_decay)
    schedule = get_constant_schedule_with_warmup(optimizer, own.warmup_steps)
    model, optimizer, training, validation, schedule = accelerator.prepare(
        model, optimizer, training, validation, schedule)
    # A resumed run goes on counting where it was.
    step = int(os.environ.get("ITERHPO_FIRST_STEP", 0))
    while step < own.max_train_steps:
        for block in training:
            with accelerator.accumulate(model):
                accelerator.backward(model(input_ids=block, labels=block).loss)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            if not accelerator.sync_gradients:
                continue
            step += 1
            if step % own.evaluate_every == 0 or step == own.max_train_steps:
                accelerator.log({"eval_loss": evaluate(model, validation, accelerator)}, step=step)
            if step >= own.max_train_steps:
                break
    accelerator.end_training()


if __name__ == "__main__":
    main()
