"""The command line: thin. Every command calls ``study``; nothing is decided here."""

from groundup.cli.app import main

__all__ = ["main"]
