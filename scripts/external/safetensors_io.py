"""Reads and writes safetensors with the reference package, for test/external/safetensors.test.ts.

argv: read FILE    -> stdout {"metadata": {...}, "tensors": {name: {"dtype", "shape", "values"}}}
argv: write FILE   -> a file with one tensor of each type that is read here; stdout as for read
"""

import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file


def describe(path: str) -> dict:
    with safe_open(path, framework="pt") as file:
        tensors = {}
        for name in file.keys():
            tensor = file.get_tensor(name)
            values = tensor.to(torch.float64) if tensor.is_floating_point() else tensor
            tensors[name] = {
                "dtype": str(tensor.dtype).removeprefix("torch."),
                "shape": list(tensor.shape),
                "values": values.flatten().tolist(),
            }
        return {"metadata": file.metadata(), "tensors": tensors}


command, path = sys.argv[1:]
if command == "write":
    torch.manual_seed(0)
    values = torch.cat([torch.randn(61) * 10.0 ** torch.randint(-6, 4, (61,)), torch.tensor([0.0, -0.0, 1e-41])])
    save_file(
        {
            "fp32": values.reshape(4, 16),
            "bf16": values.to(torch.bfloat16),
            "fp16": values.to(torch.float16).reshape(2, 32),
            "i32": torch.arange(-3, 4, dtype=torch.int32),
            "i64": torch.tensor([-(2**40), 7]),
            "u8": torch.tensor([[0, 255]], dtype=torch.uint8),
            "scalar": torch.tensor(2.5),
            "none": torch.zeros(0, 3),
        },
        path,
        metadata={"format": "pt", "note": "π"},
    )
json.dump(describe(path), sys.stdout)
