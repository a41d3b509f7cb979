"""Downloads a Kaggle dataset's archive with Kaggle's official client.

The client runs in a process of its own, for three reasons:

- It waits forever for a silent server, and a blocked read can only be ended from outside.
- It prints help, progress and (with VERBOSE=1) the token, and its exceptions contain signed URLs. So its process has no
  stdout and stderr, and reports what happened in our own words.
- It writes to the partial file as long as it lives, so it must not outlive us. It ends when its stdin is closed, which
  we hold open until we end, even by SIGKILL.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from scenes.common.errors import InputError
from scenes.download.partial import check_limit, check_room, unannounced_limit

if TYPE_CHECKING:
    import requests

# Without a megabyte, which is what the client writes at a time: at least 9 kB/s. It must allow for the client's pauses
# between its own retries, 2 + 4 + 8 + 16 + 32 s.
STALL_SECONDS = 120
POLL_SECONDS = 0.1
# The client retries for a minute before it reports a full disk. From outside this shows at once: nothing arrives for
# this long while less than this much space is free.
FULL_SECONDS = 2
FULL_BYTES = 1 << 16


def fetch_dataset(
    dataset: str,
    version: int | None,
    folder: str | Path,
    *,
    expected_bytes: int | None = None,
    stall_seconds: float = STALL_SECONDS,
) -> Path:
    """Download a dataset's zip into ``folder`` and return its path. The content is not checked.

    An unfinished download stays in ``folder``. The next call continues it if the dataset has not changed. The client
    finds the credentials: KAGGLE_API_TOKEN, ~/.kaggle/access_token, KAGGLE_USERNAME and KAGGLE_KEY, or kaggle.json. A
    progress bar appears when stderr is a terminal.

    Args:
        dataset: ``<owner>/<dataset>``.
        version: from 1; None is the latest.
        folder: an existing folder for this dataset and version only.
        expected_bytes: size of the zip, for the bar and to check at once whether it fits on the disk.
        stall_seconds: time allowed without growth of the file, counted from the start of the client.

    Raises:
        InputError: Kaggle, the network or the credentials are at fault.
        OSError: the disk is full.
    """
    name = f"{dataset}/{version}" if version else dataset
    what = f"kaggle:{dataset}/versions/{version}" if version else f"kaggle:{dataset}"
    file = Path(folder) / f"{dataset.rpartition('/')[2]}.zip"  # the name that the client gives it
    # With VERBOSE the client reads the whole body into memory before it writes any of it.
    environment = {key: value for key, value in os.environ.items() if key not in ("VERBOSE", "VERBOSE_OUTPUT")}
    client = subprocess.Popen(
        [sys.executable, "-m", "scenes.download.kaggle", name, str(Path(folder).resolve())],
        cwd=Path(__file__).resolve().parents[2],  # where -m finds the package scenes
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; we end the client
    )
    assert client.stdin is not None and client.stdout is not None  # both are pipes
    try:
        _watch(client, file, what, expected_bytes, stall_seconds)
        answer = client.stdout.read()
    finally:
        client.kill()
        client.wait()
        client.stdin.close()
        client.stdout.close()
    outcome = json.loads(answer) if answer else {"failed": f"its process ended with status {client.returncode}"}
    if outcome == {} and not file.is_file():
        outcome = {"failed": "it left no file"}
    if outcome:
        if outcome.get("failed") == "length":  # an error page may be in it, so it cannot be resumed
            _discard(file)
        raise _error(outcome, what, f"https://www.kaggle.com/datasets/{dataset}", file)
    return file


def _watch(client: subprocess.Popen, file: Path, what: str, expected_bytes: int | None, stall_seconds: float) -> None:
    """Wait until the client has ended, with a bar drawn from the size of the file, which is all that shows."""
    size, changed = _size(file), time.monotonic()
    total, most = None, size + unannounced_limit(file.parent)
    with tqdm(desc=file.name, total=expected_bytes, initial=size, unit="B", unit_scale=True, disable=None) as bar:
        while client.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                client.wait(POLL_SECONDS)
            if (now := _size(file)) != size:
                size, changed = now, time.monotonic()
                if total is None and (total := expected_bytes or _announced_bytes(file)):
                    bar.total = total
                    check_room(file.parent, total - size)
                bar.n = size
                bar.refresh()
                try:
                    check_limit(size, what, total or most, announced=total is not None)
                except InputError:
                    client.kill()
                    client.wait()
                    _discard(file)
                    raise
            idle = time.monotonic() - changed if client.returncode is None else 0
            if idle > FULL_SECONDS and shutil.disk_usage(file.parent).free < FULL_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
            if idle > stall_seconds:
                raise InputError(
                    f"{what}: nothing arrived for {stall_seconds:.0f} s (after {size} bytes); "
                    "check the network and run again: the download resumes if Kaggle allows it"
                )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _announced_bytes(file: Path) -> int | None:
    """Return the size in the client's note beside its unfinished file, or None: the note has no documented format."""
    try:
        size = json.loads(_note(file).read_text(encoding="utf-8"))["size"]
        return size if isinstance(size, int) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.kaggle-partial")


