@echo off
.venv\Scripts\python.exe echo.py -v
