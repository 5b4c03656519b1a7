@echo off
.venv\Scripts\python.exe tiny.py -v
