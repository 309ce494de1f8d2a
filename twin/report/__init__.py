"""The report of a run: one HTML file that works offline, and the tree of causes that it and the CLI show."""

from __future__ import annotations

from twin.report.causes import CauseNode, cause_tree
from twin.report.write import write_report

__all__ = ["CauseNode", "cause_tree", "write_report"]
