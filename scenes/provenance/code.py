"""Fingerprints of the code that a stage can import, and the check that it imports nothing else.

``code/<stage>.txt`` has a line ``hash  name`` for each module and data file. The stage depends on it in dvc.yaml.
provenance.json and the state of an interrupted training contain its :func:`digest`.
"""

import ast
import atexit
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.words import shortened

_Imports = tuple[tuple[int, str | None, tuple[str, ...]], ...]  # level, module and names of each import
_LEFTOVERS = (".pyc", ".orig", ".rej", ".bak", ".tmp", ".swp", "~")  # of editors, merges and Python: no data
VARIABLE = "SCENES_CODE"  # environment variable: tells the processes that a stage starts what they may import


def fingerprints(module: str, root: Path) -> dict[str, str]:
    """Return a short hash of each project module that ``module`` can import, itself included, and of their data files.

    Imports inside functions count too. A name is a project module if ``root`` has a file of that name. Importing it
    runs its packages too. A module with nothing but a docstring is left out. A data file is any file that is not
    Python. It belongs to the innermost package above it, and to all modules of that package.

    Args:
        module: its dotted name.
        root: the folder that the project's packages are in.

    Raises:
        InputError: a module is not valid Python.
    """
    result: dict[str, str] = {}
    seen: set[str] = set()
    folders: set[Path] = set()
    todo = {module}
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
            # `from scenes.common import files` names a module, `from scenes.common.files import atomic_dir` a function.
            todo |= {imported, *(f"{imported}.{each}" for each in names)} - seen - {""}
        folders |= {file.parent} - {root}
    for path in (path for folder in folders for path in _data_files(folder)):
        result[path.relative_to(root).as_posix()] = _short(path.read_bytes().replace(b"\r\n", b"\n"))
    return result


def text(hashes: Mapping[str, str]) -> str:
    """Return fingerprints as the text of a file, a line each, sorted by name."""
    return "".join(f"{code}  {name}\n" for name, code in sorted(hashes.items()))


def digest(text: str) -> str:
    """Return one hash for all fingerprints in the ``text`` of a file: its sha256, as `sha256sum` prints it."""
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def checked(code: str, file: Path, root: Path) -> Iterator[None]:
    """Make sure that ``file`` lists all project code that runs in the block, with its current hashes.

    The file is compared with ``code`` at the start. Then any import of a module that the file does not list fails, in
    this process and in those that it starts with its environment. At the end of each process, modules that were loaded
    without an import are checked too. A module that is edited after it was loaded is not an error.

    Args:
        code: the fingerprints of the stage, from :func:`text`.
        file: the file that should contain them.
        root: see :func:`fingerprints`.

    Raises:
        InputError: the file does not match, or any of the processes tried to import another module.
    """
    with tempfile.NamedTemporaryFile() as refused:
        guard = _Guard(root, file, Path(refused.name))
        if differ := sorted(name for name, _ in guard.listed.items() ^ _lines(code).items()):
            names = shortened(dict.fromkeys(differ))
            raise InputError(f"{guard.shown} does not match the code ({names}); run `dvc repro code`")
        os.environ[VARIABLE] = "\n".join(map(str, (root, file, refused.name)))
        try:
            with guard.on_duty():
                yield
            if code != file.read_text(encoding="utf-8"):
                raise InputError(f"{guard.shown} was changed while the stage ran; run `dvc repro` again")
        finally:
            del os.environ[VARIABLE]
            # Another process has no other way to report it, and an `except` may have swallowed it.
            if sentences := guard.refused.read_text(encoding="utf-8").splitlines():
                raise InputError(sentences[0])


def guard_this_process() -> None:
    """Apply the check of :func:`checked` to this process, which a stage has started."""
    guard = _Guard(*map(Path, os.environ[VARIABLE].split("\n")))
    guard.check_loaded()
    sys.meta_path.insert(0, guard)
    atexit.register(guard.note_loaded)


class _Guard:
    """An import hook that loads nothing; it fails for a project module that the stage's file does not list."""

    def __init__(self, root: Path, file: Path, refused: Path) -> None:
        self.root, self.refused, self.shown = root, refused, os.path.relpath(file, root)
        try:
            self.listed = _lines(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{self.shown} is missing; run `dvc repro code`, which writes it") from None
        self.checked: set[str] = set()

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
                # By its file: a stage is called __main__ here, and __mp_main__ in the processes of a pool.
                name = file[len(prefix) :].removesuffix(".py").removesuffix(f"{os.sep}__init__").replace(os.sep, ".")
                # The path of a library in a virtual environment below the root is not a module name.
                if name.replace(".", "").isidentifier() and _file(name, self.root) == Path(file):
                    self._check(name, Path(file))

    def note_loaded(self) -> None:
        """Check what is loaded at the end of a process; the stage reports what :meth:`_check` has noted."""
        with suppress(InputError):
            self.check_loaded()

    def _check(self, name: str, file: Path) -> None:
        if name in self.checked:
            return
        code, _ = _parsed(file)
        if code != self.listed.get(name):
            problem = "has changed since it was written" if name in self.listed else "is not in it"
            advice = "" if name in self.listed else "import it with an import statement, not by name, and "
            sentence = f"{self.shown} does not match the code that runs: {name} {problem}; {advice}run `dvc repro code`"
            with self.refused.open("a", encoding="utf-8") as refused:
                refused.write(f"{sentence}\n")
            raise InputError(sentence)
        self.checked.add(name)


def _lines(code: str) -> dict[str, str]:
    """Return the fingerprints in the text of a file, by name."""
    return {name: short for short, _, name in (line.partition("  ") for line in code.splitlines())}


@cache
def _is_of(top: str, root: Path) -> bool:
    """Return whether the project may have modules under a top-level name. Cached: each import asks."""
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
        if path.is_file() and not path.name.endswith((".py", *_LEFTOVERS)):
            yield path
        elif path.is_dir() and not any(path.glob("*.py")):
            yield from _data_files(path)


def _parsed(file: Path) -> tuple[str | None, _Imports]:
    """Return the hash of a module, None if it has no code, and its imports."""
    try:
        return _parsed_code(file.read_bytes())
    except SyntaxError as error:
        raise InputError(f"{file}, line {error.lineno}: {error.msg}; fix it") from None


@cache
def _parsed_code(source: bytes) -> tuple[str | None, _Imports]:
    tree = ast.parse(source)
    imports: list[tuple[int, str | None, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module, tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        elif isinstance(node, ast.JoinedStr):  # some releases of Python 3.12 put empty strings into it
            node.values = [value for value in node.values if getattr(value, "value", None) != ""]
    return (_short(_structure(tree).encode()) if tree.body else None), tuple(imports)


def _structure(node: object) -> str:
    """Return a syntax tree as text. ``ast.dump`` does not write the same tree alike in all versions of Python."""
    if isinstance(node, ast.AST):
        # Empty fields are left out, because later versions have fields that earlier ones lack.
        fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(f'{name}={_structure(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_structure, node))}]"
    return repr(node)


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
