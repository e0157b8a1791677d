"""`python -m tests.fakes.held_engine`: the engine of these settings, live, whose jobs stay as they were created."""

import sys
from functools import partial

import httpd
from config import EngineConfig
from engine.app import create_engine

if __name__ == "__main__":
    config = EngineConfig.from_env()
    sys.exit(httpd.serve(partial(create_engine, config), config.host, config.port, config.engine_threads))
