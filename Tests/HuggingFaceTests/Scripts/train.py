"""A tiny GPT-2 on the bytes of a text, as scripts on transformers.Trainer are usually written.

--fault plants what goes wrong in real ones: stale_lr, stale_batch and double_step use something else than
the flags say; nan breaks the model at the fourth step; memory fails above four rows at a time.
"""

from dataclasses import dataclass, field
from typing import Optional

import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    HfArgumentParser,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

LENGTH = 16


@dataclass
class Own:
    text: str = field(default="/usr/share/common-licenses/GPL-3")
    rows: int = field(default=2000)
    model_name_or_path: Optional[str] = field(default=None)
    remark: str = field(default="")
    fault: str = field(default="")


class Rows(torch.utils.data.Dataset):
    def __init__(self, bytes):
        self.rows = bytes[: len(bytes) // LENGTH * LENGTH].view(-1, LENGTH).long()

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return {"input_ids": self.rows[i], "labels": self.rows[i]}


class Fault(TrainerCallback):
    def __init__(self, kind):
        self.kind = kind

    def on_train_begin(self, args, state, control, optimizer, lr_scheduler, **_):
        if self.kind == "stale_lr":
            lr_scheduler.base_lrs = [0.5 for _ in lr_scheduler.base_lrs]
            for group in optimizer.param_groups:
                group["lr"] = 0.5

    def on_step_begin(self, args, state, control, model, **_):
        if self.kind == "nan" and state.global_step == 3:
            model.transformer.wte.weight.data.fill_(float("nan"))

    def on_step_end(self, args, state, control, lr_scheduler, **_):
        if self.kind == "double_step":
            lr_scheduler.step()


own, args = HfArgumentParser((Own, TrainingArguments)).parse_args_into_dataclasses()
if own.fault == "memory" and args.per_device_train_batch_size > 4:
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
print("remark:", repr(own.remark))
set_seed(args.seed)
with open(own.text, "rb") as file:
    data = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
if own.model_name_or_path:
    model = GPT2LMHeadModel.from_pretrained(own.model_name_or_path)
else:
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=256, n_positions=LENGTH, n_embd=16, n_layer=1, n_head=2, resid_pdrop=0, embd_pdrop=0,
            attn_pdrop=0, bos_token_id=0, eos_token_id=0,
        )
    )
trainer = Trainer(
    model=model, args=args, train_dataset=Rows(data[: own.rows * LENGTH]),
    eval_dataset=Rows(data[-32 * LENGTH :]), callbacks=[],
)
trainer.add_callback(Fault(own.fault))
if own.fault == "stale_batch":
    trainer._train_batch_size = 3
trainer.train(resume_from_checkpoint=args.resume_from_checkpoint)
print(trainer.evaluate())
