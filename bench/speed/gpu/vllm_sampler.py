"""vLLM's tokens per second where sampler.ts has ours: on the shapes of shapes.ts with random weights, or on the weights
that sampler.ts saved; every rollout at its full length:

    python bench/speed/gpu/vllm_sampler.py [--shape 121M | --model DIR] [--rollouts 512] [--prompts 32]
        [--prompt-tokens 100] [--new 256] [--dtype float32,tf32,bfloat16] [--attention BACKEND] [--memory 0.9]
        [--repeat 3] [--check FILE] [--out FILE]

--model takes a directory in Hugging Face's layout; a tokenizer is not needed. --check takes the rollouts.json that
`sampler.ts --save` writes: vLLM scores its tokens, and the gap to the log-probs in it is reported, beside the gap
between what vLLM said of its own tokens while drawing them and its scoring of the same tokens.
float32 multiplies exactly, in attention too; tf32 is float32 whose products may round their factors to TF32. Several
of --dtype run one after another, each in a process of its own, since an engine does not give back all it took.

Prints one line of JSON for each of --dtype, and appends it to FILE. Needs a CUDA host with vllm; downloads nothing.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

# vocabulary, hidden, layers, heads, key-value heads, ffn: as in shapes.ts
SHAPES = {
    "1.8M": (1024, 192, 4, 6, 2, 512),
    "24.7M": (4096, 512, 8, 8, 2, 1408),
    "121M": (8192, 1024, 10, 16, 4, 2816),
}
DTYPES = ("float32", "tf32", "bfloat16")
# of vLLM's own rollouts, how many it scores again
SCORED = 64


def arguments():
    parser = argparse.ArgumentParser()
    model = parser.add_mutually_exclusive_group()
    model.add_argument("--shape", default="121M", choices=SHAPES)
    model.add_argument("--model", metavar="DIR")
    parser.add_argument("--rollouts", type=int, default=512)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--prompt-tokens", type=int, default=100)
    parser.add_argument("--new", type=int, default=256)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--attention", metavar="BACKEND", help="vLLM's name of one, as TRITON_ATTN; it chooses by default")
    parser.add_argument("--memory", type=float, default=0.9, help="share of the card that the engine may take")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--check", metavar="FILE")
    parser.add_argument("--out", metavar="FILE")
    args = parser.parse_args()
    args.dtypes = args.dtype.split(",")
    if not set(args.dtypes) <= set(DTYPES):
        parser.error(f"--dtype: expected some of {','.join(DTYPES)}, got {args.dtype}")
    if args.model and not os.path.isfile(os.path.join(args.model, "config.json")):
        parser.error(f"--model: {args.model} holds no config.json; sampler.ts --save DIR writes one")
    if args.check and not args.model:
        parser.error("--check needs --model: its log-probs are those of saved weights")
    return args


def set_environment(dtype):
    """Before vllm is imported. Variables that are already set stay."""
    variables = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "VLLM_USE_FLASHINFER_SAMPLER": "0"}
    variables["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    if dtype != "bfloat16":
        exact = dtype == "float32"
        variables["VLLM_FLOAT32_MATMUL_PRECISION"] = "highest" if exact else "high"
        variables["TRITON_F32_DEFAULT"] = "ieee" if exact else "tf32"  # products inside Triton's attention kernel
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def write_config(directory, shape):
    vocab, hidden, layers, heads, kv_heads, ffn = SHAPES[shape]
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
                "torch_dtype": "float32",
            },
            file,
        )


def score(llm, rows):
    """Gap between given log-probs and vLLM's of the same tokens; rows of (prompt ids, token ids, log-probs)."""
    from vllm import SamplingParams

    params = SamplingParams(temperature=1.0, max_tokens=1, prompt_logprobs=0, detokenize=False)
    done = llm.generate([{"prompt_token_ids": prompt + drawn} for prompt, drawn, _ in rows], params, use_tqdm=False)
    gaps = []
    for (prompt, drawn, logprobs), one in zip(rows, done, strict=True):
        scored = one.prompt_logprobs[len(prompt) :]
        for token, logprob, at in zip(drawn, logprobs, scored, strict=True):
            gaps.append(abs(at[token].logprob - logprob))
    return {"tokens": len(gaps), "mean": statistics.fmean(gaps), "max": max(gaps)}


def measure(args, dtype, directory, saved):
    import vllm
    from vllm import LLM, SamplingParams

    longest = max([args.prompt_tokens + args.new, *(len(prompt) + len(drawn) for prompt, drawn, _ in saved)])
    torch_dtype = "bfloat16" if dtype == "bfloat16" else "float32"
    llm = LLM(
        model=directory,
        load_format="auto" if args.model else "dummy",
        skip_tokenizer_init=True,
        dtype=torch_dtype,
        max_model_len=longest + 1,  # scoring draws one token after the last
        max_num_seqs=args.rollouts,
        gpu_memory_utilization=args.memory,
        attention_config={"backend": args.attention} if args.attention else {},
    )
    config = llm.llm_engine.vllm_config
    layers = config.compilation_config.static_forward_context.values()
    vocab = config.model_config.get_vocab_size()
    draw = random.Random(0)
    prompts = [[draw.randrange(vocab) for _ in range(args.prompt_tokens)] for _ in range(args.prompts)]
    requests = [prompts[i * args.prompts // args.rollouts] for i in range(args.rollouts)]
    params = SamplingParams(temperature=1.0, max_tokens=args.new, ignore_eos=True, logprobs=0, detokenize=False)
    seconds = []
    for _ in range(args.repeat + 1):
        llm.reset_prefix_cache()  # a round of rollouts follows new weights
        began = time.perf_counter()
        done = llm.generate([{"prompt_token_ids": prompt} for prompt in requests], params, use_tqdm=False)
        seconds.append(time.perf_counter() - began)
    drawn = [list(one.outputs[0].token_ids) for one in done]
    tokens = sum(map(len, drawn))
    own = [
        (prompt, ids, [at[token].logprob for token, at in zip(ids, one.outputs[0].logprobs, strict=True)])
        for prompt, ids, one in zip(requests, drawn, done, strict=True)
    ][:: max(1, len(done) // SCORED)][:SCORED]
    return {
        "bench": "speed/gpu/vllm",
        "model": args.model or args.shape,
        "dtype": dtype,
        "attention": sorted({layer.attn_backend.get_name() for layer in layers if hasattr(layer, "attn_backend")}),
        "rollouts": args.rollouts,
        "tokens": tokens,
        "firstSeconds": seconds[0],
        "seconds": sorted(seconds[1:]),
        "tokensPerSecond": round(tokens / statistics.median(seconds[1:])),
        "gapToSampler": score(llm, saved) if saved else None,
        "gapToItself": score(llm, own),
        "version": vllm.__version__,
    }


def read_rollouts(path):
    with open(path) as file:
        rollouts = json.load(file)["rollouts"]
    return [(one["promptIds"], one["completionIds"], one["logprobs"]) for one in rollouts]


def main():
    args = arguments()
    if len(args.dtypes) > 1:
        for dtype in args.dtypes:
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--dtype", dtype], check=True)
        return
    dtype = args.dtypes[0]
    set_environment(dtype)
    with tempfile.TemporaryDirectory() as directory:
        if not args.model:
            write_config(directory, args.shape)
        result = measure(args, dtype, args.model or directory, read_rollouts(args.check) if args.check else [])
    line = json.dumps(result)
    print(line, flush=True)
    if args.out:
        with open(args.out, "a") as file:
            file.write(f"{line}\n")


if __name__ == "__main__":
    main()
