@echo off
.venv\Scripts\python.exe v1only.py -v
