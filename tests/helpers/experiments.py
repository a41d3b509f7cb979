"""Experiments without DVC: what ``scenes.experiments.runs`` asks of it and of git, answered from memory."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from ruamel.yaml import YAML

from scenes.experiments import repository, runs
from scenes.experiments.settings import applied

HEAD = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Memory:
    """The experiments of a project in the working folder.

    Attributes:
        train: from (params, name of a model, watch) to its headlines and its epochs' crossentropies; it
            calls watch with each epoch, and stops where that says so.
        files: of each experiment, by its name.
        started: the names of all that were run, also of those ended early.
    """

    train: Callable
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    def run(self, name: str, target: str, settings: list[str], watch: Callable = lambda line: True) -> bool:
        self.started.append(name)
        params, model, wanted = applied(list(settings)), target.removeprefix("evaluate@"), True

        def epoch(number: int, crossentropy: float) -> bool:
            nonlocal wanted
            line = f"epoch {number}/9  accuracy 0.5 (val 0.5)  crossentropy 1 (val 9)  calibrated {crossentropy:.4f}"
            wanted = wanted and watch(line)
            return wanted

        headlines, epochs = self.train(params, model, epoch)
        if not wanted:
            return False
        rows = [f"{number}\t{value}" for number, value in enumerate(epochs, 1)]
        text = io.StringIO()
        YAML(typ="safe").dump(params, text)
        self.files[name] = {
            "params.yaml": text.getvalue(),
            f"metrics/{model}.json": json.dumps(headlines),
            f"plots/{model}/training/curves.tsv": "\n".join(["epoch\tval_calibrated_crossentropy", *rows]),
        }
        return True

    def read(self, commit: str, path: str) -> str:
        return self.files[commit.removeprefix("commit of ")][path]

    def revisions(self) -> dict[str, tuple[str, str]]:
        return {name: (f"commit of {name}", HEAD) for name in self.files}


def remember(patch, train: Callable) -> Memory:
    """Let ``scenes.experiments.runs`` use a new memory, as long as ``patch`` lasts, and return it."""
    memory = Memory(train)
    for name in ("run", "read", "revisions"):
        patch.setattr(runs, name, getattr(memory, name))
    patch.setattr(repository, "head", lambda: HEAD)
    patch.setattr(repository, "check", lambda: None)
    return memory
