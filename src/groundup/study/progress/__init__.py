"""What a learner has done, kept so that a kill at any moment loses nothing that was accepted: see ``store.Progress``.

Importing this package imports nothing else: SQLAlchemy is loaded by ``store``, Alembic only when tables must change.
"""
