"""Shards computed by Ray: on the cluster at RAY_ADDRESS, or by a Ray that this process starts.

The driver is the stage's process. It reads the inputs and sends their bytes, so the other machines need neither the
repository nor its data. Its own package travels with the first job. See docs/scale.md.
"""

import hashlib
import heapq
import os
import secrets
import socket
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import scenes
from scenes.common.errors import InputError
from scenes.common.files import visible
from scenes.executors.packed_folders import pack, unpacked
from scenes.executors.shards import Job, Shard, read_all
from scenes.executors.versions import library_versions
from scenes.executors.worker import compute_shard
from scenes.process.runtime import cores, muted_stderr

ADDRESS = "RAY_ADDRESS"  # Ray's own: of a cluster that runs; unset or "local": this process starts a Ray
TOKEN = "RAY_AUTH_TOKEN"  # Ray's own, like those below
REQUIREMENTS = "SCENES_RAY_REQUIREMENTS"  # a requirements file that Ray installs on each node; unset: all is installed
SHARED_FOLDER = "SCENES_SHARED_FOLDER"  # 1: all nodes see the files under the same paths, which travel instead of bytes

_CONNECT = 5.0  # seconds
_IN_FLIGHT = 2  # shards a worker: one in work, and one whose inputs are on their way
_ATTEMPTS = 3  # for a shard whose worker is lost each time
_RESTARTS = 5  # of a worker, by Ray
_NOT_LOADED = object()


def compute(job: Job, shards: Sequence[Shard]) -> Generator[Any, None, None]:
    """Yield the result of each shard, in order.

    A shard whose worker is lost is computed by another one. An exception of the work itself is not retried.

    Raises:
        InputError: Ray is not installed or no cluster answers; all workers are lost, or a shard three times; a node
            has other versions; or see :func:`scenes.executors.worker.compute_shard`.
    """
    if not shards:
        return
    ray = _connected_ray()
    if _shared():
        job, shards = _with_absolute_paths(job, shards)
    with _workers(ray, job) as workers:
        yield from _Schedule(ray, job, shards, workers).results()


def _connected_ray() -> Any:
    """Return the module ``ray``, connected. The connection lasts until the process ends."""
    address, requirements = os.environ.get(ADDRESS) or "local", os.environ.get(REQUIREMENTS)
    _set_up(address)
    if requirements and not Path(requirements).is_file():
        raise InputError(f"{REQUIREMENTS}={requirements} is no file; name one such as requirements.txt")
    if address not in ("auto", "local"):
        _check_reachable(address)
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError(
            "SCENES_EXECUTOR=ray needs Ray; run `pip install --no-deps --require-hashes -r requirements-scale.txt`"
        ) from None
    if ray.is_initialized():
        return ray
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    environment: dict[str, Any] = {"pip": requirements} if requirements else {}
    if address == "local":
        ray.init(address, num_cpus=cores(), include_dashboard=False, runtime_env=environment, **options)
        return ray
    # Another machine may have no copy of the package, or an old one.
    environment["py_modules"] = [str(Path(scenes.__file__).parent)]
    try:
        with muted_stderr():  # a line for each try
            ray.init(address, runtime_env=environment, **options)
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, str(error).partition(". ")[0]) from None
    return ray


