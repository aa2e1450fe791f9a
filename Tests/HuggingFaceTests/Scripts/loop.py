"""A tiny network on the bytes of a text with a training loop of its own, as scripts on accelerate are written: the
flags of the no_trainer examples, and no word about iterhpo; with --counts, the one line of README.md.

--fault plants what goes wrong in real ones: stale_lr, stale_batch and double_step use something else than the flags
say; late_lr loads an old optimiser behind the back of accelerate; nan breaks the model at the fourth step; skip
leaves out every third optimiser step; memory fails above four rows at a time.
"""

import argparse
import os

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

LENGTH = 16

parser = argparse.ArgumentParser()
parser.add_argument("--text", default="/usr/share/common-licenses/GPL-3")
parser.add_argument("--rows", type=int, default=2000)
parser.add_argument("--output_dir", required=True)
parser.add_argument("--learning_rate", type=float, default=1e-3)
parser.add_argument("--per_device_train_batch_size", type=int, default=8)
parser.add_argument("--gradient_accumulation_steps", type=int, default=1)
parser.add_argument("--max_train_steps", type=int, required=True)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--schedule", choices=["none", "constant", "linear", "unprepared"], default="linear")
parser.add_argument("--evaluate_every", type=int, default=4)
parser.add_argument("--dropout", type=float, default=0.1)
parser.add_argument("--counts", action="store_true")
parser.add_argument("--fault", default="")
own = parser.parse_args()
if own.fault == "memory" and own.per_device_train_batch_size > 4:
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

accelerator = Accelerator(cpu=True, gradient_accumulation_steps=own.gradient_accumulation_steps)
set_seed(own.seed)
with open(own.text, "rb") as file:
    data = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
rows = data[: len(data) // LENGTH * LENGTH].view(-1, LENGTH).long()
batch = 3 if own.fault == "stale_batch" else own.per_device_train_batch_size
training = torch.utils.data.DataLoader(rows[: own.rows], batch_size=batch, shuffle=True)
held_out = torch.utils.data.DataLoader(rows[-32:], batch_size=16)
model = torch.nn.Sequential(
    torch.nn.Embedding(256, 16), torch.nn.Dropout(own.dropout), torch.nn.Linear(16, 32), torch.nn.ReLU(),
    torch.nn.Linear(32, 256))
optimizer = torch.optim.AdamW(model.parameters(), lr=own.learning_rate, weight_decay=0.1)
shares = {"constant": lambda step: 1.0, "linear": lambda step: max(0.0, 1 - step / own.max_train_steps)}
schedule = None
if own.schedule != "none":
    share = shares.get(own.schedule, shares["linear"])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
model, optimizer, training, held_out = accelerator.prepare(model, optimizer, training, held_out)
if own.schedule not in ("none", "unprepared"):
    schedule = accelerator.prepare(schedule)


def loss_of(batch):
    logits = model(batch[:, :-1])
    return torch.nn.functional.cross_entropy(logits.reshape(-1, 256), batch[:, 1:].reshape(-1))


def evaluate():
    model.eval()
    with torch.no_grad():
        losses = accelerator.gather(torch.stack([loss_of(batch) for batch in held_out]))
    model.train()
    return losses.mean().item()


if own.fault == "late_lr":
    optimizer.optimizer.load_state_dict(
        {**optimizer.state_dict(), "param_groups": [
            {**group, "lr": 1e-4, "initial_lr": 1e-4} for group in optimizer.state_dict()["param_groups"]]})
    schedule.scheduler.base_lrs = [1e-4]
done = int(os.environ.get("ITERHPO_FIRST_STEP", 0)) if own.counts else 0
tried = 0
model.train()
while done < own.max_train_steps:
    for batch in training:
        with accelerator.accumulate(model):
            if own.fault == "nan" and done == 3:
                accelerator.unwrap_model(model)[0].weight.data.fill_(float("nan"))
            loss = loss_of(batch)
            accelerator.backward(loss)
            tried += accelerator.sync_gradients
            if own.fault == "stale_lr":
                for group in optimizer.param_groups:
                    group["lr"] = 1e-4
            if not (own.fault == "skip" and accelerator.sync_gradients and tried % 3 == 0):
                optimizer.step()
                if schedule is not None:
                    schedule.step()
                    if own.fault == "double_step":
                        schedule.step()
                done += accelerator.sync_gradients
            optimizer.zero_grad()
        if accelerator.sync_gradients and done % own.evaluate_every == 0:
            accelerator.log({"eval_loss": evaluate(), "epoch": tried // len(training)}, step=done)
        if done >= own.max_train_steps:
            break
accelerator.end_training()
print("done", done)
