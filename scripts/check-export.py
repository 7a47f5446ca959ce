#!/usr/bin/env python3
"""Checks exports of trm against a real PyTorch (needs torch; not part of npm test).

    python scripts/check-export.py STEP_N STEP_N.safetensors

STEP_N comes from `trm export … --format pytorch`, the other from `--format safetensors` of the same checkpoint. Loads the
first with torch.load(weights_only=True), reads the second by hand, and compares every tensor: name, shape, number format
and bytes. Exit code 1 if anything differs.
"""

import json
import struct
import sys

import torch

FORMATS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            first, end = entry["data_offsets"]
            file.seek(8 + length + first)
            data = bytearray(file.read(end - first))
            dtype = FORMATS[entry["dtype"]]
            flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
            yield name, flat.reshape(entry["shape"])


def same_bytes(a, b):
    """NaN equals NaN and 0 differs from −0: numbers are compared as they are stored."""
    return torch.equal(a.contiguous().flatten().view(torch.uint8), b.contiguous().flatten().view(torch.uint8))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
    wrong = []
    seen = set()
    for name, tensor in read_safetensors(sys.argv[2]):
        seen.add(name)
        other = state.get(name)
        if other is None:
            wrong.append(f"{name} is missing in {sys.argv[1]}")
        elif other.dtype != tensor.dtype or other.shape != tensor.shape:
            wrong.append(f"{name}: {other.dtype} {tuple(other.shape)} and {tensor.dtype} {tuple(tensor.shape)}")
        elif not same_bytes(other, tensor):
            wrong.append(f"{name}: the numbers differ")
    wrong += [f"{name} is missing in {sys.argv[2]}" for name in state.keys() - seen]
    for line in wrong:
        print(line)
    numbers = sum(tensor.numel() for tensor in state.values())
    print(f"torch {torch.__version__}: {len(state)} tensors, {numbers} numbers, {len(wrong)} differences")
    sys.exit(1 if wrong else 0)


main()
