"""What transformers' `generate` reaches: `python -m bench.generate BASE.gguf TOKENS` writes so many for each line read.

It prints the tokens a second after the first; greedy, all cores, in bfloat16 where that is quicker than float32.
"""

import sys
import time
from pathlib import Path

QUESTION = "Write a long story about a lighthouse keeper and the sea."


def main() -> None:
    """Write until there is no more to read."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from engine.trainer import precision

    arithmetic = precision.choose()
    precision.use(arithmetic)
    file, tokens = Path(sys.argv[1]), int(sys.argv[2])
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=arithmetic.dtype)
    chat = [{"role": "user", "content": QUESTION}]
    asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    for _ in sys.stdin:
        seconds = []
        for count in (1, tokens):
            began = time.perf_counter()
            model.generate(**asked, do_sample=False, max_new_tokens=count, min_new_tokens=count)
            seconds.append(time.perf_counter() - began)
        print((tokens - 1) / (seconds[1] - seconds[0]), flush=True)


if __name__ == "__main__":
    main()
