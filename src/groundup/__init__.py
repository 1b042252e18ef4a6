"""groundup: understand language models by building one."""

__version__ = "0.1.0"
