"""Get the archive of each source, or draw it, and check that it is sound: data/raw/."""

from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path

from scenes.common.archives import archive_name, as_list
from scenes.common.checksum import file_hash
from scenes.common.files import atomic_dir
from scenes.common.outputs import earlier, write_sums
from scenes.config.params import read, to_dict
from scenes.download.local import check_watched, is_watched
from scenes.download.obtain import Pins, obtain, pinning
from scenes.download.partial import resumable_download_dir
from scenes.download.source import parse_sources
from stages import checked_stage

RAW = Path("data/raw")
PARTIAL = Path(".partial")  # not in data/raw, which appears whole or not at all


def main() -> None:
    params = read()
    profile = params.profile_settings
    sources = parse_sources(profile.source)
    check_watched(sources, params.watch)
    expected = as_list(profile.archive_bytes), as_list(profile.archive_sha256)
    pins = [Pins(*(value or None for value in each)) for _, *each in zip_longest(sources, *expected)]
    pinned = any(each.sha256 for each in pins)
    there = {file_hash(path): path for path in earlier(RAW).values()} if pinned else {}

    def draw(path: Path) -> None:
        from scenes.synthetic.archive import draw_archive  # here, so that other sources start at once

        draw_archive(path, **to_dict(profile.synthetic))

    found = []
    # The folders of the downloads stay until all archives are there: the next run takes what this one has.
    with ExitStack() as downloads, atomic_dir(RAW) as folder:
        for number, (source, pin) in enumerate(zip(sources, pins, strict=True), 1):
            path = folder / archive_name(number)
            unfinished = downloads.enter_context(resumable_download_dir(PARTIAL / source.key))
            done = obtain(source, path, pin, there=there, unfinished=unfinished, draw=draw)
            print(f"{RAW / path.name}: {done}", flush=True)
            fixed = source.kind != "synthetic" and not is_watched(source, params.watch)
            found.append(Pins(path.stat().st_size, file_hash(path)) if fixed else Pins(None, None))
        write_sums(folder)
    if any(each.sha256 and not pin.sha256 for pin, each in zip(pins, found, strict=True)):
        it = "it" if len(found) == 1 else "them"
        print(f"to pin {it}, put these lines into the block of the profile in params.yaml:")
        print(pinning(found))


if __name__ == "__main__":
    with checked_stage("download"):
        main()
