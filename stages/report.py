"""Put data, scores, pictures and the choice of a model into reports/report.html, in short into reports/report.md."""

from scenes import report, report_page
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read


def main() -> None:
    params = read()
    context = report.context(
        ".",
        title=params.report.title,
        published=params.report.published,
        source=params.active.source,
        backbone={
            "name": params.active.backbone,
            "weights": params.active.weights,
            "image_size": params.active.backbone_image_size,
            "finetune_epochs": params.active.finetune.epochs,
        },
        suspect_features=params.active.suspect_features,
        models=plain(params.models),
    )
    with replacing("reports/report.html", "reports/report.md") as (page, short):
        page.write_text(report_page.html(context), encoding="utf-8", newline="\n")
        short.write_text(report_page.markdown(context), encoding="utf-8", newline="\n")
    print(report.sentence(context))


if __name__ == "__main__":
    with one_sentence():
        main()
