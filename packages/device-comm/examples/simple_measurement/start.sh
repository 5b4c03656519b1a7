#!/bin/sh
# Started by the discovery service. PYTHON names a Python that has the packages of this plug-in.
cd "$(dirname "$0")" || exit 1
exec "${PYTHON:-python3}" measurement.py
