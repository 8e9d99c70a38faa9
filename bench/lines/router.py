"""A network of slow lines between network namespaces: one TUN device in each, and this process between them.

Reads one line of JSON from standard input: [{"pid", "address", "up", "down", "latency", "up_queue", "down_queue"}], with rates in bytes a
second, the latency to the middle of the network in milliseconds and the queues in bytes. Prints `ready`
when all devices are up. When standard input ends it prints what each line has carried, as JSON, and ends.

Linux's own netem would do, but is not in every kernel; packets of IPv4 only.
"""

import fcntl
import heapq
import json
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
MTU = 1500


class Line:
    def __init__(self, index, host):
        self.up = host["up"]
        self.down = host["down"]
        self.latency = host["latency"] / 1000
        self.up_queue = host["up_queue"]
        self.down_queue = host["down_queue"]
        self.up_free = 0.0
        self.down_free = 0.0
        self.sent = 0
        self.received = 0
        self.dropped = 0
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        name = "line%d" % index
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN_NO_PI))
        run("ip", "link", "set", name, "netns", str(host["pid"]))
        inside = ["nsenter", "--target", str(host["pid"]), "--net", "ip"]
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "addr", "add", host["address"] + "/8", "dev", name)
        run(*inside, "link", "set", name, "mtu", str(MTU), "up")
        # What the model has (RFC 5681), and every kernel; the machine that this runs on may use another one.
        run(*inside[:-1], "sh", "-c", "echo reno > /proc/sys/net/ipv4/tcp_congestion_control")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s failed: %s" % (" ".join(command), done.stderr.strip()))


def main():
    hosts = json.loads(sys.stdin.readline())
    lines = [Line(index, host) for index, host in enumerate(hosts)]
    by_address = {bytes(map(int, host["address"].split("."))): line for host, line in zip(hosts, lines)}
    by_fd = {line.fd: line for line in lines}
    poll = select.epoll()
    for line in lines:
        poll.register(line.fd, select.EPOLLIN)
    poll.register(0, select.EPOLLIN | select.EPOLLHUP)
    print("ready", flush=True)
    events = []
    sequence = 0
    monotonic = time.monotonic
    while True:
        now = monotonic()
        while events and events[0][0] <= now:
            at, _, line, packet, delivered = heapq.heappop(events)
            if delivered:
                line.received += len(packet)
                try:
                    os.write(line.fd, packet)
                except OSError:
                    line.dropped += 1
                continue
            # At the head of the down line: it waits its turn there, or finds the queue full.
            start = max(at, line.down_free)
            if (start - at) * line.down > line.down_queue:
                line.dropped += 1
                continue
            line.down_free = start + len(packet) / line.down
            sequence += 1
            heapq.heappush(events, (line.down_free, sequence, line, packet, True))
        wait = -1 if not events else max(0, events[0][0] - monotonic())
        # epoll counts in milliseconds; the last part of one is spent asking.
        for fd, _ in poll.poll(0 if 0 <= wait < 0.001 else wait):
            if fd == 0:
                if sys.stdin.readline() == "":
                    totals = [{"sent": l.sent, "received": l.received, "dropped": l.dropped} for l in lines]
                    print(json.dumps(totals), flush=True)
                    return
                continue
            source = by_fd[fd]
            now = monotonic()
            for _ in range(64):
                try:
                    packet = os.read(fd, 65536)
                except BlockingIOError:
                    break
                target = by_address.get(packet[16:20])
                if target is None or packet[0] >> 4 != 4:
                    continue
                start = max(now, source.up_free)
                if (start - now) * source.up > source.up_queue:
                    source.dropped += 1
                    continue
                source.up_free = start + len(packet) / source.up
                source.sent += len(packet)
                sequence += 1
                at = source.up_free + source.latency + target.latency
                heapq.heappush(events, (at, sequence, target, packet, False))


main()
