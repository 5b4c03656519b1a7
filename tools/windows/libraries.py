"""Libraries that Windows has and Wine 8 lacks, compiled from C."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from fetching import IndexFile, fetch

ZIG = IndexFile(
    "ziglang",
    "ziglang-0.13.0-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl",
    "3ce0c9f16547e5d61b32e0d226926e9a2552ef4b91fccf7ab5ea1a623a77824b",
)

# Without this library the TLS of gRPC ends the process. Wine 10 has it.
RANDOM_DLL = "bcryptprimitives.dll"
_RANDOM_SOURCE = """
unsigned char __stdcall SystemFunction036(void *, unsigned long);
int _tls_index;
int __stdcall _DllMainCRTStartup(void *module, unsigned long why, void *more) { return 1; }
__declspec(dllexport) int ProcessPrng(void *to, unsigned long long size)
{ return SystemFunction036(to, (unsigned long)size); }
"""

# The mathematical functions of Wine's C library, and the complex ones, which it lacks.
_MATH_DLL = "complex-math-for-wine-1-0.dll"
_WINES_MATH_DLL = "api-ms-win-crt-math-l1-1-0.dll"
_MATH_NAMES = "ziglang/lib/libc/mingw/lib-common/api-ms-win-crt-math-l1-1-0.def.in"
_MATH_NAME = re.compile(r"(?:F_(?:NON_I386|X64)\()?([a-z_]\w*)\)?", re.ASCII)
_COMPLEX = re.compile(r"(c(?:abs|arg|cosh?|exp|imag|log|pow|real|sinh?|sqrt|tanh?))([fl]?)")
_NOT_COMPLEX = ("cos", "cosf", "cosh", "coshf", "cosl", "coshl")


def random_dll(cache: Path) -> Path:
    """Return the path of the library with which programs ask Windows for random bytes.

    Args:
        cache: Keeps what was downloaded and compiled.
    """
    return _compiled(RANDOM_DLL, _RANDOM_SOURCE, ["-nostdlib", "-ladvapi32"], cache)


def give_complex_numbers(site_packages: Path, cache: Path) -> None:
    """Let the numpy of a Python for Windows compute with complex numbers under Wine.

    Its modules then name another library of mathematical functions, which is put beside them.

    Args:
        site_packages: Has numpy.
        cache: As for `random_dll`.
    """
    with zipfile.ZipFile(fetch(ZIG, cache)) as zig:
        source = _math_source(zig.read(_MATH_NAMES).decode())
    library = _compiled(_MATH_DLL, source, ["-fno-builtin", "-O2"], cache)
    name = _MATH_DLL.encode().ljust(len(_WINES_MATH_DLL), b"\0")
    for module in (site_packages / "numpy").rglob("*.pyd"):
        content = module.read_bytes()
        if _WINES_MATH_DLL.encode() in content:
            # uv may have made a link to its cache.
            module.unlink()
            module.write_bytes(content.replace(_WINES_MATH_DLL.encode(), name))
            shutil.copy(library, module.parent)


def _math_source(definitions: str) -> str:
    """Return a source that exports the functions which a .def file of MinGW names."""
    everywhere = re.sub(r"#ifdef DEF_I386.*?#endif", "", definitions, flags=re.DOTALL)
    names = {match[1] for line in everywhere.splitlines() if (match := _MATH_NAME.match(line))}
    exports, own = [], set()
    for name in sorted(names):
        found = _COMPLEX.fullmatch(name)
        if found is None or name in _NOT_COMPLEX:
            exports.append(f"-export:{name}=ucrtbase.{name}")
        else:  # a long double of Windows is a double
            ours = found[1] + found[2].removesuffix("l")
            own.add(ours)
            exports.append(f"-export:{name}={ours}")
    functions = sorted(own)
    return f"""
extern char {", ".join(f"{one}[]" for one in functions)};
void *used[] = {{{", ".join(functions)}}};
__asm__(".section .drectve,\\"yni\\"\\n.ascii \\" {" ".join(exports)}\\"\\n.text\\n");
"""


def _compiled(name: str, source: str, options: list[str], cache: Path) -> Path:
    """Return the path of a library for Windows in the cache; compile it if the cache lacks it."""
    made_of = hashlib.sha256("\n".join([source, *options]).encode()).hexdigest()
    library = cache / made_of[:16] / name
    if library.exists():
        return library
    zig = fetch(ZIG, cache)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.unpack_archive(zig, folder, "zip")
        compiler = folder / "ziglang" / "zig"
        compiler.chmod(0o700)
        file = folder / "library.c"
        file.write_text(source)
        command = [str(compiler), "cc", "-target", "x86_64-windows-gnu", "-shared"]
        subprocess.run(
            [*command, f"-o{folder / name}", str(file), *options],
            env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": scratch, "ZIG_LOCAL_CACHE_DIR": scratch},
            check=True,
            stdout=sys.stderr,
        )
        library.parent.mkdir(exist_ok=True)
        shutil.copy(folder / name, library)
    return library
