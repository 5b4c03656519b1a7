"""What is simulated of the drivers: as data, and as docs/reference/instrument-coverage.md.

It comes from the installed packages and the data of the drivers' folders, so it is complete.
"""

from device_sim.coverage.page import BEGIN, END, tables, updated
from device_sim.coverage.python_calls import rpcs_by_method
from device_sim.coverage.report import as_json, reports

__all__ = ["BEGIN", "END", "as_json", "reports", "rpcs_by_method", "tables", "updated"]
