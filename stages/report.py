"""Put data, scores, pictures and the choice of a model into reports/report.html, in short into reports/report.md."""

from scenes.common.files import atomic_write
from scenes.config.params import read, to_dict
from scenes.report import context as report_context
from scenes.report import render
from stages import checked_stage


def main() -> None:
    params = read()
    context = report_context.context(
        ".",
        title=params.report.title,
        published=params.report.published,
        source=params.profile_settings.source,
        backbone={
            "name": params.profile_settings.backbone,
            "weights": params.profile_settings.weights,
            "image_size": params.profile_settings.backbone_image_size,
            "finetune_epochs": params.profile_settings.finetune.epochs,
        },
        label_issue_features=params.profile_settings.label_issue_features,
        models=to_dict(params.models),
    )
    with atomic_write("reports/report.html", "reports/report.md") as (page, short):
        page.write_text(render.html(context), encoding="utf-8", newline="\n")
        short.write_text(render.markdown(context), encoding="utf-8", newline="\n")
    print(report_context.format_summary(context))


if __name__ == "__main__":
    with checked_stage("report"):
        main()
