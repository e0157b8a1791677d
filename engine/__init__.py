"""The local OpenAI-compatible server: it trains open models on this machine and serves them."""
