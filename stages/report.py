"""Report data, scores, pictures and the choice of a model: reports/report.html, report.md and model_card.md."""

from pathlib import Path

from scenes.common.files import atomic_write
from scenes.config.params import read, to_dict
from scenes.report import context, render
from stages import checked_stage

DATA = Path("data")
PLOTS = Path("plots")
PRODUCTION = Path("models/production")
PAGE = "reports/report.html"
SHORT = "reports/report.md"
CARD = "reports/model_card.md"


def main() -> None:
    params = read()
    profile = params.profile_settings
    models, features = to_dict(params.models), to_dict(profile.features)
    for model in models.values():
        if model["kind"] == "cnn":
            model["training"]["epochs"] = profile.cnn.epochs or model["training"]["epochs"]
    judge = features[params.label_issues.features]
    paths = context.Paths(
        scores=DATA / "scores",
        plots=PLOTS,
        split=DATA / "split.csv",
        predictions=DATA / "predictions.csv",
        production=PRODUCTION,
    )
    facts = context.context(
        paths,
        title=profile.title,
        published=profile.published,
        source=profile.source,
        features=features,
        label_features_learned=judge["finetune"] is not None,
        models=models,
    )
    texts = render.html(facts), render.markdown(facts), render.model_card(facts)
    with atomic_write(PAGE, SHORT, CARD) as files:
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, encoding="utf-8", newline="\n")
    print(context.format_summary(facts))


if __name__ == "__main__":
    with checked_stage("report"):
        main()
