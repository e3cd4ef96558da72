"""Encodes and decodes with HF tokenizers and transformers, for test/external/tokenizer.test.ts.

stdin: {"dir": model or tokenizer directory, "texts": [...], "chats": [[{role, content}, ...], ...],
        "rows": [[ids], ...]}
stdout: {"ids": [[...]], "split": [[...]], "decoded": [...], "chats": [...], "chatIds": [[...]], "fast": [[...]],
         "rows": [...], "rowsWithoutSpecials": [...], "eos"}
"""

import json
import sys

from tokenizers import Tokenizer
from transformers import AutoTokenizer

request = json.load(sys.stdin)
raw = Tokenizer.from_file(f"{request['dir']}/tokenizer.json")
auto = AutoTokenizer.from_pretrained(request["dir"], local_files_only=True)
texts = request["texts"]

raw.encode_special_tokens = False
ids = [raw.encode(text, add_special_tokens=False).ids for text in texts]
decoded = [raw.decode(row, skip_special_tokens=False) for row in ids]
raw.encode_special_tokens = True  # special tokens inside text are ordinary text
split = [raw.encode(text, add_special_tokens=False).ids for text in texts]

chats = [auto.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in request["chats"]]
chat_ids = [auto(text, add_special_tokens=False)["input_ids"] for text in chats]
json.dump(
    {
        "ids": ids,
        "split": split,
        "decoded": decoded,
        "chats": chats,
        "chatIds": chat_ids,
        "fast": [auto(text, add_special_tokens=False)["input_ids"] for text in texts],
        "rows": [raw.decode(row, skip_special_tokens=False) for row in request["rows"]],
        "rowsWithoutSpecials": [raw.decode(row, skip_special_tokens=True) for row in request["rows"]],
        "eos": auto.eos_token_id,
    },
    sys.stdout,
)
