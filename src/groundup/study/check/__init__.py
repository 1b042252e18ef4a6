"""The checker: the judge on one side, a sandboxed child on the other, plain data between them.

Records of a verdict are in :mod:`groundup.study.check.verdict`, which needs no torch. This file imports nothing, so
that a command that only prints a verdict starts fast.
"""
