"""Tasks: what a pre-trained model is made into, by a head, examples and a metric. Each is a file of its own.

Every one begins with :func:`groundup.stack.tasks.start.start`; :mod:`groundup.stack.tasks.tuning` goes the whole way.
"""
