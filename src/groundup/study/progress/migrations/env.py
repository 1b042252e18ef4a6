"""Run by Alembic: the migrations, in the transaction of the connection that ``migrate`` hands over."""

from alembic import context

from groundup.study.progress.models import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
