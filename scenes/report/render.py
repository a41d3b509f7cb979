"""The report as a self-contained HTML page and as short Markdown for a pull request, and the model card.

The templates are in scenes/report/templates. All values are escaped, and a value missing from the context is an error.
The same context gives the same bytes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scenes.report import numbers, templates

_TEMPLATES = Path(templates.__file__).parent
_FILTERS = (numbers.percent, numbers.points, numbers.interval, numbers.count, numbers.score, numbers.p_value)
# Characters with a meaning in GitHub's Markdown, also inside tables.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>|#~&$]")


def html(context: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        context: see ``scenes.report.context.context``.
    """
    return _environment(autoescape=True).get_template("report.html.jinja").render(context)


def markdown(context: Mapping[str, Any]) -> str:
    """Return the short version, without pictures.

    Args:
        context: see ``scenes.report.context.context``.
    """
    return _environment(finalize=escape_markdown).get_template("report.md.jinja").render(context)


def model_card(context: Mapping[str, Any]) -> str:
    """Return the model card, in the form of a model repository's README.md on Hugging Face.

    Args:
        context: see ``scenes.report.context.context``.
    """
    template = _environment(finalize=escape_markdown).get_template("model_card.md.jinja")
    header = yaml.safe_dump(_card_header(context), sort_keys=False, allow_unicode=True, width=120)
    return template.render(context, header=Markup(header))


def escape_markdown(value: Any) -> Any:
    """Return ``value`` as one line of text without Markdown; a value marked safe is returned unchanged."""
    if isinstance(value, Markup):
        return value
    return _MARKDOWN.sub(r"\\\g<0>", re.sub(r"[\r\n\t]+", " ", str(value)))


def _card_header(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of the model card, see https://huggingface.co/docs/hub/model-cards#model-card-metadata.

    The licence of a model trained on somebody's images is not ours to say.
    """
    scores, metrics = context["production"]["scores"], []
    for images, each in (("all test images", scores), ("test images without duplicates", scores["clean"])):
        interval = numbers.interval(each["accuracy_interval"])
        metrics += [
            {"type": "accuracy", "value": each["accuracy"], "name": f"Accuracy, {images}, 95 % interval {interval}"},
            {"type": "f1", "value": each["macro_f1"], "name": f"Macro F1, {images}"},
        ]
    result = {
        "task": {"type": "image-classification", "name": "Image Classification"},
        "dataset": {"type": "imagefolder", "name": context["title"], "split": "test"},
        "metrics": metrics,
    }
    return {
        "license": "apache-2.0" if context["drawn"] else "unknown",
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "keras"],
        "metrics": ["accuracy", "f1"],
        "model-index": [{"name": context["production"]["name"], "results": [result]}],
    }


def _environment(**options: Any) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters |= {function.__name__: function for function in _FILTERS}
    return environment
