"""Rounds float32 bit patterns to bfloat16 and float16 with torch; stdin: [u32, ...]; stdout: {"bf16": [...], "f16": [...]}."""

import json
import sys

import torch

bits = torch.tensor(json.load(sys.stdin), dtype=torch.int64).to(torch.uint32)
floats = bits.view(torch.float32)
as_bits = lambda t: t.view(torch.uint16).to(torch.int64).tolist()
json.dump({"bf16": as_bits(floats.to(torch.bfloat16)), "f16": as_bits(floats.to(torch.float16))}, sys.stdout)
