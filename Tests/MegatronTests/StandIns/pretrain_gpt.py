"""Stands in for Megatron-LM's pretrain_gpt.py, which needs GPUs: it trains nothing, but reads the flags,
checkpoints and signals that Megatron reads, holds learning rates as Megatron does (those of a loaded optimiser
state win), and prints lines in Megatron's formats."""
import argparse
import json
import os
import signal
import sys
import time

import torch

FAULT = os.environ.get("STAND_IN_FAULT", "")


def flags():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("num-layers", "hidden-size", "num-attention-heads", "seq-length", "max-position-embeddings",
                 "tensor-model-parallel-size", "pipeline-model-parallel-size", "context-parallel-size",
                 "micro-batch-size", "global-batch-size", "train-samples", "exit-interval", "seed",
                 "log-interval", "eval-interval", "eval-iters", "save-interval", "ckpt-step", "vocab-size",
                 "lr-warmup-samples", "lr-decay-samples", "lr-wsd-decay-samples"):
        parser.add_argument("--" + name, type=int)
    for name in ("lr", "min-lr", "weight-decay", "clip-grad"):
        parser.add_argument("--" + name, type=float)
    for name in ("load", "save", "ckpt-format", "lr-decay-style", "lr-wsd-decay-style", "rerun-mode",
                 "tokenizer-type", "split"):
        parser.add_argument("--" + name)
    for name in ("bf16", "mock-data", "log-throughput", "exit-signal-handler", "finetune", "no-load-optim",
                 "no-load-rng", "exit-on-missing-checkpoint", "override-opt_param-scheduler"):
        parser.add_argument("--" + name, action="store_true")
    return parser.parse_args()


class Run:
    def __init__(self, args):
        self.args, self.iteration, self.samples, self.num_steps, self.progress = args, 0, 0, 0, 0.0
        self.group = {"max_lr": args.lr, "min_lr": args.min_lr, "start_wd": args.weight_decay,
                      "end_wd": args.weight_decay}
        self.stopped = False
        signal.signal(signal.SIGTERM, self.stop)
        if args.load:
            self.load()

    def stop(self, *_):
        self.stopped = True

    def load(self):
        args = self.args
        tracker = os.path.join(args.load, "latest_checkpointed_iteration.txt")
        if not os.path.exists(tracker):
            print(f"WARNING: could not find the metadata file {tracker}", flush=True)
            sys.exit(0)
        number = args.ckpt_step or int(open(tracker).read())
        state = torch.load(os.path.join(args.load, f"iter_{number:07d}", "common.pt"), weights_only=False)
        self.progress = json.load(open(os.path.join(args.load, f"iter_{number:07d}", "__0_0.distcp")))
        if args.finetune:
            return
        self.iteration, self.samples = state["iteration"], state["args"]["consumed_train_samples"]
        if not args.no_load_optim:
            self.group = state["optimizer"]["optimizer"]["param_groups"][0]
            self.num_steps = state["opt_param_scheduler"]["num_steps"]

    def rate(self):
        args, high, low, now = self.args, self.group["max_lr"], self.group["min_lr"], self.num_steps
        if args.lr_warmup_samples and now <= args.lr_warmup_samples:
            return high * now / args.lr_warmup_samples
        if args.lr_decay_style == "constant":
            return high
        if args.lr_decay_style == "WSD":
            begin = args.lr_decay_samples - args.lr_wsd_decay_samples
            share = 1 if now <= begin else 1 - (now - begin) / args.lr_wsd_decay_samples
        else:
            share = 1 - (now - args.lr_warmup_samples) / (args.lr_decay_samples - args.lr_warmup_samples)
        return low + share * (high - low)

    def step(self):
        self.progress += 1000 * self.rate()
        self.iteration += 1
        self.samples += self.args.global_batch_size
        self.num_steps += self.args.global_batch_size
        if FAULT != "flood":
            time.sleep(0.001)

    def loss(self):
        return 2 + 8 / (1 + self.progress / 100)

    def say(self):
        args = self.args
        bad = FAULT.startswith("nan") and self.iteration >= int(FAULT[3:])
        loss = "" if bad else f" lm loss: {self.loss():.6E} |"
        norm = "nan" if bad else "1.234"
        print(f" [2026-08-22 15:22:22.123456] iteration {self.iteration:8d}/"
              f"{args.train_samples // args.global_batch_size:8d} | consumed samples: {self.samples:12d} |"
              f" elapsed time per iteration (ms): 1.5 | throughput per GPU (TFLOP/s/GPU): 183.4 |"
              f" learning rate: {self.rate():.6E} | global batch size: {args.global_batch_size:5d} |{loss}"
              f" loss scale: 1.0 | grad norm: {norm} | number of skipped iterations:   0 |"
              f" number of nan iterations:   0 |", flush=True)

    def evaluate(self):
        print("-" * 100)
        print(f" validation loss at iteration {self.iteration} | lm loss value: {self.loss() + 0.1:.6E} |"
              f" lm loss PPL: 1.0E+01 | ", flush=True)
        print("-" * 100)

    def save(self):
        folder = os.path.join(self.args.save, f"iter_{self.iteration:07d}")
        os.makedirs(folder)
        group = dict(self.group)
        torch.save({"iteration": self.iteration, "args": {"consumed_train_samples": self.samples},
                    "optimizer": {"optimizer": {"param_groups": [group]}},
                    "opt_param_scheduler": {**group, "num_steps": self.num_steps}},
                   os.path.join(folder, "common.pt"))
        json.dump(self.progress, open(os.path.join(folder, "__0_0.distcp"), "w"))
        open(os.path.join(folder, ".metadata"), "w").write("index")
        if FAULT == "half save":
            os.kill(os.getpid(), signal.SIGKILL)
        json.dump({"sharded_backend": "torch_dist"}, open(os.path.join(folder, "metadata.json"), "w"))
        with open(os.path.join(self.args.save, "latest_checkpointed_iteration.txt"), "w") as tracker:
            tracker.write(str(self.iteration))
        print(f"  successfully saved checkpoint from iteration {self.iteration:7d} to {self.args.save}"
              " [ t 1/1, p 1/1 ]", flush=True)

    def train(self):
        args, saved = self.args, None
        while self.iteration < args.train_samples // args.global_batch_size:
            self.step()
            if FAULT.startswith("oom") and args.micro_batch_size > int(FAULT[3:]):
                sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 22.78 GiB.")
            if FAULT == "hang" and self.iteration == 12:
                time.sleep(3600)
            if FAULT == "noise":
                os.write(1, bytes(range(256)) * 40 + b"x" * 2_000_000 + b"\n")
            if FAULT == "nccl" and self.iteration == 3:
                sys.exit("[rank0]:[E321 02:07:08.408271257 ProcessGroupNCCL.cpp:607] [Rank 0] Watchdog caught "
                         "collective operation timeout: WorkNCCL(SeqNum=1580, OpType=ALLREDUCE)")
            if self.iteration % args.log_interval == 0:
                self.say()
            if self.iteration % args.eval_interval == 0:
                self.evaluate()
            ends = self.iteration % args.exit_interval == 0 or self.stopped
            if self.iteration % args.save_interval == 0 or ends:
                self.save()
            if ends:
                return


if __name__ == "__main__":
    Run(flags()).train()
