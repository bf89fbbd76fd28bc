"""The core under the sanitizers: tests/smoke.cpp, built as the presets `asan` and `tsan` do, but without CMake."""

import json
import os
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_structure import CPP, ISA_FLAGS, ROOT

from curvature import _core

pytestmark = pytest.mark.slow  # about a minute each on two processors

CLEAN = "int main() { return 0; }"
PLANTED = {
    "address": "int main(int n, char**) { int* a = new int[4]; int x = a[n + 3]; delete[] a; return x & 0; }",
    "undefined": "int main(int n, char**) { volatile int most = 2147483647; return most + n == 0; }",
    "thread": """
        #include <thread>
        int shared = 0;
        int main() {
          std::thread other([] { for (int i = 0; i < 100000; ++i) ++shared; });
          for (int i = 0; i < 100000; ++i) ++shared;
          other.join();
          return 0;
        }
    """,
}


def settings_of(preset: str) -> dict[str, str]:
    """Cache variables of a preset of CMakePresets.json, with those that it inherits."""
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))["configurePresets"]
    by_name = {one["name"]: one for one in presets}
    inherited = settings_of(by_name[preset]["inherits"]) if "inherits" in by_name[preset] else {}
    return inherited | by_name[preset].get("cacheVariables", {})


class Compiler:
    """Compiles with the flags of a preset."""

    def __init__(self, preset: str, folder: Path) -> None:
        variables = settings_of(preset)
        self.sanitizers = variables["CURVATURE_SANITIZE"].split(",")
        self.folder = folder
        std_threads = variables.get("CURVATURE_STD_THREADS") == "ON"
        self.flags = [
            *["-std=c++20", "-fPIC", "-ffp-contract=off", f"-I{CPP}", *variables["CMAKE_CXX_FLAGS_DEBUG"].split()],
            *["-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-D_GLIBCXX_ASSERTIONS=1"],
            f"-fsanitize={variables['CURVATURE_SANITIZE']}",
            *(["-pthread", "-DCURVATURE_STD_THREADS=1"] if std_threads else ["-fopenmp"]),
        ]

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        compiler = shutil.which(os.environ.get("CXX", "g++"))
        if compiler is None:
            pytest.skip("no C++ compiler")
        return subprocess.run([compiler, *self.flags, *arguments], capture_output=True, text=True)

    def program(self, name: str, source: str) -> Path | None:
        """A program of one file, or None where it cannot be linked: no runtime of the sanitizer."""
        text = self.folder / f"{name}.cpp"
        text.write_text(source, encoding="utf-8")
        program = text.with_suffix("")
        return program if self.call(str(text), "-o", str(program)).returncode == 0 else None

    def object_file(self, source: Path, isa: str | None = None) -> str:
        target = [] if isa is None else [*ISA_FLAGS[isa], f"-DCURVATURE_ISA={isa}", f"-DCURVATURE_ISA_{isa}=1"]
        built = self.folder / f"{source.parent.name}-{source.stem}-{isa}.o"
        done = self.call(*target, "-c", str(source), "-o", str(built))
        assert done.returncode == 0, done.stderr
        return str(built)


def run(program: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program)], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("preset", ["asan", "tsan"])
def test_the_smoke_program_holds_under_sanitizers(preset: str, tmp_path: Path) -> None:
    """The sanitizers see errors that are planted for them, and none in the core: fits, predictions, refusals."""
    compiler = Compiler(preset, tmp_path)
    clean = compiler.program("clean", CLEAN)
    if clean is None or run(clean).returncode != 0:
        pytest.skip(f"programs with the sanitizers {compiler.sanitizers} do not link or run here")
    for sanitizer in compiler.sanitizers:
        planted = compiler.program(f"planted-{sanitizer}", PLANTED[sanitizer])
        assert planted is not None
        assert run(planted).returncode != 0, f"the {sanitizer} sanitizer sees nothing"

    sources = [path for path in sorted(CPP.rglob("*.cpp")) if path.parent.name != "bind"]
    levels = platform.machine() in {"x86_64", "AMD64"} and "v3" in _core.instruction_sets()
    if levels:
        compiler.flags.append("-DCURVATURE_HAS_X86_LEVELS=1")
    parts: list[tuple[Path, str | None]] = [(ROOT / "tests" / "smoke.cpp", None)]
    for source in sources:
        per_set = source.name.endswith(".isa.cpp")
        parts += [(source, isa) for isa in (ISA_FLAGS if levels else ["baseline"])] if per_set else [(source, None)]
    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(lambda part: compiler.object_file(*part), parts))
    smoke = tmp_path / "smoke"
    linked = compiler.call(*objects, "-o", str(smoke))
    assert linked.returncode == 0, linked.stderr
    done = run(smoke)
    assert (done.returncode, done.stdout) == (0, "smoke: all holds\n"), done.stderr
