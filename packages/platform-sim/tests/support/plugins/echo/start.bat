@echo off
.venv\Scripts\python.exe echo.py -v 2>nul || python echo.py -v
