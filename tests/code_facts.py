"""What the code says of itself: which project modules a module imports, and which params it reads."""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("stages", "scenes", "app")


def _file_of(module: str) -> Path | None:
    """Return the file of a project module, or None if there is no such module."""
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imported(file: Path) -> set[str]:
    """Return the names of the project modules that ``file`` imports."""
    return {name for name in _names(file) if name.split(".")[0] in PACKAGES and _file_of(name)}


def _names(file: Path) -> set[str]:
    """Return the names of all that ``file`` imports, anywhere in it, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            # `from scenes import records` names a module, `from scenes.dataset.records import load` a thing in one.
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(module: str) -> set[str]:
    """Return the packages that running ``python -m module`` can load, but for the project's and Python's own."""
    found = {name.split(".")[0] for file in module_files(module) for name in _names(ROOT / file)}
    return found - {*PACKAGES, *sys.stdlib_module_names}


def module_files(module: str) -> set[str]:
    """Return the project files that running ``python -m module`` can load, relative to the root, but empty packages.

    A package's own ``__init__.py`` counts only if it holds code beyond its docstring.
    """
    todo, seen = {module}, set()
    while todo:
        name = todo.pop()
        seen.add(name)
        todo |= _imported(_file_of(name)) - seen
    files = {_file_of(name) for name in seen}
    return {file.relative_to(ROOT).as_posix() for file in files if not _only_docstring(file)}


def template_files(module: str) -> set[str]:
    """Return the templates that running ``python -m module`` can render, relative to the root.

    They stand in scenes/report/templates, and in quotes where they are used, in code as in templates.
    """
    texts = [(ROOT / file).read_text(encoding="utf-8") for file in module_files(module)]
    found = set()
    while texts:
        for name in re.findall(r'"([\w.-]+\.jinja)"', texts.pop()):
            file = ROOT / "scenes" / "templates" / name
            if file not in found:
                found.add(file)
                texts.append(file.read_text(encoding="utf-8"))
    return {file.relative_to(ROOT).as_posix() for file in found}


def _only_docstring(file: Path) -> bool:
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return file.name == "__init__.py" and len(body) <= 1 and all(isinstance(node, ast.Expr) for node in body)


def _path(node: ast.AST, aliases: dict[str, str], function_argument: str | None) -> str | None:
    """Return the dotted parameter that an expression stands for, such as ``models.${key}.training``."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id)
    if isinstance(node, ast.Attribute):
        base = _path(node.value, aliases, function_argument)
        return None if base is None else f"{base}.{node.attr}".lstrip(".")
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and node.slice.id == function_argument:
        base = _path(node.value, aliases, function_argument)
        return None if base is None else f"{base}.${{key}}".lstrip(".")
    return None


def params_read(module: str) -> set[str]:
    """Return the parameters that stage ``module`` reads, as dvc.yaml writes them, each as deep as the code goes.

    ``params`` is what ``read()`` returns; ``params.profile_settings`` the block of the chosen profile; a variable
    set to a part of ``params`` stands for that part.
    """
    tree = ast.parse(_file_of(module).read_text(encoding="utf-8"))
    main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    argument = main.args.args[0].arg if main.args.args else None
    aliases, uses = {}, set()
    for node in ast.walk(main):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "read":
                aliases[name] = ""
            elif (path := _path(value, aliases, argument)) is not None:
                aliases[name] = path
    parents = {child: node for node in ast.walk(main) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(main):
        path = _path(node, aliases, argument)
        parent = parents.get(node)
        # A part that only gets a name counts where the name is used.
        if path and _path(parent, aliases, argument) is None and not isinstance(parent, ast.Assign):
            uses.add(path)
    named = {path.replace("active", "profiles.${profile}", 1) if path.startswith("active") else path for path in uses}
    return {path for path in named if not any(path != other and path.startswith(other + ".") for other in named)}
