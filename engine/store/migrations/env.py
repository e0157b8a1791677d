"""What Alembic runs its migrations in: the connection, and so the transaction, of `migration`; nothing of its own."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
