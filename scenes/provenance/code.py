"""Fingerprints of the code: what a module can import, as a file for DVC, and the check that a stage imports no more.

``code/<stage>.txt`` has a line ``hash  name`` for each module and data file. DVC holds it as a dependency of the stage;
provenance.json and the state of an interrupted training name its :func:`digest`.
"""

import ast
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from scenes.common.errors import InputError

VARIABLE = "SCENES_CODE"  # of the environment: tells the processes that a stage starts what they may import


def fingerprints(module: str, root: Path) -> dict[str, str]:
    """Return a short hash of each project module that ``module`` can import, itself included, and of their data files.

    Imports count wherever they are written, also within functions. A name is a project module if ``root`` has a file of
    that name; importing it runs its packages too. A module that holds only a docstring does nothing and is left out. A
    data file, which is any file but Python's, belongs to the innermost package whose folder it is in or below, and to
    all modules of that package.

    Args:
        module: its dotted name.
        root: the folder that the project's packages are in.

    Raises:
        InputError: a module is not valid Python.
    """
    result, seen, folders, todo = {}, set(), set(), {module}
    while todo:
        name = todo.pop()
        seen.add(name)
        todo |= {name.rpartition(".")[0]} - seen - {""}
        file = _file(name, root)
        if file is None:
            continue
        code, imports = _parsed(file)
        if code is not None:
            result[name] = code
        package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
        for level, base, names in imports:
            above = package[: len(package) + 1 - level] if level else []
            imported = ".".join([*above, *([base] if base else [])])
            # `from scenes import files` names a module, `from scenes.common.files import replacing` a thing in one.
            todo |= {imported, *(f"{imported}.{each}" for each in names)} - seen - {""}
        folders |= {file.parent} - {root}
    for path in (path for folder in folders for path in _data_files(folder)):
        result[path.relative_to(root).as_posix()] = _short(path.read_bytes().replace(b"\r\n", b"\n"))
    return result


def text(found: Mapping[str, str]) -> str:
    """Return fingerprints as the text of a file, a line each, sorted by name."""
    return "".join(f"{code}  {name}\n" for name, code in sorted(found.items()))


def digest(text: str) -> str:
    """Return what stands for all of the code in the ``text`` of a file: its sha256, as `sha256sum` prints it."""
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def checked(code: str, file: Path, root: Path) -> Iterator[None]:
    """See to it that ``file`` names all of the project's code that runs in the block, with the hashes that it has.

    Once at the beginning, and at each later import: in this process and in those that it starts, one that ``file`` does
    not name fails. At the end, what was loaded in another way than by an import is looked for. A module that is edited
    after it was loaded changes nothing and is no fault.

    Args:
        code: the fingerprints of the stage, as :func:`text` gives them.
        file: in which they should be.
        root: see :func:`fingerprints`.

    Raises:
        InputError: they are others, or a module was refused, in whichever process.
    """
    with tempfile.NamedTemporaryFile() as refused:
        guard = _Guard(root, file, Path(refused.name))
        if differ := sorted(name for name, _ in guard.listed.items() ^ _lines(code).items()):
            names = ", ".join(dict.fromkeys(differ))
            raise InputError(f"{guard.shown} is not of the code that is here ({names}); run `dvc repro code`")
        os.environ[VARIABLE] = "\n".join(map(str, (root, file, refused.name)))
        try:
            with guard.on_duty():
                yield
            if code != file.read_text(encoding="utf-8"):
                raise InputError(f"{guard.shown} was changed while the stage ran; run `dvc repro` again")
        finally:
            del os.environ[VARIABLE]
            # Another process may have no other way to say it, or an `except` took it for something else.
            if sentences := guard.refused.read_text(encoding="utf-8").splitlines():
                raise InputError(sentences[0])


def guard_this_process() -> None:
    """Refuse in this process, which a stage has started, what :func:`checked` refuses in the stage's own."""
    guard = _Guard(*map(Path, os.environ[VARIABLE].split("\n")))
    guard.check_loaded()
    sys.meta_path.insert(0, guard)


