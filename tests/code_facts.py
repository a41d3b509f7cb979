"""What the code says of itself: what Python's own modulefinder says it imports, and which params it reads."""

import ast
import sys
from modulefinder import ModuleFinder
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("stages", "scenes", "app")


def _imports(module: str) -> ModuleFinder:
    finder = ModuleFinder([str(ROOT)])  # which holds the project's modules and nothing else
    finder.import_hook(module)
    return finder


def modules(module: str) -> set[str]:
    """Return the names of the project modules that ``module`` can load and that do something, itself included."""
    found = {name: each for name, each in _imports(module).modules.items() if each.__file__}
    return {name for name, each in found.items() if set(each.__code__.co_names) - {"__doc__"}}


def packages(module: str) -> set[str]:
    """Return the packages that running ``python -m module`` can load, but for the project's and Python's own."""
    found = {name.split(".")[0] for name in _imports(module).badmodules}
    return found - {*PACKAGES, *sys.stdlib_module_names}


def _path(node: ast.AST, aliases: dict[str, str], function_argument: str | None) -> str | None:
    """Return the dotted parameter that an expression refers to, such as ``models.${key}.training``."""
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
    """Return the parameters that stage ``module`` reads, in the notation of dvc.yaml, as specific as the code is.

    ``params`` is what ``read()`` returns; ``params.profile_settings`` the block of the active profile; a variable
    assigned a part of ``params`` refers to that part.
    """
    tree = ast.parse(ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
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
        # A part that is only assigned to a variable counts where the variable is used.
        if path and _path(parent, aliases, argument) is None and not isinstance(parent, ast.Assign):
            uses.add(path)
    named = {
        path.replace("profile_settings", "profiles.${profile}", 1) if path.startswith("profile_settings") else path
        for path in uses
    }
    return {path for path in named if not any(path != other and path.startswith(other + ".") for other in named)}
