"""Report data, scores, pictures and the choice of a model: reports/report.html, in short reports/report.md."""

from pathlib import Path

from scenes.common.files import atomic_write
from scenes.config.params import read, to_dict
from scenes.report import context as report_context
from scenes.report import render
from stages import checked_stage


def main() -> None:
    params = read()
    profile = params.profile_settings
    models = to_dict(params.models)
    paths = report_context.Paths(
        audit=Path("metrics/audit.json"),
        comparison=Path("metrics/comparison.json"),
        production=Path("metrics/production.json"),
        label_issues=Path("metrics/label_issues.json"),
        scores={name: Path("metrics") / f"{name}.json" for name in models},
        split=Path("data/split.csv"),
        label_issue_table=Path("data/label_issues.csv"),
        predictions=Path("data/predictions.csv"),
        audit_plots=Path("plots/audit"),
        label_issue_plots=Path("plots/label_issues"),
        prediction_plots=Path("plots/predictions"),
        model_plots={name: Path("plots") / name for name in models},
    )
    context = report_context.context(
        paths,
        title=params.report.title,
        published=params.report.published,
        source=profile.source,
        backbone={
            "name": profile.backbone,
            "weights": profile.weights,
            "image_size": profile.backbone_image_size,
            "finetune_epochs": profile.finetune.epochs,
        },
        label_issue_features=profile.label_issue_features,
        models=models,
    )
    with atomic_write("reports/report.html", "reports/report.md") as (page, short):
        page.write_text(render.html(context), encoding="utf-8", newline="\n")
        short.write_text(render.markdown(context), encoding="utf-8", newline="\n")
    print(report_context.format_summary(context))


if __name__ == "__main__":
    with checked_stage("report"):
        main()
