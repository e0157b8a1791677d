"""The settings of both servers, read once at start: frozen dataclasses whose fields have their reasons."""

from config.check import EngineCheck
from config.engine import EngineConfig
from config.environment import PROJECT_ROOT, WrongSetting, misspelt_names
from config.service import ServiceConfig

__all__ = ["PROJECT_ROOT", "EngineCheck", "EngineConfig", "ServiceConfig", "WrongSetting", "misspelt_names"]
