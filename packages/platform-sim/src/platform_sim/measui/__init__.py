"""Write and check .measui files, the panels that InstrumentStudio shows for a measurement plug-in.

The format is known from public files. No file written here was tried in InstrumentStudio yet.
"""

from platform_sim.measui.bindings import check_bindings, missing_controls
from platform_sim.measui.document import measui_text

__all__ = ["check_bindings", "measui_text", "missing_controls"]
