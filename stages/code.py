"""Write which code each stage can run: code/<stage>.txt. DVC runs a stage again if its file changes, and only then."""

from scenes.common.errors import exit_on_input_error
from scenes.common.files import atomic_dir
from stages import ROOT, code_text


def texts() -> dict[str, str]:
    """Return what is to be written, by the name of the stage."""
    names = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "code"}
    return {name: code_text(name) for name in sorted(names)}


def main() -> None:
    with atomic_dir("code") as folder:
        for name, text in texts().items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    with exit_on_input_error():
        main()
