"""Model servers kept at arm's length: llama.cpp child processes, the pool that keeps them, the calls to them."""
