"""A full disk, no permission, no memory, too many open files: one sentence, whichever library met them first."""

import errno
import gc
import os
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scenes.backbones import weights_file
from scenes.common.errors import InputError, exit_on_input_error, explained
from scenes.common.files import atomic_dir
from scenes.training import checkpoint

# h5py reports a second time what it could not write, when Python frees the file.
pytestmark = [
    pytest.mark.usefixtures("deterministic"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).parents[2]
NOBODY = 65534
BYTES = np.random.default_rng(0).integers(0, 256, 1 << 19, np.uint8)  # more than the small disk has, compressed or not


def write_bytes(path):
    path.write_bytes(BYTES.tobytes())


def write_npy(path):
    np.save(path.with_suffix(".npy"), BYTES)


def write_csv(path):
    pd.DataFrame({"value": BYTES}).to_csv(path)


def write_png(path):
    Image.fromarray(BYTES.reshape(512, -1)).save(path.with_suffix(".png"))


def write_figure(path):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.figimage(BYTES.reshape(512, -1))
    figure.savefig(path.with_suffix(".png"))


def write_hdf5(path):
    with h5py.File(path, "w") as file:
        file["values"] = BYTES


def write_checkpoint(path):
    arrays = {"model": [BYTES]}
    checkpoint.save(path, checkpoint.Checkpoint(epoch=1, stopped=False, history={}, arrays=arrays, stopping={}))


def write_weights(path):
    import keras

    network = keras.Sequential([keras.Input((256,)), keras.layers.Dense(512)])
    weights_file.save(network, path.with_suffix(".weights.h5"))


def write_tfrecord(path):
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(BYTES.tobytes())


def write_saved_model(path):
    import tensorflow as tf

    module = tf.Module()
    module.values = tf.Variable(BYTES)
    tf.saved_model.save(module, path)


WRITERS = [
    write_bytes,
    write_npy,
    write_csv,
    write_png,
    write_figure,
    write_hdf5,
    write_checkpoint,
    write_weights,
    write_tfrecord,
    write_saved_model,
]
every_writer = pytest.mark.parametrize("write", WRITERS)


@pytest.fixture(scope="module")
def mount(tmp_path_factory):
    """A function that mounts a file system in memory and returns its folder."""
    mounted = []

    def mount_one(options):
        folder = tmp_path_factory.mktemp("disk")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"needs to mount a file system: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    try:
        yield mount_one
    except FileNotFoundError:
        pytest.skip("needs the command mount")
    finally:
        for folder in mounted:
            # Lazily, because HDF5 leaves a file open that it could not write.
            subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def small(mount):
    return mount("size=256k")


@pytest.fixture(scope="module")
def read_only(mount):
    return mount("ro")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The working folder, on another disk, as is that of temporary files."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sentence(function, *arguments):
    """Return what a command that calls the function says; it must be all."""
    with pytest.raises(InputError) as raised, explained():
        function(*arguments)
    message = str(raised.value)
    assert "\n" not in message
    return message


@every_writer
def test_a_full_disk_is_named(small, project, write):
    def run():
        with atomic_dir(small / "output") as folder:
            write(folder / "file")

    assert sentence(run).startswith(f"the disk at {small} is full (writing {small}/")
    assert not [*small.iterdir()]


@every_writer
def test_a_disk_that_may_not_be_written_is_named(read_only, project, write):
    assert sentence(write, read_only / "file").startswith(f"{read_only}/")


@every_writer
def test_a_folder_that_may_not_be_written_is_named(project, write):
    project.chmod(0o555)
    user = os.geteuid()
    if user == 0:  # who may write everywhere
        os.seteuid(NOBODY)
    try:
        message = sentence(write, Path("file"))
    finally:
        os.seteuid(user)
    assert message.startswith("permission denied for ")
    assert "file" in message


@contextmanager
def limit(kind, soft):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@every_writer
def test_a_limit_on_the_size_of_files_is_named(project, write):
    with limit(resource.RLIMIT_FSIZE, 1 << 17):
        assert "`ulimit -f`" in sentence(write, project / "file")


@every_writer
def test_a_limit_on_open_files_is_named(project, write):
    gc.collect()  # frees what earlier tests have left open
    with Path(os.devnull).open() as file, limit(resource.RLIMIT_NOFILE, file.fileno() + 1):
        assert "`ulimit -n 4096`" in sentence(write, project / "file")


def write_temporary_file():
    with tempfile.TemporaryFile() as file:
        file.write(BYTES.tobytes())


def test_a_full_disk_of_temporary_files_is_named(small, project, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(small))
    assert sentence(write_temporary_file) == (
        f"the disk of temporary files, {small}, is full; free some space there, or set TMPDIR to a folder on another "
        "disk, and run again"
    )


def test_no_folder_for_temporary_files(small, monkeypatch):
    filler = small / "filler"
    with pytest.raises(OSError, match="No space left"):
        write_bytes(filler)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(small)])
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(small)
    try:
        assert sentence(write_temporary_file).startswith("no folder takes temporary files; ")
    finally:
        filler.unlink()


def test_a_full_disk_behind_a_link_is_named(small, project):
    (project / "data").symlink_to(small)

    def run():
        with Path("data/file").open("wb") as file:  # as a library might, outside atomic_write
            file.write(BYTES.tobytes())

    try:
        assert sentence(run) == f"the disk at {small} is full; free some space there and run again"
    finally:
        (small / "file").unlink()


def test_out_of_memory():
    assert sentence(np.ones, 1 << 50).startswith("out of memory; ")


def error(code, *arguments):
    return OSError(code, os.strerror(code), *arguments)


@pytest.mark.parametrize(
    ("failure", "start"),
    [
        (error(errno.EDQUOT), "the disk quota is used up"),
        (error(errno.ENFILE), "too many files are open on this machine"),
        (error(errno.EIO, "data/x"), "the disk failed to read or write data/x"),
        (error(errno.EPERM, "data/x"), "operation not permitted on data/x"),
        (RuntimeError("can't start new thread"), "no further thread can be started"),
        (ImportError("libopenblas.so: cannot open shared object file: Too many open files"), "too many files are open"),
        (ImportError("libx.so: failed to map segment from shared object"), "out of memory"),
        (MemoryError("std::bad_alloc"), "out of memory"),
    ],
)
def test_what_is_not_tried_here(failure, start):
    def fail():
        raise failure

    assert sentence(fail).startswith(start)


def test_a_failure_behind_another_error_is_found():
    def run():
        try:
            raise error(errno.ENOSPC, "data/x")
        finally:
            raise ValueError("can't close the file")  # as zipfile does

    assert "(writing data/x)" in sentence(run)


@pytest.mark.parametrize(
    "defect",
    [
        ZeroDivisionError(),
        KeyError("No space left on device"),
        ImportError("cannot import name 'x'"),
        error(errno.EACCES),  # of no file
        error(errno.EAGAIN),
        error(errno.ECONNREFUSED),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "data/x"),
    ],
    ids=repr,
)
def test_a_defect_keeps_its_traceback(defect):
    with pytest.raises(type(defect)) as raised, exit_on_input_error():
        raise defect
    assert raised.value is defect


def test_a_defect_after_a_handled_refusal_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), exit_on_input_error():
        try:
            raise error(errno.EACCES, "data/x")
        except PermissionError:
            _ = 1 / 0


def test_a_stage_refuses_a_limit_that_its_libraries_cannot_work_with():
    """Without, OpenBLAS would try for minutes to get memory."""
    command = f"ulimit -v 409600; exec {sys.executable} -m stages.compare"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: a process may use 400 MB of address space, ")
    assert done.stderr.count("\n") == 1
