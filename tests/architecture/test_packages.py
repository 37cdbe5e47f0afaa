"""Every distribution ships what lies in its folders, under its own names."""

from __future__ import annotations

import ast
import configparser
import fnmatch
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Folders of the checkout that are import packages under another name.
RENAMED = {"core": "chatport", "webhooks": "chatport_webhooks", "dashboard": "chatport_dashboard"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEVER_SHIPPED = ("__pycache__", ".pyc", ".DS_Store")


def setup_cfg(folder: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(folder / "setup.cfg")
    return parser


def distributions() -> list[Path]:
    return [
        ROOT,
        *sorted(path.parent for path in ROOT.glob("providers/*/setup.cfg")),
        ROOT / "testkit",
    ]


def import_packages() -> dict[str, Path]:
    """Every import package of the repository and its folder."""
    found = {
        name: ROOT / folder
        for folder, name in RENAMED.items()
        if (ROOT / folder / "__init__.py").is_file()
    }
    for distribution in distributions()[1:]:
        found |= {
            path.parent.name: path.parent for path in distribution.glob("chatport_*/__init__.py")
        }
    return found


def folders_with_code(package: Path, name: str) -> set[str]:
    """Dotted names of the package and of all folders below it that hold Python files."""
    found = {path.parent for path in package.rglob("*.py") if "__pycache__" not in path.parts}
    return {".".join((name, *folder.relative_to(package).parts)) for folder in found}


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def test_root_distribution_lists_every_sub_package() -> None:
    options = setup_cfg(ROOT)["options"]
    existing = set().union(
        *(
            folders_with_code(ROOT / folder, name)
            for folder, name in RENAMED.items()
            if (ROOT / folder).is_dir()
        )
    )

    listed = lines(options["packages"])

    assert sorted(existing - set(listed)) == [], "add these to packages in setup.cfg"
    assert sorted(set(listed) - existing) == [], "these are in setup.cfg but have no Python file"
    assert listed == sorted(listed)


def test_root_distribution_maps_every_renamed_folder() -> None:
    mapped = dict(
        tuple(map(str.strip, line.split("=")))
        for line in lines(setup_cfg(ROOT)["options"]["package_dir"])
    )

    assert mapped == {name: folder for folder, name in RENAMED.items() if (ROOT / folder).is_dir()}


@pytest.mark.parametrize("folder", distributions()[1:], ids=lambda folder: folder.name)
def test_other_distributions_have_an_init_in_every_folder_with_code(folder: Path) -> None:
    """``packages = find:`` passes over a folder without one."""
    missing = [
        str(path.parent.relative_to(ROOT))
        for package in folder.glob("chatport_*")
        for path in package.rglob("*.py")
        if not (path.parent / "__init__.py").is_file()
    ]

    assert missing == []


def shipped_data(name: str, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each file that is no Python code, with the patterns that apply to it, relative to its package."""
    distribution = ROOT if folder.parent == ROOT else folder.parent
    declared = setup_cfg(distribution)["options.package_data"]
    general = lines(declared.get("*", ""))
    for path in sorted(folder.rglob("*")):
        if (
            path.is_dir()
            or path.suffix == ".py"
            or any(word in str(path) for word in NEVER_SHIPPED)
        ):
            continue
        parts = path.relative_to(folder).parts
        patterns = list(general) if len(parts) == 1 else []
        for depth in range(len(parts)):
            if not folder.joinpath(*parts[:depth], "__init__.py").is_file():
                continue  # a folder of data is no package: patterns reach it from the package above
            package = ".".join((name, *parts[:depth]))
            below = "/".join(parts[depth:])
            own = [*general, *lines(declared.get(package, ""))]
            patterns += [pattern for pattern in own if matches(below, pattern)]
        yield str(path.relative_to(ROOT)), patterns


def matches(path: str, pattern: str) -> bool:
    """As setuptools does it: ``*`` stays inside a folder, ``**`` crosses folders."""
    if "**" in pattern:
        return fnmatch.fnmatchcase(path, pattern.replace("**/", "*").replace("**", "*"))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


@pytest.mark.parametrize(("name", "folder"), import_packages().items(), ids=import_packages())
def test_every_data_file_is_in_package_data(name: str, folder: Path) -> None:
    forgotten = [path for path, patterns in shipped_data(name, folder) if not patterns]

    assert forgotten == [], "add a pattern to package_data in setup.cfg"


@pytest.mark.parametrize(("name", "folder"), import_packages().items(), ids=import_packages())
def test_every_package_is_marked_as_typed(name: str, folder: Path) -> None:
    assert (folder / "py.typed").is_file()


def test_type_checkers_see_every_package() -> None:
    """``.typing`` holds a link for each: setuptools' import hook for renamed folders is invisible to them."""
    links = {path.name: path.resolve() for path in (ROOT / ".typing").iterdir()}

    assert links == import_packages()


def test_layer_rules_cover_every_package() -> None:
    assert sorted(PYPROJECT["tool"]["importlinter"]["root_packages"]) == sorted(import_packages())


def test_layer_rules_cover_every_module_of_the_core() -> None:
    layers = next(c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "layers")[
        "layers"
    ]
    covered = {
        module.strip(" ()") for layer in layers for module in layer.replace("|", ":").split(":")
    }
    modules = {
        path.stem if path.is_file() else path.name
        for path in (ROOT / "core").iterdir()
        if is_code(path)
    }

    assert sorted(modules - {module.removeprefix("chatport.") for module in covered}) == []


def is_code(path: Path) -> bool:
    if path.is_dir():
        return any(path.rglob("*.py"))
    return path.suffix == ".py" and path.stem != "__init__"


def test_nothing_imports_a_folder_under_its_own_name() -> None:
    """``import core`` from the checkout would make a second copy of every module."""
    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_bytes()))
        for name in imported(node)
        if name.split(".")[0] in (*RENAMED, "providers", "testkit")
    ]

    assert offenders == []


