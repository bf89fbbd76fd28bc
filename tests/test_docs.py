"""The user guide holds: its code runs, its output is what it says, its tables are the package's."""

import ast
import contextlib
import doctest
import inspect
import io
import os
import re
from pathlib import Path

import pytest

import curvature
from curvature import _core, _dataset, _linear_model, _linear_params, _params, _trees_model, boosting, linear, model

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
DATA = Path(os.environ.get("CURVATURE_DATA", ROOT.parent / "shared" / "data"))  # real sets, where they are at hand
# Each page of parameters, the estimators it is about, their parameters in the core, and their names elsewhere.
TREES = (
    "parameters.md",
    (curvature.BoostedTreesRegressor, curvature.BoostedTreesClassifier),
    _core.parameter_table(),
    _params.RIVAL_NAMES,
)
LINEAR = (
    "linear-parameters.md",
    (curvature.LinearRegressor, curvature.LinearClassifier),
    [*_core.linear_parameter_table(), *_core.sgd_parameter_table()],
    _linear_params.RIVAL_NAMES,
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def examples(page: Path) -> list[tuple[int, str, str | None]]:
    """Line, source and promised output (the block of text right below) of every block of Python."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in FENCE.finditer(text):
        if block[1] == "python":
            below = FENCE.match(text, block.end() + 2)
            output = below[2] if below is not None and below[1] == "text" else None
            found.append((text.count("\n", 0, block.start()) + 1, block[2], output))
    return found


def same_output(printed: str, promised: str) -> bool:
    """Equal text with close numbers: the last digits may differ between processors and versions of scikit-learn."""
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (printed, promised)]
    words = [NUMBER.sub("#", text).split() for text in (printed, promised)]
    return words[0] == words[1] and numbers[0] == pytest.approx(numbers[1], rel=0.1, abs=0.011)


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=name_of)
def test_code_runs_and_prints_what_the_page_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CURVATURE_DATA", str(DATA))
    namespace: dict[str, object] = {"__name__": "__main__"}
    for line, source, promised in examples(page):
        if "import pandas" in source or "as_frame=True" in source:
            pytest.importorskip("pandas")
        if "CURVATURE_DATA" in source and not DATA.exists():
            pytest.skip(f"no data in {DATA} for what follows line {line}")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + source, str(page), "exec"), namespace)
        assert same_output(printed.getvalue(), promised or ""), f"line {line} prints\n{printed.getvalue()}"


@pytest.mark.parametrize(
    "module", [boosting, linear, model, _dataset, _linear_model, _trees_model], ids=lambda module: module.__name__
)
def test_examples_of_docstrings(module: object) -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


@pytest.mark.parametrize("name", curvature.__all__)
def test_public_names_are_documented(name: str) -> None:
    member = getattr(curvature, name)
    assert inspect.getdoc(member), f"{name} has no docstring"
    if getattr(member, "__module__", "").startswith("curvature.") and not member.__module__.endswith("_core"):
        assert ">>> " in inspect.getdoc(member), f"{name} has no example"


def table_rows(page: Path) -> list[list[str]]:
    """Cells of all rows of all tables."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]


def documented_defaults(page: str) -> dict[str, list[object]]:
    defaults: dict[str, list[object]] = {}
    for row in table_rows(DOCS / page):
        if len(row) == 4:
            defaults.setdefault(row[0].strip("`"), []).append(ast.literal_eval(row[1].strip("`")))
    return defaults


@pytest.mark.parametrize("page, estimators, in_core, _", [TREES, LINEAR], ids=["trees", "linear"])
def test_parameters_are_listed_with_their_defaults(
    page: str, estimators: tuple[type, ...], in_core: list[dict[str, object]], _: object
) -> None:
    documented = documented_defaults(page)
    defaults: dict[str, list[object]] = {}
    for estimator in estimators:
        for name, parameter in inspect.signature(estimator).parameters.items():
            if parameter.default not in defaults.setdefault(name, []):
                defaults[name].append(parameter.default)
    assert documented == defaults
    assert {row["name"]: [row["default"]] for row in in_core}.items() <= documented.items()


def test_losses_are_listed_with_their_parameters_and_links() -> None:
    documented = {}
    for name, _, _, link, parameters in (row for row in table_rows(DOCS / "losses.md") if len(row) == 5):
        documented[name.strip("`")] = (link, dict(re.findall(r"`(\w+)=([\d.]+)`", parameters)))
    for row in _core.loss_table():
        link, parameters = documented.pop(row["name"])
        assert parameters == {each["name"]: str(each["default"]) for each in row["parameters"]}
        assert link == {"half_logit": "logit of 2 f", "clipped": "(clip(f) + 1) / 2"}.get(row["link"], row["link"])
    assert not documented


@pytest.mark.parametrize("page, _, __, rival_names", [TREES, LINEAR], ids=["trees", "linear"])
def test_names_of_rivals_are_listed(page: str, _: object, __: object, rival_names: dict[str, str]) -> None:
    documented = {
        rival: row[0].strip("`")
        for row in table_rows(DOCS / page)
        if len(row) == 2
        for rival in re.findall(r"`(\w+)`", row[1])
    }
    assert documented == rival_names


def test_the_first_two_commands_of_the_readme() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if re.match(r"\s*(pip|python)", line)]
    assert commands[:2] == [
        "python -m pip install . && python -m curvature",
        'python -m pip install ".[test]" && python -m pytest -q',
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing
