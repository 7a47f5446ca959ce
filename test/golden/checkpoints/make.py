"""Makes the reader's corpus with a real PyTorch: python make.py OUT_PREFIX

Every good file comes with PREFIX-NAME.json: dtype, shape and the row-major little-endian bytes (hex) of each tensor.
"""
import collections
import io
import json
import os
import sys
import zipfile

import torch

prefix = sys.argv[1]
FORMATS = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}


def describe(tensor):
    flat = tensor.detach().flatten().clone(memory_format=torch.contiguous_format)
    data = bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b""
    return {"dtype": FORMATS[tensor.dtype], "shape": list(tensor.shape), "hex": data.hex()}


def good(name, state):
    torch.save(state, f"{prefix}-{name}.pt")
    with open(f"{prefix}-{name}.json", "w") as file:
        json.dump({str(k): describe(v) for k, v in state.items() if isinstance(v, torch.Tensor)}, file)


torch.manual_seed(7)
good("formats", {
    **{FORMATS[d]: (torch.randn(3, 5) * 40).to(d) for d in FORMATS if d != torch.bool},
    "BOOL": torch.tensor([True, False, True]),
    "scalar": torch.tensor(3.25),
    "empty": torch.zeros(0, 4),
    "halves": torch.tensor([0.0, -0.0, 1.0, 65504.0, 6e-8, 6.1e-5, float("inf"), float("-inf")]).half(),
})
base = torch.arange(60.0).reshape(5, 12)
half = torch.randn(4, 6).bfloat16()
good("views", {
    "whole": base, "row": base[3], "rows": base[1:4], "column": base[:, 2], "block": base[1:4, 2:11:3], "turned": base.t(),
    "expanded": torch.tensor([[1.5], [2.5]]).expand(2, 7), "half.turned": half.t(), "half.again": half,
    "cut": base[4:, 8:], "three": torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1), "one": base[2:3, 5:6].t(),
})
module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
good("module", module.state_dict())
good("parameters", collections.OrderedDict(
    a=torch.nn.Parameter(torch.randn(2, 3)), b=torch.nn.Parameter(torch.randn(3).half(), requires_grad=False)))
good("step", {"_orig_mod.weights": torch.randn(40, 8), "step": 12, "lr": 1e-4, "tags": ["a", ("b", None, True)], "big": 2**40})
if hasattr(torch.serialization, "set_crc32_options"):
    torch.serialization.set_crc32_options(False)
    good("unchecked", {"a": torch.arange(6.0)})
    torch.serialization.set_crc32_options(True)


class Evil:
    def __reduce__(self):
        return os.system, ("echo opened",)


torch.save({"a": torch.zeros(2), "b": Evil()}, f"{prefix}-bad-system.pt")
torch.save({"a": torch.zeros(2)}, f"{prefix}-bad-protocol.pt", pickle_protocol=4)
torch.save({"a": torch.zeros(2)}, f"{prefix}-bad-legacy.pt", _use_new_zipfile_serialization=False)
torch.save({"model": {"a": torch.zeros(2)}, "step": 3}, f"{prefix}-bad-nested.pt")
torch.save([torch.zeros(2)], f"{prefix}-bad-list.pt")
torch.save(torch.nn.Linear(1, 1), f"{prefix}-bad-module.pt")
plain = io.BytesIO()
torch.save({"a": torch.zeros(4096)}, plain)
with zipfile.ZipFile(plain) as old, zipfile.ZipFile(f"{prefix}-bad-deflated.pt", "w", zipfile.ZIP_DEFLATED) as new:
    for entry in old.infolist():
        new.writestr(entry.filename, old.read(entry))
