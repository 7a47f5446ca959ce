"""Traces one training step with 2-D rotary positions in PyTorch: python scripts/parity/rope2d.py OUT_DIR

The reference has no such positions, so this is a model of our own in another framework: the network of
scripts/bench/torch_step.py with its rotation replaced. Pairs turn as complex numbers here and not by tables of cos and sin,
so that nothing is shared with src/core/model/positions.ts but the definition. Writes trace.safetensors (weights, batch,
logits, q_halt, gradients) and config.json; test/golden/rope2d.test.ts compares.
"""

import json
import struct
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import torch_step  # noqa: E402

ROWS, COLUMNS, BATCH, THETA = 3, 5, 2, 100.0
CONFIG = {
    "hidden_size": 16, "num_heads": 2, "inner": 256, "L_layers": 1, "H_cycles": 2, "L_cycles": 2,
    "vocab_size": 6, "seq_len": ROWS * COLUMNS, "prefix": 2, "puzzle_emb_ndim": 20,
}  # fmt: skip


def turns():
    """[T, d / 2] complex: the first half of the pairs by row, the second by column; prefix tokens stay."""
    axis = CONFIG["hidden_size"] // CONFIG["num_heads"] // 4
    tokens = [(0, 0)] * CONFIG["prefix"] + [(r, c) for r in range(ROWS) for c in range(COLUMNS)]
    speed = [THETA ** (-i / axis) for i in range(axis)]
    angles = torch.tensor([[place * s for place in token for s in speed] for token in tokens], dtype=torch.float64)
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x, _cos, _sin):
    first, second = x.double().chunk(2, dim=-1)
    turned = torch.complex(first, second) * turns()
    return torch.cat((turned.real, turned.imag), dim=-1).to(x.dtype)


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        kind, raw = ("I32", tensor.int()) if not tensor.is_floating_point() else ("F32", tensor.float())
        body = raw.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main(out):
    torch.manual_seed(0)
    torch_step.rotate = rotate
    network = torch_step.Network(CONFIG, torch.float32)
    with torch.no_grad():
        network.q_weight.normal_(0, 0.3)
        network.q_bias.copy_(torch.tensor([0.2, -0.1]))
    block = network.blocks[0]
    level = "L_level.layers.0."
    names = {
        "embed_tokens.embedding_weight": network.tokens, "lm_head.weight": network.head,
        "q_head.weight": network.q_weight, "q_head.bias": network.q_bias,
        f"{level}self_attn.qkv_proj.weight": block.qkv, f"{level}self_attn.o_proj.weight": block.out,
        f"{level}mlp.gate_up_proj.weight": block.gate_up, f"{level}mlp.down_proj.weight": block.down,
        "H_init": network.H_init, "L_init": network.L_init,
    }  # fmt: skip
    inputs = torch.randint(CONFIG["vocab_size"], (BATCH, CONFIG["seq_len"]))
    labels = torch.randint(CONFIG["vocab_size"], (BATCH, CONFIG["seq_len"]))
    rows = torch.randn(BATCH, CONFIG["puzzle_emb_ndim"]).requires_grad_()
    blank = torch.zeros(BATCH, CONFIG["prefix"] + CONFIG["seq_len"], CONFIG["hidden_size"])
    _, _, logits, q_halt = network(blank, blank, torch.ones(BATCH, dtype=torch.bool), inputs, rows)
    solved = (logits.argmax(-1) == labels).all(-1).float()
    halting = F.binary_cross_entropy_with_logits(q_halt, solved, reduction="sum")
    ((torch_step.stablemax_loss(logits, labels) + 0.5 * halting) / BATCH).backward()
    tensors = {"inputs": inputs, "labels": labels, "rows": rows, "rows.grad": rows.grad, "logits": logits, "q_halt": q_halt}
    for name, tensor in names.items():
        tensors[f"weights.{name}"] = tensor
        if tensor.grad is not None:
            tensors[f"grad.{name}"] = tensor.grad
    out.mkdir(parents=True, exist_ok=True)
    save(out / "trace.safetensors", tensors)
    size = {"rows": ROWS, "columns": COLUMNS, "batch": BATCH, "rope_theta": THETA, "torch": torch.__version__}
    (out / "config.json").write_text(json.dumps({**CONFIG, **size}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
