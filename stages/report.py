"""Report data, scores, pictures and the choice of a model: reports/report.html, in short reports/report.md."""

from pathlib import Path

from scenes.common.files import atomic_write
from scenes.config.params import read, to_dict
from scenes.report import context, render
from stages import checked_stage

DATA = Path("data")
METRICS = Path("metrics")
PLOTS = Path("plots")
PAGE = "reports/report.html"
SHORT = "reports/report.md"


def main() -> None:
    params = read()
    profile = params.profile_settings
    models, features = to_dict(params.models), to_dict(profile.features)
    for model in models.values():
        if model["kind"] == "cnn":
            model["training"]["epochs"] = profile.cnn.epochs or model["training"]["epochs"]
    judge = features[params.label_issues.features]
    paths = context.Paths(
        audit=METRICS / "audit.json",
        comparison=METRICS / "comparison.json",
        production=METRICS / "production.json",
        label_issues=METRICS / "label_issues.json",
        scores={name: METRICS / f"{name}.json" for name in models},
        split=DATA / "split.csv",
        label_issue_table=DATA / "label_issues.csv",
        predictions=DATA / "predictions.csv",
        audit_plots=PLOTS / "audit",
        label_issue_plots=PLOTS / "label_issues",
        prediction_plots=PLOTS / "predictions",
        model_plots={name: PLOTS / name for name in models},
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
    with atomic_write(PAGE, SHORT) as (page, short):
        page.write_text(render.html(facts), encoding="utf-8", newline="\n")
        short.write_text(render.markdown(facts), encoding="utf-8", newline="\n")
    print(context.format_summary(facts))


if __name__ == "__main__":
    with checked_stage("report"):
        main()
