"""Sphinx settings: pages in Markdown, the reference from docstrings."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench_plots import draw_all

project = "session-sharing"
author = "The session-sharing developers"
release = version_of("session-sharing")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "session-sharing"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autoclass_content = "both"  # the arguments stand in the docstring of __init__
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_mock_imports: list[str] = []
suppress_warnings = ["ref.python"]  # several packages have a class of the same name, such as Limits

draw_all()
