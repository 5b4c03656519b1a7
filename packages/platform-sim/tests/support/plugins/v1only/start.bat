@echo off
.venv\Scripts\python.exe v1only.py -v 2>nul || python v1only.py -v
