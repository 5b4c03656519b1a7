"""Run the examples of device-sim, and draw their benches and curves for docs/benches.md."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import grpc
from device_sim import DeviceServer, ManualClock
from matplotlib.figure import Figure

_ROOT = Path(__file__).parents[1]
_EXAMPLES = _ROOT / "packages" / "device-sim" / "examples"
_PICTURES = Path(__file__).parent / "images" / "benches"
_LOGARITHMIC = {"hertz", "gain", "amperes", "ohms"}


def draw_all() -> None:
    """Write two pictures for each example: its bench, and its curves."""
    _PICTURES.mkdir(parents=True, exist_ok=True)
    for path in sorted(_EXAMPLES.glob("*.py")):
        _draw(path)


def _draw(path: Path) -> None:
    example = _load(path)
    server = DeviceServer(path.with_suffix(".toml"), clock=ManualClock(), file_roots=[_EXAMPLES])
    try:
        with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
            curves = example.measure(channel)
        picture = server.bench.picture()
    finally:
        server.stop()
    (_PICTURES / f"{path.stem}-bench.svg").write_text(picture, encoding="utf-8")
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, (x, y) in curves.items():
        axes.plot(x, y, "." if len(x) < 100 else "-", label=name)
    axes.set(xlabel=example.X, ylabel=example.Y)
    axes.set_xscale("log" if example.X in _LOGARITHMIC else "linear")
    axes.set_yscale("log" if example.Y in _LOGARITHMIC else "linear")
    axes.grid(alpha=0.4)
    if len(curves) > 1:
        axes.legend()
    figure.savefig(_PICTURES / f"{path.stem}.svg", metadata={"Date": None})


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
