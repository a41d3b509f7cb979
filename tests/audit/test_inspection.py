"""What an audit reuses: one more archive costs its own images, and nothing shows what was audited before."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.audit import audit, audit_table, inspection
from scenes.common.archives import archive_name
from scenes.duplicates import near_duplicates
from scenes.executors import reuse
from scenes.layout.layout import Archive
from tests.helpers.pictures import encode, pack, picture

LAYOUT = {"labels": "folders"}
# Pictures by their number; a number of 100 or more is that of a copy of the picture without the hundreds.
DELIVERIES = {
    "first": {"lake": (0, 1, 2, 3, 100, 4), "moor": (5, 6, 7, 105)},
    "second": {"lake": (8, 9, 101), "moor": (10, 11, 5, 102)},
    "third": {"lake": (201, 12), "moor": (3, 106)},
    "broken": {"lake": (13,), "moor": (14, -1)},
}


def image(number: int) -> bytes:
    return encode(picture(number % 100, 40, 40), quality=90 - 10 * (number // 100)) if number >= 0 else b"no picture"


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zips")
    for name, classes in DELIVERIES.items():
        images = {f"{label}/{number}.jpg": image(number) for label, numbers in classes.items() for number in numbers}
        pack(folder / f"{name}.zip", images)
    return folder


def audited(folder, zips, deliveries, distance: int = 4) -> dict[str, bytes]:
    """Audit the deliveries, after others in the same folder, and return all that is written."""
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for old in raw.iterdir():
        old.unlink()
    for number, delivery in enumerate(deliveries, 1):
        (raw / archive_name(number)).hardlink_to(zips / f"{delivery}.zip")
    with (
        Archive(raw, LAYOUT, 5_000_000, 200) as archive,
        reuse.renewed(folder / "inspected", folder / "keys.json", audit.file_keys(archive, ("code",))) as inspected,
    ):
        found = audit.audit(archive, inspected, max_pixels=10_000, near_duplicate_distance=distance, processes=1)
    audit_table.write(found.table, folder / "audit.csv")
    files = [*sorted((folder / "inspected").iterdir()), folder / "keys.json", folder / "audit.csv"]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture
def work(monkeypatch):
    """The images that are decoded, and the pairs that are compared."""
    decoded, compared = [], []
    inspect, is_same = inspection.inspect, near_duplicates._is_same
    monkeypatch.setattr(
        inspection, "inspect", lambda path, *args, **more: decoded.append(path) or inspect(path, *args, **more)
    )
    monkeypatch.setattr(near_duplicates, "_is_same", lambda *args: compared.append(args[-1]) or is_same(*args))
    return decoded, compared


def test_one_more_archive_costs_its_own_images(tmp_path, zips, work):
    decoded, compared = work
    before = audited(tmp_path / "a", zips, ["first", "broken"])
    alone = {*compared}
    assert len(decoded) == 13
    assert len(alone) == 2
    decoded.clear(), compared.clear()
    after = audited(tmp_path / "a", zips, ["first", "broken", "second"])
    assert sorted(decoded) == [
        f"archive-3/{label}/{number}.jpg"
        for label, numbers in DELIVERIES["second"].items()
        for number in sorted(numbers, key=str)
    ]
    assert alone.isdisjoint(compared)
    assert len({*compared}) == 2
    assert {name: after[name] for name in ("archive.npy", "archive-2.npy")} == {
        name: before[name] for name in ("archive.npy", "archive-2.npy")
    }
    decoded.clear(), compared.clear()
    assert audited(tmp_path / "a", zips, ["first", "broken", "second"]) == after
    assert decoded == compared == []
    assert audited(tmp_path / "b", zips, ["first", "broken", "second"]) == after


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(sorted(DELIVERIES)), min_size=1, unique=True), st.sampled_from((0, 4))),
        min_size=2,
        max_size=4,
    )
)
def test_what_is_written_does_not_depend_on_what_was_audited_before(tmp_path_factory, zips, history):
    folder = tmp_path_factory.mktemp("history")
    for deliveries, distance in history:
        found = audited(folder / "a", zips, deliveries, distance)
    assert found == audited(folder / "b", zips, deliveries, distance)


@pytest.mark.parametrize("name", ["archive.npy", "near_duplicates.csv", "archive-2.npy"])
def test_a_damaged_file_is_computed_again(tmp_path, zips, work, name):
    decoded, compared = work
    deliveries = ["first", "second"]
    found = audited(tmp_path, zips, deliveries)
    decoded.clear(), compared.clear()
    path = tmp_path / "inspected" / name
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))
    assert audited(tmp_path, zips, deliveries) == found
    assert len(decoded) == {"archive.npy": 10, "archive-2.npy": 7}.get(name, 0)
    assert bool(compared) == (name == "near_duplicates.csv")
