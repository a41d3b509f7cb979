"""The audit's findings in words."""

from scenes.audit import audit_findings
from scenes.audit.audit_table import FATAL, NOTED
from tests.helpers.audited import plain_rows, table


def duplicates(*counts: tuple[int, int]) -> dict:
    """Return the numbers of groups and images of all near duplicates, of those across splits, and of those disputed."""
    found, leaked, disputed = ({"groups": groups, "images": images} for groups, images in counts)
    return {"near": {**found, "train_and_test": leaked, "conflicting_labels": disputed}}


NO_PROBLEMS = dict.fromkeys((*FATAL, *NOTED), 0)
NOTHING = {"problems": NO_PROBLEMS, "duplicates": duplicates((0, 0), (0, 0), (0, 0))}


def test_nothing_found_is_nothing_said():
    assert list(audit_findings.lines(NOTHING, [])) == []


def test_every_finding_has_its_line():
    numbers = {
        "problems": NO_PROBLEMS | {"web_page": 1200, "corrupt": 1, "damaged": 3, "odd_size": 2},
        "duplicates": duplicates((4, 9), (1, 2), (2, 4)),
    }
    assert list(audit_findings.lines(numbers, [("b", "d")], {"1.jxl": "JPEG XL", "2.jxl": "JPEG XL"})) == [
        "the mirror image of 'b' looks like 'd': set augmentation.flip: false",
        "unusable: 1,200 a web page, 1 corrupt",
        "odd, but usable: 3 damaged, 2 of an unusual size",
        "2 images are JPEG XL, which is not read; save them as JPEG or PNG",
        "duplicates: 9 images in 4 groups; 1 group in both train and test; 2 groups under several labels",
    ]


def test_every_problem_has_words():
    numbers = NOTHING | {"problems": dict.fromkeys((*FATAL, *NOTED), 1)}
    fatal, noted = audit_findings.lines(numbers, [])
    assert (fatal.count(","), noted.count(",")) == (len(FATAL) - 1, len(NOTED))


def test_many_mirrored_classes_are_summed_up():
    *first, last = audit_findings.lines(NOTHING, [(str(number), "x") for number in range(5)])
    assert len(first) == 3 and "2 more pairs of classes" in last


def test_small_classes_are_named():
    rows = [*plain_rows(20), *plain_rows(4, 1, labels=["owl"], pred=0), *plain_rows(9, 0, labels=["eel"], pred=0)]
    (line,) = audit_findings.small_classes(table(rows))
    assert line.startswith("few images: 'eel' has 9, 'owl' has 5; ")
    assert audit_findings.small_classes(table(plain_rows(10, 0))) == []
