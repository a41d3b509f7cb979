"""Write which code each stage can run: code/<stage>.txt. DVC runs a stage again only if its file changes."""

from scenes.common.files import atomic_dir, visible
from scenes.process.stage_lock import running_stage
from stages import ROOT, code_text

FOLDER = "code"


def texts() -> dict[str, str]:
    """Return the content of the files, by the name of the stage."""
    names = {path.stem for path in visible(ROOT / "stages", "*.py")} - {"__init__", "code"}
    return {name: code_text(name) for name in sorted(names)}


def main() -> None:
    with atomic_dir(FOLDER) as folder:
        for name, text in texts().items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    with running_stage("code"):
        main()
