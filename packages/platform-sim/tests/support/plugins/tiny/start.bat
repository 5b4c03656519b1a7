@echo off
.venv\Scripts\python.exe tiny.py -v 2>nul || python tiny.py -v
