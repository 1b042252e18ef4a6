"""The parts of ``real_tasks.py``: what the field did before, our side, transformers' side, the verdict."""
