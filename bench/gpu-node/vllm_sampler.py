"""vLLM's tokens per second on the shapes of shapes.ts, random weights, every rollout at its full length:

    python bench/gpu-node/vllm_sampler.py [--shape 121M] [--rollouts 512] [--prompts 32] [--prompt-tokens 100]
        [--new 256] [--dtype float32|bfloat16] [--repeat 3]

Prints one line of JSON. Needs a CUDA host with vllm; downloads nothing.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time

os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_USE_FLASHINFER_SAMPLER", "0")

# vocabulary, hidden, layers, heads, key-value heads, ffn: as in shapes.ts
SHAPES = {
    "1.8M": (1024, 192, 4, 6, 2, 512),
    "24.7M": (4096, 512, 8, 8, 2, 1408),
    "121M": (8192, 1024, 10, 16, 4, 2816),
}

parser = argparse.ArgumentParser()
parser.add_argument("--shape", default="121M", choices=SHAPES)
parser.add_argument("--rollouts", type=int, default=512)
parser.add_argument("--prompts", type=int, default=32)
parser.add_argument("--prompt-tokens", type=int, default=100)
parser.add_argument("--new", type=int, default=256)
parser.add_argument("--dtype", default="float32")
parser.add_argument("--repeat", type=int, default=3)
args = parser.parse_args()

import vllm  # noqa: E402  (after the variables above)
from vllm import LLM, SamplingParams  # noqa: E402

vocab, hidden, layers, heads, kv_heads, ffn = SHAPES[args.shape]
with tempfile.TemporaryDirectory() as directory:
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump(
            {
                "architectures": ["Qwen2ForCausalLM"],
                "model_type": "qwen2",
                "vocab_size": vocab,
                "hidden_size": hidden,
                "num_hidden_layers": layers,
                "num_attention_heads": heads,
                "num_key_value_heads": kv_heads,
                "intermediate_size": ffn,
                "hidden_act": "silu",
                "rms_norm_eps": 1e-6,
                "rope_theta": 10000.0,
                "max_position_embeddings": 4096,
                "tie_word_embeddings": True,
                "eos_token_id": vocab - 1,
                "torch_dtype": args.dtype,
            },
            file,
        )
    llm = LLM(
        model=directory,
        load_format="dummy",
        skip_tokenizer_init=True,
        dtype=args.dtype,
        max_model_len=args.prompt_tokens + args.new,
        max_num_seqs=args.rollouts,
    )
    draw = random.Random(0)
    prompts = [[draw.randrange(vocab) for _ in range(args.prompt_tokens)] for _ in range(args.prompts)]
    requests = [{"prompt_token_ids": prompts[i * args.prompts // args.rollouts]} for i in range(args.rollouts)]
    seconds = []
    tokens = 0
    for round_ in range(args.repeat + 1):
        params = [
            SamplingParams(temperature=1.0, max_tokens=args.new, ignore_eos=True, logprobs=0, detokenize=False)
            for _ in requests
        ]
        began = time.perf_counter()
        done = llm.generate(requests, params, use_tqdm=False)
        seconds.append(time.perf_counter() - began)
        tokens = sum(len(one.outputs[0].token_ids) for one in done)

print(
    json.dumps(
        {
            "bench": "gpu-node/vllm",
            "shape": args.shape,
            "dtype": args.dtype,
            "tokens": tokens,
            "seconds": seconds[1:],
            "tokensPerSecond": round(tokens / statistics.median(seconds[1:])),
            "version": vllm.__version__,
        }
    )
)
