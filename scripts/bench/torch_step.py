"""A training step of TRM in PyTorch, for `npm run bench -- step --torch PYTHON`.

Written from the description of the model (docs/architectures.md), not from the reference's source: same network, loss,
optimizers and average, with PyTorch's own scaled_dot_product_attention. Reads one JSON object as its only argument and
prints one as its last line.
"""

import json
import math
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-5


def norm(x):
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPSILON)).to(x.dtype)


def linear(x, weight):
    return F.linear(x, weight.to(x.dtype))


class Block(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Parameter(torch.randn(3 * width, width) / math.sqrt(width))
        self.out = nn.Parameter(torch.randn(width, width) / math.sqrt(width))
        self.gate_up = nn.Parameter(torch.randn(2 * inner, width) / math.sqrt(width))
        self.down = nn.Parameter(torch.randn(width, inner) / math.sqrt(inner))

    def attention(self, x, cos, sin):
        batch, length, width = x.shape
        qkv = linear(x, self.qkv).view(batch, length, 3 * self.heads, width // self.heads)
        q, k, v = (part.transpose(1, 2) for part in qkv.split(self.heads, dim=2))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return linear(mixed.transpose(1, 2).reshape(batch, length, width), self.out)

    def forward(self, x, cos, sin):
        x = norm(x + self.attention(x, cos, sin))
        gate, up = linear(x, self.gate_up).chunk(2, dim=-1)
        return norm(x + linear(F.silu(gate) * up, self.down))


def rotate(x, cos, sin):
    wide = x.to(cos.dtype)
    first, second = wide.chunk(2, dim=-1)
    return (wide * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


class Network(nn.Module):
    def __init__(self, c, dtype):
        super().__init__()
        width = c["hidden_size"]
        self.c, self.dtype = c, dtype
        self.tokens = nn.Parameter(torch.randn(c["vocab_size"], width) / math.sqrt(width))
        self.head = nn.Parameter(torch.randn(c["vocab_size"], width) / math.sqrt(width))
        self.q_weight = nn.Parameter(torch.zeros(2, width))
        self.q_bias = nn.Parameter(torch.full((2,), -5.0))
        self.blocks = nn.ModuleList(Block(width, c["num_heads"], c["inner"]) for _ in range(c["L_layers"]))
        total = c["prefix"] + c["seq_len"]
        size = width // c["num_heads"]
        frequency = 1.0 / (10000.0 ** (torch.arange(0, size, 2).float() / size))
        angles = torch.outer(torch.arange(total).float(), frequency).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())
        for name in ("H_init", "L_init"):
            self.register_buffer(name, torch.randn(width).to(dtype))

    def level(self, x):
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return x

    def cycle(self, z_h, z_l, x):
        injection = z_h + x
        for _ in range(self.c["L_cycles"]):
            z_l = self.level(z_l + injection)
        return self.level(z_h + z_l), z_l

    def forward(self, z_h, z_l, reset, inputs, rows):
        c, width = self.c, self.c["hidden_size"]
        z_h = torch.where(reset.view(-1, 1, 1), self.H_init, z_h)
        z_l = torch.where(reset.view(-1, 1, 1), self.L_init, z_l)
        prefix = F.pad(rows.to(self.dtype), (0, c["prefix"] * width - rows.shape[1])).view(-1, c["prefix"], width)
        x = math.sqrt(width) * torch.cat((prefix, F.embedding(inputs, self.tokens.to(self.dtype))), dim=1)
        with torch.no_grad():
            for _ in range(c["H_cycles"] - 1):
                z_h, z_l = self.cycle(z_h, z_l, x)
        z_h, z_l = self.cycle(z_h, z_l, x)
        logits = linear(z_h, self.head)[:, c["prefix"] :]
        q = (linear(z_h[:, 0], self.q_weight) + self.q_bias.to(self.dtype)).float()
        return z_h.detach(), z_l.detach(), logits, q[:, 0]


def stablemax_loss(logits, labels):
    # The 1e-30 keeps the gradient of the branch not taken finite at x = 1.
    x = logits.double()
    s = torch.where(x < 0, 1 / (1 - x + 1e-30), x + 1)
    chosen = s.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return (s.sum(-1).log() - chosen.log()).mean(-1).sum()


class AdamAtan2:
    def __init__(self, parameters, lr, decay, betas):
        self.parameters, self.lr, self.decay, self.betas = parameters, lr, decay, betas
        self.m = [torch.zeros_like(p) for p in parameters]
        self.v = [torch.zeros_like(p) for p in parameters]
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        first, second = self.betas
        gradients = [p.grad for p in self.parameters]
        torch._foreach_mul_(self.parameters, 1 - self.lr * self.decay)
        torch._foreach_lerp_(self.m, gradients, 1 - first)
        torch._foreach_mul_(self.v, second)
        torch._foreach_addcmul_(self.v, gradients, gradients, 1 - second)
        scale_m, scale_v = 1 / (1 - first**self.t), 1 / math.sqrt(1 - second**self.t)
        for p, m, v in zip(self.parameters, self.m, self.v):
            p.sub_(torch.atan2(m * scale_m, v.sqrt() * scale_v), alpha=self.lr)
        for p in self.parameters:
            p.grad = None


@torch.no_grad()
def sign_step(table, ids, gradient, lr, decay):
    unique, inverse = ids.unique(return_inverse=True)
    summed = torch.zeros(len(unique), gradient.shape[1]).index_add_(0, inverse, gradient)
    table[unique] = table[unique] * (1 - lr * decay) - lr * summed.sign()


def main(c):
    torch.set_num_threads(c["threads"])
    torch.manual_seed(0)
    dtype = torch.bfloat16 if c["mode"] == "torch bf16" else torch.float32
    network = Network(c, dtype)
    forward = torch.compile(network, dynamic=False) if c["mode"] == "torch compile" else network
    parameters = [p for p in network.parameters() if p.requires_grad]
    average = [p.detach().clone() for p in parameters]
    optimizer = AdamAtan2(parameters, 1e-4, 0.1, (0.9, 0.95))
    table = torch.zeros(c["rows"], c["puzzle_emb_ndim"])
    batch, total = c["batch"], c["prefix"] + c["seq_len"]
    z_h = torch.zeros(batch, total, c["hidden_size"], dtype=dtype)
    z_l, steps = z_h.clone(), torch.zeros(batch, dtype=torch.int32)
    halted = torch.ones(batch, dtype=torch.bool)

    def step():
        nonlocal z_h, z_l, steps, halted
        inputs = torch.randint(c["vocab_size"], (batch, c["seq_len"]))
        labels = torch.randint(c["vocab_size"], (batch, c["seq_len"]))
        ids = torch.randint(c["rows"], (batch,))
        rows = table[ids].requires_grad_()
        steps = torch.where(halted, 0, steps)
        z_h, z_l, logits, q_halt = forward(z_h, z_l, halted, inputs, rows)
        with torch.no_grad():
            solved = (logits.argmax(-1) == labels).all(-1)
            steps = steps + 1
            halted = (steps >= c["halt_max_steps"]) | (q_halt > 0)
        halting = F.binary_cross_entropy_with_logits(q_halt, solved.float(), reduction="sum")
        loss = (stablemax_loss(logits, labels) + 0.5 * halting) / batch
        loss.backward()
        sign_step(table, ids, rows.grad, 1e-2, 0.1)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, parameters, 1e-3)
        return loss.item()

    times = []
    for _ in range(c["warm"] + c["steps"]):
        begin = time.perf_counter()
        loss = step()
        times.append(1000 * (time.perf_counter() - begin))
        if not math.isfinite(loss):
            raise SystemExit(f"the loss is {loss}")
    measured = times[c["warm"] :]
    print(
        json.dumps(
            {
                "times_ms": measured,
                "median_ms": statistics.median(measured),
                "first_ms": times[0],
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "version": f"PyTorch {torch.__version__}",
                "loss": loss,
            }
        )
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
