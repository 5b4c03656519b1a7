@echo off
.venv\Scripts\python.exe behaviour.py -v
