"""The smallest GGUF file whose header is right: a model without tensors, which nothing loads."""

import struct

BARE = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q20sIQ5s", 20, b"general.architecture", 8, 5, b"llama")