def python_files() -> Iterator[Path]:
    for folder in (*RENAMED, "providers", "testkit", "tests", "benchmarks", "deploy", "examples"):
        yield from (path for path in (ROOT / folder).rglob("*.py") if "build" not in path.parts)
    yield ROOT / "wsgi.py"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module or ""]
    return []


@pytest.mark.parametrize("folder", distributions(), ids=lambda folder: folder.name)
def test_every_distribution_has_its_own_documents(folder: Path) -> None:
    version = setup_cfg(folder)["metadata"]["version"]

    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert len((folder / "README.md").read_text().splitlines()) <= 120
    assert f"\n## {version} " in (folder / "CHANGELOG.md").read_text()


def test_core_tells_the_version_of_its_distribution() -> None:
    import chatport

    assert chatport.__version__ == setup_cfg(ROOT)["metadata"]["version"]


@pytest.mark.parametrize("folder", distributions(), ids=lambda folder: folder.name)
def test_every_requirement_has_its_reason(folder: Path) -> None:
    """One row in docs/dependencies.md for each package that a distribution asks for."""
    reasons = (ROOT / "docs/dependencies.md").read_text()

    names = requirements(folder)

    assert sorted(name for name in names if f"| `{name}" not in reasons) == []


@pytest.mark.parametrize("folder", distributions(), ids=lambda folder: folder.name)
def test_every_requirement_has_a_tried_version(folder: Path) -> None:
    pinned = {line.split("==")[0] for line in lines((ROOT / "constraints.txt").read_text())}

    assert sorted(requirements(folder) - pinned) == []


def requirements(folder: Path) -> set[str]:
    """Names of the foreign packages that a distribution and its extras ask for."""
    parser = setup_cfg(folder)
    wanted = lines(parser["options"].get("install_requires", ""))
    for extra in (
        parser["options.extras_require"].values() if "options.extras_require" in parser else ()
    ):
        wanted += lines(extra)
    names = {requirement.split(">")[0].split("[")[0].strip() for requirement in wanted}
    return {name for name in names if not name.startswith("chatport")}
