"""The rules of the house: floors, sizes, names, one version, and clean objects for every instruction set."""

import ast
import configparser
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CPP = ROOT / "cpp"
PACKAGE = ROOT / "python" / "curvature"

MAX_LINES = 400
FORBIDDEN_NAMES = {"utils", "common", "helpers", "misc"}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
PRAGMA_OMP = re.compile(r"^\s*#\s*pragma\s+omp\b|_Pragma\s*\(\s*\"omp\b", re.MULTILINE)

ISA_FLAGS = {
    "baseline": [],
    "v3": ["-march=x86-64-v3"],
    "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}


def read_floors(section: str) -> dict[str, list[str]]:
    """Rows of cpp/LAYERS in their order: a name and the names it may use besides itself."""
    parser = configparser.ConfigParser(delimiters=(":",))
    parser.read_string((CPP / "LAYERS").read_text(encoding="utf-8"))
    return {name: allowed.split() for name, allowed in parser[section].items()}


CPP_FLOORS = read_floors("cpp")
PYTHON_FLOORS = read_floors("python")


def cpp_files() -> list[Path]:
    return sorted(path for path in CPP.rglob("*") if path.suffix in {".cpp", ".hpp"})


def source_files() -> list[Path]:
    folders = [CPP, ROOT / "python", ROOT / "tests", ROOT / "bench"]
    paths = [path for folder in folders for path in folder.rglob("*")]
    return sorted(path for path in paths if path.suffix in {".cpp", ".hpp", ".py", ".pyi"})


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_names(path: Path) -> Iterator[str]:
    """Absolute names of what a module imports; `from a import b` yields `a.b`, which may be a module or a member."""
    package = ".".join(path.relative_to(PACKAGE.parent).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{source}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("floors", [CPP_FLOORS, PYTHON_FLOORS], ids=["cpp", "python"])
def test_a_row_names_only_rows_above_it(floors: dict[str, list[str]]) -> None:
    """The floors are an order: nothing below names anything above, so there is no cycle."""
    seen: set[str] = set()
    for name, allowed in floors.items():
        assert set(allowed) <= seen, f"LAYERS: {name} names {sorted(set(allowed) - seen)}, not above it"
        seen.add(name)


def test_every_folder_and_module_has_a_floor() -> None:
    """What stands in cpp/ and in the package has a row in LAYERS, and C++ sources stand in folders."""
    folders = {path.relative_to(CPP).parts[0] for path in cpp_files()}
    modules = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in PACKAGE.rglob("*.py")}
    assert folders <= set(CPP_FLOORS), f"no row in LAYERS: {sorted(folders - set(CPP_FLOORS))}"
    assert modules <= set(PYTHON_FLOORS), f"no row in LAYERS: {sorted(modules - set(PYTHON_FLOORS))}"


def test_includes_keep_to_the_floors() -> None:
    """A quoted include is `folder/file`, exists, and its folder is named in the row of the including folder."""
    wrong = []
    for path in cpp_files():
        folder = path.relative_to(CPP).parts[0]
        for target in INCLUDE.findall(path.read_text(encoding="utf-8")):
            allowed = {folder, *CPP_FLOORS.get(folder, [])}
            if target.split("/")[0] not in allowed or not (CPP / target).is_file():
                wrong.append(f"{name_of(path)} includes {target}")
    assert not wrong, "\n".join(wrong)


def test_imports_keep_to_the_floors() -> None:
    """A module imports only modules named in its row, and none imports the package root."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").parts[0]
        allowed = {module, *PYTHON_FLOORS.get(module, [])}
        for imported in imported_names(path):
            parts = imported.split(".")
            if parts[0] != PACKAGE.name:
                continue
            if len(parts) == 1 or parts[1] not in allowed:  # a member of the root has no row, so it is refused too
                wrong.append(f"{name_of(path)} imports {imported}")
    assert not wrong, "\n".join(wrong)


def test_openmp_stands_in_one_file() -> None:
    """`#pragma omp` occurs in base/threads and nowhere else."""
    found = [name_of(path) for path in cpp_files() if PRAGMA_OMP.search(path.read_text(encoding="utf-8"))]
    assert found in (["cpp/base/threads.hpp"], ["cpp/base/threads.cpp"])


def test_files_are_short() -> None:
    """No source file has more than 400 lines; only the stubs of the extension may."""
    paths = [path for path in source_files() if path.name != "_core.pyi"]
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_names_say_something() -> None:
    """No file and no folder is called utils, common, helpers or misc."""
    parts = {part for path in source_files() for part in path.relative_to(ROOT).parts}
    assert not {part for part in parts if part.split(".")[0].strip("_").lower() in FORBIDDEN_NAMES}


def test_the_version_is_the_same_everywhere() -> None:
    """pyproject.toml, the fallback in CMakeLists.txt and the imported package agree."""
    import curvature

    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    fallback = re.search(r"set\(curvature_version ([\d.]+)\)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert fallback is not None
    assert fallback.group(1) == version
    assert curvature.__version__ == version


@pytest.mark.parametrize("isa", ISA_FLAGS)
@pytest.mark.parametrize("source", sorted(CPP.rglob("*.isa.cpp")), ids=name_of)
def test_an_instruction_set_object_exports_its_table_only(source: Path, isa: str, tmp_path: Path) -> None:
    """One strong symbol: with a weak one the linker could take an AVX-512 copy of a shared function for an old CPU."""
    compiler, nm = shutil.which(os.environ.get("CXX", "g++")), shutil.which("nm")
    if compiler is None or nm is None or platform.machine() not in {"x86_64", "AMD64"}:
        pytest.skip("needs a C++ compiler and nm on x86-64")
    target = [*ISA_FLAGS[isa], f"-DCURVATURE_ISA={isa}", f"-DCURVATURE_ISA_{isa}=1"]
    flags = ["-std=c++20", "-O3", "-DNDEBUG", "-ffp-contract=off", "-fno-math-errno", "-fPIC", *target, f"-I{CPP}"]
    built = tmp_path / "kernel.o"
    subprocess.run([compiler, *flags, "-c", str(source), "-o", str(built)], check=True)
    listing = subprocess.run(
        [nm, "--defined-only", "--extern-only", "--format=posix", str(built)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    symbols = [line.split()[:2] for line in listing.splitlines() if line.strip()]
    weak = [name for name, kind in symbols if kind in "WVwvu"]
    assert not weak, f"weak or unique symbols: {weak}"
    assert len(symbols) == 1, f"exactly one exported symbol is wanted, not {[name for name, _ in symbols]}"
