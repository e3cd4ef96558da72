"""Log-probabilities and gradients under transformers' Qwen2ForCausalLM, fp32 on the CPU, for test/external/model.test.ts.

stdin: {"models": [{"dir", "gradients": file or null}, ...], "rows": [[ids], ...], "temperature": t}
stdout: per model {"logprobs": [[...]], "architecture", "parameters", "unexpected", "missing", "loss"}
Position n of a row holds the log-probability of token n given the tokens before it; position 0 holds 0. The gradients
(a safetensors file) are those of the mean negative log-probability over all positions but the first of each row.
"""

import json
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

request = json.load(sys.stdin)
torch.set_num_threads(1)


def evaluate(where: str, gradients: str | None) -> dict:
    model, info = AutoModelForCausalLM.from_pretrained(
        where,
        dtype=torch.float32,
        attn_implementation="eager",
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    model.eval()
    rows = []
    for ids in request["rows"]:
        logits = model(torch.tensor([ids])).logits[0] / request["temperature"]
        logp = torch.log_softmax(logits, dim=-1)
        rows.append(logp[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0])
    loss = -torch.cat(rows).mean()
    if gradients is not None:
        loss.backward()
        save_file({name: p.grad.contiguous() for name, p in model.named_parameters()}, gradients)
    return {
        "logprobs": [[0.0] + row.tolist() for row in rows],
        "architecture": type(model).__name__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "unexpected": sorted(info["unexpected_keys"]),
        "missing": sorted(info["missing_keys"]),
        "loss": loss.item(),
    }


json.dump([evaluate(m["dir"], m["gradients"]) for m in request["models"]], sys.stdout)
