"""The audit's findings in words."""

from scenes.dataset import findings
from scenes.dataset.audit_table import FATAL, NOTED

NOTHING = {
    "problems": dict.fromkeys((*FATAL, *NOTED), 0),
    "duplicates": {
        "near": {
            "groups": 0,
            "images": 0,
            "train_and_test": {"groups": 0, "images": 0},
            "conflicting_labels": {"groups": 0, "images": 0},
        }
    },
}


def test_nothing_found_is_nothing_said():
    assert list(findings.lines(NOTHING, [])) == []


def test_every_finding_has_its_line():
    numbers = {
        "problems": NOTHING["problems"] | {"web_page": 1200, "corrupt": 1, "damaged": 3, "odd_size": 2},
        "duplicates": {
            "near": {
                "groups": 4,
                "images": 9,
                "train_and_test": {"groups": 1, "images": 2},
                "conflicting_labels": {"groups": 2, "images": 4},
            }
        },
    }
    assert list(findings.lines(numbers, [("b", "d")])) == [
        "the mirror image of 'b' looks like 'd': set augmentation.flip: false",
        "unusable: 1,200 a web page, 1 corrupt",
        "odd, but usable: 3 damaged, 2 of an unusual size",
        "duplicates: 9 images in 4 groups; 1 group in both train and test; 2 groups under several labels",
    ]


def test_every_problem_has_words():
    numbers = NOTHING | {"problems": dict.fromkeys((*FATAL, *NOTED), 1)}
    fatal, noted = findings.lines(numbers, [])
    assert (fatal.count(","), noted.count(",")) == (len(FATAL) - 1, len(NOTED))


def test_many_mirrored_classes_are_summed_up():
    *first, last = findings.lines(NOTHING, [(str(number), "x") for number in range(5)])
    assert len(first) == 3 and "2 more pairs of classes" in last
