"""OpenUSD views of a facility and of its runs: layout, equipment packages, layers, checking."""

from __future__ import annotations

from usd_export.check import check_scene
from usd_export.scene import write_scene

__all__ = ["check_scene", "write_scene"]
