@echo off
rem Started by the discovery service. PYTHON names a Python that has the packages of this plug-in.
cd /d "%~dp0"
if not defined PYTHON set PYTHON=python
"%PYTHON%" measurement.py
