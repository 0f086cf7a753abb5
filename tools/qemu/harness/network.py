"""Two network namespaces, joined by a pair of interfaces that a token bucket limits at each end."""

import os

from . import run

BURST, LIMIT, MTU = "128kb", "4mb", 1500  # as tc writes them: kb is KiB
# Neither the host's choice of congestion control nor the autotuning of send buffers shall decide what is measured.
SYSCTLS = {"tcp_congestion_control": "reno", "tcp_wmem": "4096 1048576 1048576",
           "tcp_rmem": "4096 1048576 1048576", "tcp_limit_output_bytes": 131072}
SUBNET = "10.77.0.0/24"
SOURCE_ADDRESS, DESTINATION_ADDRESS = "10.77.0.1", "10.77.0.2"


class Network:
    """Leaving its context removes it, and the interfaces with it. Needs root."""

    def __init__(self, quickack, tag=os.getpid()):
        self.quickack = quickack
        self.source, self.destination = f"migsim-src-{tag}", f"migsim-dst-{tag}"
        self.ends = [(self.source, "veth-src", SOURCE_ADDRESS), (self.destination, "veth-dst", DESTINATION_ADDRESS)]

    def __enter__(self):
        try:
            for namespace, _, _ in self.ends:
                run("ip", "netns", "add", namespace)
            run("ip", "link", "add", "veth-src", "netns", self.source, "type", "veth",
                "peer", "name", "veth-dst", "netns", self.destination)
            for namespace, interface, address in self.ends:
                run("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", interface)
                run("ip", "-n", namespace, "link", "set", interface, "mtu", MTU, "up")
                run("ip", "-n", namespace, "link", "set", "lo", "up")
                for name, value in SYSCTLS.items():
                    run("ip", "netns", "exec", namespace, "sh", "-c", f'echo "{value}" > /proc/sys/net/ipv4/{name}')
                if self.quickack:
                    run("ip", "-n", namespace, "route", "change", SUBNET, "dev", interface, "src", address, "quickack", "1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for namespace, _, _ in self.ends:
            if os.path.exists(f"/run/netns/{namespace}"):
                run("ip", "netns", "del", namespace)

    def limit(self, mbit):
        """A rate for both directions; a new bucket starts full and with an empty queue."""
        for namespace, interface, _ in self.ends:
            run("tc", "-n", namespace, "qdisc", "replace", "dev", interface, "root", "tbf",
                "rate", f"{mbit}mbit", "burst", BURST, "limit", LIMIT)
