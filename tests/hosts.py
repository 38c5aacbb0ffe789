"""Hosts of a network of their own on this machine: namespaces with an address each, where the machine allows them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """Where processes run, and what they are reached at."""

    address: str
    namespace: str | None = None

    def command(self, arguments: Sequence[object]) -> list[str]:
        """A command that runs there."""
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        return [*inside, *map(str, arguments)]


THIS = Host("127.0.0.1")


@contextmanager
def network(count: int) -> Iterator[list[Host]]:
    """Hosts that reach one another, and that this process reaches; all are this one where there can be no others."""
    if not _may_make_namespaces():
        yield [THIS] * count
        return
    number = os.getpid()
    subnet, bridge = f"10.{64 + number % 64}.{number // 64 % 256}", f"rc{number}"
    with ExitStack() as stack:
        _ip(stack, f"link add {bridge} type bridge", f"link del {bridge}")
        _ip(stack, f"addr add {subnet}.254/24 dev {bridge}")
        _ip(stack, f"link set {bridge} up")
        hosts = []
        for place in range(1, count + 1):
            name, outer = f"{bridge}-{place}", f"{bridge}v{place}"
            _ip(stack, f"netns add {name}", f"netns del {name}")
            _ip(stack, f"link add {outer} type veth peer name eth0 netns {name}")
            _ip(stack, f"link set {outer} master {bridge} up")
            _ip(stack, f"-n {name} link set lo up")
            _ip(stack, f"-n {name} addr add {subnet}.{place}/24 dev eth0")
            _ip(stack, f"-n {name} link set eth0 up")
            _ip(stack, f"-n {name} route add default via {subnet}.254")
            hosts.append(Host(f"{subnet}.{place}", name))
        yield hosts


def _may_make_namespaces() -> bool:
    name = f"rc{os.getpid()}-trial"
    if shutil.which("ip") is None:
        return False
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return made.returncode == 0


def _ip(stack: ExitStack, do: str, undo: str | None = None) -> None:
    subprocess.run(["ip", *do.split()], check=True)
    if undo is not None:
        stack.callback(subprocess.run, ["ip", *undo.split()], check=True)
