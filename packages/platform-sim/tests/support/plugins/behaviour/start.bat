@echo off
.venv\Scripts\python.exe behaviour.py -v 2>nul || python behaviour.py -v
