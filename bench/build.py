"""Build the programs that bench/run.py talks to.

Each builder returns the command that starts its program, or raises Missing
with the reason why this machine has none.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Callable

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD = Path(os.environ.get("LARES_BUILD", ROOT / "build" / "release"))
OUT = BUILD / "bench"
LIB = BUILD / "lib"
NETMESH = "0.21.0"

CFLAGS = shlex.split(
    "-std=c11 -D_GNU_SOURCE -g -Wall -Wextra -Wshadow -Wconversion"
    " -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wwrite-strings"
    " -pedantic -Werror"
)
SHARED = [f"-L{LIB}", "-llares", f"-Wl,-rpath,{LIB}"]
STATIC = [str(LIB / "liblares.a")]


class Missing(Exception):
    """What a row is measured against is not there."""


def run(*command: object, **options: object) -> None:
    subprocess.run([str(word) for word in command], check=True, **options)


def packages(*names: str) -> tuple[list[str], list[str]]:
    """The flags of pkg-config: for compiling, for linking."""
    def ask(what: str) -> list[str]:
        return shlex.split(subprocess.check_output(
            ["pkg-config", what, *names], text=True))

    return ask("--cflags"), ask("--libs")


def compile_c(name: str, *flags: object) -> Path:
    """One of our files; gcc 12 needs -O3 for XXH3's long path."""
    OUT.mkdir(parents=True, exist_ok=True)
    level = "-O3" if name in ("floor", "bench_image") else "-O2"
    result = OUT / f"{name}.o"
    run(os.environ.get("CC", "cc"), level, *CFLAGS, *flags,
        f"-I{ROOT}/core/include", f"-I{ROOT}/core/src",
        "-c", HERE / f"{name}.c", "-o", result)
    return result


def link_c(result: Path, *words: object) -> Path:
    run(os.environ.get("CC", "cc"), *words, "-o", result)
    return result


def core() -> list[str]:
    names = ("bench_core", "bench", "floor", "hub", "pair")
    objects = [compile_c(name) for name in names]
    return [str(link_c(OUT / "bench_core", *objects, *SHARED, "-pthread"))]


def life() -> list[str]:
    names = ("bench_life", "bench", "counter", "hub")
    objects = [compile_c(name) for name in names]
    return [str(link_c(OUT / "bench_life", *objects, *SHARED, "-pthread"))]


def chain() -> list[str]:
    objects = [compile_c(name) for name in ("bench_chain", "bench", "floor")]
    libraries = packages("libuv", "libsodium", "libcjson")[1]
    return [str(link_c(OUT / "bench_chain", *objects, *STATIC, *libraries))]


def image() -> list[str]:
    names = ("bench_image", "bench", "counter")
    objects = [compile_c(name) for name in names]
    libraries = packages("libuv", "libsodium", "libcjson")[1]
    return [str(link_c(OUT / "bench_image", *objects, *STATIC, *libraries))]


def lua() -> list[str]:
    compiling, linking = packages("lua5.4")
    objects = [compile_c(name, *compiling) for name in (
        "bench_lua", "bench", "echo", "hub", "pair")]
    program = link_c(OUT / "bench_lua", *objects, *SHARED, *linking,
                     "-pthread")
    return [str(program), str(HERE / "echo.lua")]


def lua_life() -> list[str]:
    compiling, linking = packages("lua5.4")
    names = ("bench_lua_life", "bench", "hub")
    objects = [compile_c(name, *compiling) for name in names]
    program = link_c(OUT / "bench_lua_life", *objects, *SHARED, *linking,
                     "-pthread")
    return [str(program), str(HERE / "life.lua")]


def closure() -> list[str]:
    """The module in a Lua program."""
    module = f"LUA_CPATH={BUILD}/lua/?.so"
    library = f"LUA_PATH={ROOT}/bindings/lua/?/init.lua"
    return ["env", module, library, "lua5.4", str(HERE / "bench_closure.lua")]


def erlang_release() -> str:
    if shutil.which("erl") is None:
        return "not installed"
    ask = 'io:put_chars(erlang:system_info(otp_release)), halt().'
    return subprocess.check_output(["erl", "-noshell", "-eval", ask],
                                   text=True)


def erlang() -> list[str]:
    if shutil.which("erlc") is None:
        raise Missing("Erlang is not installed")
    OUT.mkdir(parents=True, exist_ok=True)
    run("erlc", "-o", OUT, HERE / "bench_erlang.erl")
    return ["erl", "+S", "1:1", "-noshell", "-pa", str(OUT),
            "-s", "bench_erlang", "main"]


def python() -> list[str]:
    include = f"-isystem{sysconfig.get_paths()['include']}"
    objects = [compile_c(name, "-fPIC", include) for name in (
        "bench", "echo", "hub", "python_floor")]
    text = OUT / "_bench.c"
    run(sys.executable, HERE / "python_build.py", text,
        stdout=subprocess.DEVNULL)
    link_c(OUT / "_bench.so", "-O2", "-fPIC", "-shared", include,
           "-D_CFFI_NO_LIMITED_API", f"-I{HERE}", f"-I{ROOT}/core/include",
           text, *objects, f"-L{LIB}", "-llares")
    return [sys.executable, str(HERE / "bench_python.py"), str(OUT)]


def netmesh() -> list[str]:
    """The Rust crate; the first time takes some minutes."""
    if shutil.which("cargo") is None:
        raise Missing("cargo is not installed")
    target = BUILD / "netmesh"
    try:
        run("cargo", "build", "--release", "--locked", "--quiet",
            "--manifest-path", HERE / "netmesh" / "Cargo.toml",
            "--target-dir", target)
    except subprocess.CalledProcessError:
        raise Missing("cargo could not build net-mesh") from None
    return [str(target / "release" / "netmesh")]


def wheel() -> list[str]:
    """The wheel, in an environment of its own."""
    target = BUILD / "netmesh-wheel"
    interpreter = target / "bin" / "python"
    try:
        if not interpreter.exists():
            run(sys.executable, "-m", "venv", target)
        run(interpreter, "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", f"net-mesh=={NETMESH}")
    except subprocess.CalledProcessError:
        raise Missing("pip could not install net-mesh") from None
    return [str(interpreter), str(HERE / "bench_wheel.py")]


PROGRAMS: dict[str, Callable[[], list[str]]] = {
    "core": core,
    "life": life,
    "chain": chain,
    "image": image,
    "lua": lua,
    "lua-life": lua_life,
    "closure": closure,
    "erlang": erlang,
    "python": python,
    "netmesh": netmesh,
    "wheel": wheel,
}
