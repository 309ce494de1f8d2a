"""The table of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("study_id", sa.String(36)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("given_back", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(200)),
        sa.Column("lease_until", sa.Float(53)),
        sa.Column("rung_at", sa.Float(53)),
        sa.Column("progress", sa.Float(53), nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("result_key", sa.String(100)),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("process_id", sa.Integer),
        sa.Column("host", sa.String(200)),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("started_at", sa.Float(53)),
        sa.Column("ended_at", sa.Float(53)),
        sa.Column("code_version", sa.String(100), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="ck_runs_state"),
    )
    op.create_index("ix_runs_state_created_at", "runs", ["state", "created_at"])
    op.create_index("ix_runs_study_id", "runs", ["study_id"])


def downgrade() -> None:
    op.drop_table("runs")