def _set_up(address: str) -> None:
    """Set what Ray reads from the environment as it is imported, where it is not set."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # a worker that asks for no GPU sees none
    if address == "local":
        # The ports of a Ray are open to the network. Only this process and those that it starts know the token.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault(TOKEN, secrets.token_hex(32))
        return
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "2")  # to connect; 20 take minutes if no Ray answers


def _check_reachable(address: str) -> None:
    """Connect to the port in ``host:port`` or ``ray://host:port``. Ray itself would try for minutes.

    Raises:
        InputError: nothing listens there, or it is no such address.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        raise _no_cluster(address, "it is not host:port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from None


def _no_cluster(address: str, reason: str) -> InputError:
    return InputError(
        f"{ADDRESS}={address}: cannot connect to a Ray cluster there ({' '.join(reason.split())}); start one with `ray "
        f"start`, or unset {ADDRESS}; if the cluster has a token, set RAY_AUTH_MODE=token and put the token into "
        "~/.ray/auth_token"
    )


class _Actor:
    """A worker in a process of Ray."""

    def __init__(self, job: Job) -> None:
        self._job, self._state = job, _NOT_LOADED

    def load(self, packed: bytes | None) -> dict[str, str]:
        """Load the state of the job; return :func:`_versions`. ``packed`` is None if folders are shared."""
        if self._state is _NOT_LOADED:
            with nullcontext(self._job.folders) if packed is None else unpacked(packed) as folders:
                self._state = self._job.load(*folders)
        return _versions()

    def compute(self, shard: Shard, inputs: list[bytes] | None) -> Any:
        """Return the result of a shard. The inputs are None if they are in a shared folder."""
        return compute_shard(self._job, self._state, shard, read_all(shard.inputs) if inputs is None else inputs)


@contextmanager
def _workers(ray: Any, job: Job) -> Iterator[list[Any]]:
    """Start as many workers as the nodes have room for, and end them after the block.

    A worker that is lost restarts on the same node, or on another one that has room.
    """
    actor = ray.remote(max_restarts=_RESTARTS)(_Actor)
    gpus = job.gpus if ray.cluster_resources().get("GPU") else 0
    workers = []
    for node in ray.nodes():
        cpus = int(node["Resources"].get("CPU", 0)) if node["Alive"] else 0
        most = int(node["Resources"].get("GPU", 0) / gpus) if gpus else job.processes or cpus
        number = min(most, cpus)
        place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=True)
        for _ in range(number):
            options = {"num_cpus": cpus // number, "num_gpus": gpus, "scheduling_strategy": place}
            workers.append(actor.options(**options).remote(job))
    if not workers:
        raise InputError(f"{job.name}: no node of the Ray cluster has the CPU and the GPUs of a worker; start one")
    try:
        yield workers
    finally:
        for worker in workers:
            ray.kill(worker)


class _Schedule:
    """Which worker computes which shard. Both are named by their numbers."""

    def __init__(self, ray: Any, job: Job, shards: Sequence[Shard], workers: Sequence[Any]) -> None:
        self._ray, self._job, self._shards, self._workers = ray, job, shards, workers
        self._loading: dict[Any, int] = {}  # worker by call
        self._computing: dict[Any, tuple[int, int]] = {}  # worker and shard by call
        self._loaded: set[int] = set()
        self._todo = list(range(len(shards)))  # a heap: what was lost goes first
        self._done: dict[int, Any] = {}
        self._losses: Counter[int] = Counter()
        self._last_loss = ""
        self._packed = None if _shared() else ray.put(pack(job.folders))
        for worker in range(len(workers)):
            self._load(worker)

    def results(self) -> Iterator[Any]:
        """Yield the results in order. To bound the memory, no more are computed ahead than are in flight."""
        for wanted in range(len(self._shards)):
            while wanted not in self._done:
                self._submit(wanted + _IN_FLIGHT * len(self._workers))
                if not self._loading and not self._computing:
                    raise InputError(f"{self._job.name}: all workers of the Ray cluster are lost: {self._last_loss}")
                self._collect(self._ray.wait([*self._loading, *self._computing])[0][0])
            yield self._done.pop(wanted)

    def _load(self, worker: int) -> None:
        # The call waits while Ray restarts the worker, and fails when it has done so too often.
        self._loading[self._workers[worker].load.options(max_task_retries=-1).remote(self._packed)] = worker

    def _submit(self, stop: int) -> None:
        """Give shards below ``stop`` to the workers that have room."""
        in_flight = Counter(worker for worker, _ in self._computing.values())
        while self._todo and self._todo[0] < stop and self._loaded:
            worker = min(self._loaded, key=lambda worker: in_flight[worker])
            if in_flight[worker] == _IN_FLIGHT:
                break
            in_flight[worker] += 1
            number = heapq.heappop(self._todo)
            shard = self._shards[number]
            inputs = None if _shared() else read_all(shard.inputs)
            self._computing[self._workers[worker].compute.remote(shard, inputs)] = worker, number

    def _collect(self, call: Any) -> None:
        """Take what a call that has ended returned or raised."""
        try:
            result = self._ray.get(call)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, InputError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RuntimeEnvSetupError as error:
            raise InputError(f"{self._job.name}: Ray cannot prepare its workers: {error}") from None
        except self._ray.exceptions.RayError as error:
            self._last_loss = " ".join(str(error).split())
            if call in self._loading:
                del self._loading[call]
            else:
                self._repeat(*self._computing.pop(call))
            return
        if call in self._loading:
            _refuse_other_versions(result)
            self._loaded.add(self._loading.pop(call))
        else:
            _, number = self._computing.pop(call)
            self._done[number] = result

    def _repeat(self, worker: int, number: int) -> None:
        """Note that a worker was lost with a shard."""
        self._losses[number] += 1
        if self._losses[number] == _ATTEMPTS:
            raise InputError(
                f"{self._job.name}: {self._shards[number]}: its worker was lost {_ATTEMPTS} times; most likely memory "
                f"ran out: {self._job.advice}"
            ) from None
        heapq.heappush(self._todo, number)
        self._loaded.discard(worker)
        if worker not in self._loading.values():
            self._load(worker)


def _with_absolute_paths(job: Job, shards: Sequence[Shard]) -> tuple[Job, list[Shard]]:
    """Return both as another process finds the files, whatever its working folder."""
    job = replace(job, folders=tuple(folder.absolute() for folder in job.folders))
    return job, [
        replace(shard, inputs=tuple(part._replace(path=str(Path(part.path).absolute())) for part in shard.inputs))
        for shard in shards
    ]


def _shared() -> bool:
    return os.environ.get(SHARED_FOLDER) == "1"


def _versions() -> dict[str, str]:
    """Return what has to be the same on all nodes. A node could have an old clone at the path of this one."""
    package = Path(scenes.__file__).parent
    code = hashlib.sha256()
    for path in visible(package, "**/*.py"):
        code.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return library_versions() | {"scenes": code.hexdigest()[:16]}


def _refuse_other_versions(theirs: dict[str, str]) -> None:
    ours = _versions()
    if differ := [f"{name} {theirs[name]} instead of {ours[name]}" for name in ours if theirs[name] != ours[name]]:
        raise InputError(
            f"a node of the Ray cluster has {', '.join(differ)}; check out the same commit there and install its "
            f"requirements.txt, or let Ray install it with {REQUIREMENTS}=requirements.txt"
        )
