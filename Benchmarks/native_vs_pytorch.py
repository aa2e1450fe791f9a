"""The same transformer as plugins/native in PyTorch eager mode: tokens a second of whole training steps
(forward, backward, clipping, AdamW), to set beside `native bench`. One and two threads.

    python3 -m venv v && v/bin/pip install torch && v/bin/python Benchmarks/native_vs_pytorch.py
"""

import resource
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    sys.exit(f"PyTorch cannot be imported ({error}): install it to compare")


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).split(width, dim=2)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Model(nn.Module):
    def __init__(self, layers, width, heads, context):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(256, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight
        return self.norm(self.blocks(x)) @ self.tokens.weight.T


def measure(layers, width, heads, context, batch, threads, seconds=4):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    text = torch.randint(32, 127, (200_000,))
    model = Model(layers, width, heads, context)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0)

    def step():
        starts = torch.randint(0, len(text) - context - 1, (batch,)).tolist()
        x = torch.stack([text[s : s + context] for s in starts])
        y = torch.stack([text[s + 1 : s + context + 1] for s in starts])
        loss = F.cross_entropy(model(x).view(-1, 256), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    def processor():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    for _ in range(3):
        step()
    wall, cpu, steps = time.monotonic(), processor(), 0
    while time.monotonic() - wall < seconds:
        step()
        steps += 1
    wall, cpu = time.monotonic() - wall, processor() - cpu
    tokens = steps * batch * context
    print(
        f"pytorch {torch.__version__}: {layers} layers, width {width}, context {context}, batch {batch}, "
        f"{threads} threads: {tokens / wall:.0f} tokens/s, {tokens / cpu:.0f} tokens per second of processor time",
        flush=True,
    )


for layers, width, heads, context, batch in [(2, 64, 4, 64, 16), (4, 256, 8, 128, 8)]:
    for threads in (1, 2):
        measure(layers, width, heads, context, batch, threads)
