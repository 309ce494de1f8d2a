"""Run the migrations on the connection that `twin.store.schema` hands over."""

from alembic import context

from twin.store.model import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
