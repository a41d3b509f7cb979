"""Real servers on loopback for DVC to talk to, and a relay before them that can hold a transfer in the middle."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3
import requests
from cheroot.wsgi import Server
from moto.server import ThreadedMotoServer
from wsgidav.wsgidav_app import WsgiDAVApp

from tests.helpers import needed

PASSWORD = "PasswordOfAnn"


class Relay:
    """Passes connections on to a server on this machine, until it is told to hold them.

    Attributes:
        port: where it listens.
        held: set when a direction has passed as many bytes as :meth:`hold` allowed.
    """

    def __init__(self, target: int):
        self.held = threading.Event()
        self._left: dict[str, int] = {}  # bytes that a direction may still pass; no entry: any number
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, direction: str, after: int) -> None:
        """Pass ``after`` more bytes "up" (to the server) or "down", then nothing; connections stay open."""
        self.held.clear()
        self._left[direction] = after

    def release(self) -> None:
        self._left.clear()

    def close(self) -> None:
        self.release()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            for source, sink, direction in ((client, server, "up"), (server, client, "down")):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # small packets go at once
                threading.Thread(target=self._pass, args=(source, sink, direction), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if direction in self._left:
                    self._left[direction] -= len(data)
                    if self._left[direction] < 0:
                        self.held.set()
                        while direction in self._left:
                            time.sleep(0.01)
                        break  # what it held is lost, as the one who waited for it was killed
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(target: int):
    relay = Relay(target)
    try:
        yield relay
    finally:
        relay.close()


def free_port() -> int:
    """Return a port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def s3(bucket: str):
    """moto's server, which lets in one user with her key, to this bucket; yield its port, her key and a client."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    url = f"http://127.0.0.1:{port}"
    # Before moto checks keys, any will do.
    iam = boto3.client("iam", "us-east-1", endpoint_url=url, aws_access_key_id="any", aws_secret_access_key="any")
    iam.create_user(UserName="ann")
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="ann", PolicyName="s3", PolicyDocument=policy)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    client = boto3.client(
        "s3",
        "us-east-1",
        endpoint_url=url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    client.create_bucket(Bucket=bucket)
    requests.post(f"{url}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()  # check from now on
    try:
        yield port, key, client
    finally:
        server.stop()


@contextmanager
def ssh(folder: Path):
    """OpenSSH's server, which lets in the key ``user``, but not ``other``; yield its port. Keys lie in ``folder``."""
    program = needed.sshd()
    folder.mkdir()
    for name in ("host", "user", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copyfile(folder / "user.pub", folder / "authorized_keys")
    port = free_port()
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\n"
        f"HostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\n"
        "StrictModes no\n"  # the folder of a test may lie below one that all may write to
        "PidFile none\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "Subsystem sftp internal-sftp\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it where it is root
    with (folder / "sshd.log").open("w") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
    try:
        deadline = time.monotonic() + 20
        while "Server listening" not in (text := (folder / "sshd.log").read_text()):
            assert server.poll() is None and time.monotonic() < deadline, text
            time.sleep(0.02)
        yield port
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def webdav(folder: Path):
    """WsgiDAV over ``folder`` for the user ann with PASSWORD; yield its port."""
    application = WsgiDAVApp(
        {
            "provider_mapping": {"/": os.fspath(folder)},
            "simple_dc": {"user_mapping": {"*": {"ann": {"password": PASSWORD}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "logging": {"enable": False},
            "verbose": 0,
        }
    )
    server = Server(("127.0.0.1", 0), application)
    server.prepare()
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server.bind_addr[1]
    finally:
        server.stop()