def _discard(file: Path) -> None:
    file.unlink(missing_ok=True)
    _note(file).unlink(missing_ok=True)


def _error(outcome: dict, what: str, page: str, file: Path) -> Exception:
    """Return the exception for the outcome that the client's process reported: one sentence, with what to do."""
    by_hand = f"or download it from {page} with a browser and use file:<path>"
    if outcome.get("failed") == "disk":
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    if "network" in outcome:
        return InputError(f"{what}: {outcome['network']}; check the network and run again, {by_hand}")
    if "settings" in outcome:
        return InputError(
            f"{what}: Kaggle's client cannot use {outcome['settings']} ({outcome['failed']}); set HOME, or "
            f"KAGGLE_CONFIG_DIR, to a folder that it can read and write, {by_hand}"
        )
    if outcome.get("failed") == "credentials":
        return InputError(
            f"{what}: no Kaggle credentials found; make a token at https://www.kaggle.com/settings/api and save it "
            f"as ~/.kaggle/access_token or set KAGGLE_API_TOKEN, {by_hand}"
        )
    if outcome.get("failed") == "length":
        return InputError(f"{what}: the body does not have the announced length; run again, {by_hand}")
    if "failed" in outcome:
        return InputError(f"{what}: Kaggle's client gave up ({outcome['failed']}); run again, {by_hand}")
    status = outcome["status"]
    if outcome["storage"]:
        return InputError(f"{what}: Kaggle's storage answers with status {status}; run again, {by_hand}")
    if status == 401:
        return InputError(
            f"{what}: Kaggle rejects the token or key (401); make a new one at "
            f"https://www.kaggle.com/settings/api, {by_hand}"
        )
    if status == 403:
        return InputError(
            f"{what}: Kaggle refuses access (403); open {page}, signed in to the token's account, and accept the rules "
            "if it shows any, or check the spelling"
        )
    if status == 404:
        return InputError(f"{what}: Kaggle has no such dataset or version (404); look at {page}")
    if status == 429:
        wait = f" ({outcome['wait']:.0f} s)" if outcome["wait"] else ""
        return InputError(f"{what}: Kaggle allows no more requests for now (429); run again later{wait}, {by_hand}")
    if status >= 500:
        return InputError(f"{what}: Kaggle has an internal error ({status}); run again later, {by_hand}")
    return InputError(f"{what}: Kaggle answers with status {status}; run again, {by_hand}")


def _run_client(name: str, folder: str) -> dict:
    """Download with the official client and return the outcome, in our own words only; ``{}`` is success."""
    import requests

    from scenes.download.network import describe_error, retry_after_seconds

    try:
        import kaggle  # authenticates on import but hides the result, hence again below
        import kagglesdk

        try:
            kaggle.api.authenticate()
        except SystemExit:
            # The client exits both without credentials and with a token that Kaggle does not know.
            token, _ = kagglesdk.get_access_token_from_env()
            return {"status": 401, "storage": False} if token else {"failed": "credentials"}
        kaggle.api.dataset_download_files(name, path=folder, quiet=True)
    except requests.HTTPError as error:
        if (response := error.response) is None:
            return {"failed": type(error).__name__}
        return {
            "status": _status(response),
            "storage": bool(response.history),
            "wait": retry_after_seconds(response.headers.get("Retry-After")),
        }
    except OSError as error:
        if error.errno is None:  # of requests
            return {"network": describe_error(error)[0]}
        if error.filename and not Path(error.filename).is_relative_to(folder):  # the client's settings, in HOME
            return {"settings": str(error.filename), "failed": error.strerror or type(error).__name__}
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        return {"failed": "disk" if full else type(error).__name__}
    except ValueError:  # "Downloaded file size ... does not match expected size ..."
        return {"failed": "length"}
    except Exception as error:  # anything else a third-party client may raise: its class, never its text
        return {"failed": type(error).__name__}
    return {}


def _status(response: "requests.Response") -> int:
    """Return an error's status. Kaggle may put it into the JSON of a response with status 200."""
    if response.status_code >= 400:
        return response.status_code
    return int(response.json()["code"])


def _end_with_parent() -> None:
    # os.read returns when the other end is closed; nothing is ever written to it. Not sys.stdin.read: the client calls
    # exit(), which closes sys.stdin and would wait for this thread.
    os.read(0, 1)
    os._exit(1)


def _main(name: str, folder: str) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(os.dup(1), "w") as channel:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what the client prints
        json.dump(_run_client(name, folder), channel)


if __name__ == "__main__":
    _main(*sys.argv[1:])