class _Guard:
    """An import hook that loads nothing; it fails for a project module that is not in the file of the stage."""

    def __init__(self, root: Path, file: Path, refused: Path):
        self.root, self.refused, self.shown = root, refused, os.path.relpath(file, root)
        try:
            self.listed = _lines(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{self.shown} is missing; run `dvc repro code`, which writes it") from None
        self.checked = set()

    @contextmanager
    def on_duty(self) -> Iterator[None]:
        self.check_loaded()
        sys.meta_path.insert(0, self)
        try:
            yield
            self.check_loaded()
        finally:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if _is_of(name.partition(".")[0], self.root) and (file := _file(name, self.root)):
            self._check(name, file)

    def check_loaded(self) -> None:
        prefix = f"{self.root}{os.sep}"
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and file.startswith(prefix) and file.endswith(".py"):
                # By the file: a stage is called __main__ here, and in the processes of a pool __mp_main__.
                name = file[len(prefix) :].removesuffix(".py").removesuffix(f"{os.sep}__init__").replace(os.sep, ".")
                # A library in an environment within the root has a path that is no name.
                if name.replace(".", "").isidentifier() and _file(name, self.root) == Path(file):
                    self._check(name, Path(file))

    def _check(self, name: str, file: Path) -> None:
        if name in self.checked:
            return
        code, _ = _parsed(file)
        if code != self.listed.get(name):
            problem = "has changed since it was written" if name in self.listed else "is not in it"
            advice = "" if name in self.listed else "import it in a statement, not by its name, and "
            sentence = f"{self.shown} is not of the code that runs: {name} {problem}; {advice}run `dvc repro code`"
            with self.refused.open("a", encoding="utf-8") as refused:
                refused.write(f"{sentence}\n")
            raise InputError(sentence)
        self.checked.add(name)


def _lines(code: str) -> dict[str, str]:
    """Return fingerprints from their text."""
    return {name: short for short, _, name in (line.partition("  ") for line in code.splitlines())}


@cache
def _is_of(top: str, root: Path) -> bool:
    """Return whether the project may have modules under the top-level name; asked for thousands of imports."""
    return (root / top).is_dir() or (root / f"{top}.py").is_file()


def _file(name: str, root: Path) -> Path | None:
    """Return the file of a project module, or None if there is no such module."""
    path = root.joinpath(*name.split("."))
    return next((file for file in (path / "__init__.py", path.with_name(f"{path.name}.py")) if file.is_file()), None)


def _data_files(folder: Path) -> Iterator[Path]:
    """Yield the data files of the package in ``folder``."""
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name == "__pycache__":
            continue
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            yield path
        elif path.is_dir() and not any(path.glob("*.py")):
            yield from _data_files(path)


def _parsed(file: Path) -> tuple[str | None, tuple]:
    """Return the hash of a module, None if it does nothing, and its imports: level, module, names."""
    try:
        return _parsed_code(file.read_bytes())
    except SyntaxError as error:
        raise InputError(f"{file}, line {error.lineno}: {error.msg}; mend it") from None


@cache
def _parsed_code(source: bytes) -> tuple[str | None, tuple]:
    tree = ast.parse(source)
    imports = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module, tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        elif isinstance(node, ast.JoinedStr):  # some releases of Python 3.12 put empty texts into it
            node.values = [value for value in node.values if getattr(value, "value", None) != ""]
    return (_short(_structure(tree).encode()) if tree.body else None), tuple(imports)


def _structure(node: object) -> str:
    """Return a syntax tree as text; ``ast.dump`` writes the same tree in other ways from version to version."""
    if isinstance(node, ast.AST):
        # What is absent is left out, as later versions have fields that earlier ones lack.
        fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(f'{name}={_structure(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_structure, node))}]"
    return repr(node)


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
