"""A network of slow lines between network namespaces: one TUN device in each, and this process between them.

Reads one line of JSON from standard input: [{"pid", "address", "up", "down", "latency", "up_queue", "down_queue",
"fair"}], with rates in bytes a second, the latency to the middle of the network in milliseconds and the queues in bytes.
A fair line takes the packets of its flows in turn, and drops from the longest queue; else first come, first served, and
who finds the queue full is dropped. Prints `ready` when all devices are up. When standard input ends it prints what each
line has carried, as JSON, and ends.

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
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
MTU = 1500

events = []
sequence = 0


def at(when, call, argument):
    global sequence
    sequence += 1
    heapq.heappush(events, (when, sequence, call, argument))


class Flow:
    def __init__(self):
        self.packets = deque()
        self.bytes = 0
        self.tag = 0


class Queue:
    """One direction of a line. `out` is called with each packet when its last byte has left."""

    def __init__(self, rate, limit, fair, out):
        self.rate = rate
        self.limit = limit
        self.fair = fair
        self.out = out
        self.flows = {}
        self.heads = []
        self.bytes = 0
        self.busy = False
        self.turn = 0
        self.sent = 0
        self.packets = 0
        self.dropped = 0

    def put(self, now, packet):
        if not self.fair:
            key = None
        elif packet[9] in (6, 17):
            # Both addresses and both ports: these packets have no options of IP.
            key = packet[9:10] + packet[12:24]
        else:
            key = packet[9:10] + packet[12:20]
        flow = self.flows.get(key)
        if flow is None:
            flow = self.flows[key] = Flow()
        length = len(packet)
        if self.bytes + length > self.limit:
            self.dropped += 1
            longest = max(self.flows.values(), key=lambda one: one.bytes)
            if longest is flow or len(longest.packets) < 2:
                return
            lost = len(longest.packets.pop())
            longest.bytes -= lost
            self.bytes -= lost
        flow.packets.append(packet)
        flow.bytes += length
        self.bytes += length
        if len(flow.packets) == 1:
            self.line_up(key, flow)
        if not self.busy:
            self.begin(now)

    def line_up(self, key, flow):
        # Self-clocked fair queueing.
        global sequence
        sequence += 1
        flow.tag = max(self.turn, flow.tag) + len(flow.packets[0])
        heapq.heappush(self.heads, (flow.tag, sequence, key))

    def begin(self, now):
        tag, _, key = heapq.heappop(self.heads)
        flow = self.flows[key]
        packet = flow.packets.popleft()
        flow.bytes -= len(packet)
        self.turn = tag
        if flow.packets:
            self.line_up(key, flow)
        self.busy = True
        at(now + len(packet) / self.rate, self.end, packet)

    def end(self, when, packet):
        self.bytes -= len(packet)
        self.sent += len(packet)
        self.packets += 1
        self.busy = False
        self.out(when, packet)
        if self.heads:
            self.begin(when)


class Line:
    def __init__(self, index, host, lines):
        self.lines = lines
        self.latency = host["latency"] / 1000
        self.up = Queue(host["up"], host["up_queue"], host["fair"], self.across)
        self.down = Queue(host["down"], host["down_queue"], host["fair"], self.deliver)
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        name = "line%d" % index
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN_NO_PI))
        run("ip", "link", "set", name, "netns", str(host["pid"]))
        inside = ["nsenter", "--target", str(host["pid"]), "--net"]
        run(*inside, "ip", "link", "set", "lo", "up")
        run(*inside, "ip", "addr", "add", host["address"] + "/8", "dev", name)
        run(*inside, "ip", "link", "set", name, "mtu", str(MTU), "up")
        # What the model has (RFC 5681), and every kernel; the machine that this runs on may use another one.
        run(*inside, "sh", "-c", "echo reno > /proc/sys/net/ipv4/tcp_congestion_control")

    def across(self, when, packet):
        target = self.lines.get(packet[16:20])
        if target is not None:
            at(when + self.latency + target.latency, target.down.put, packet)

    def deliver(self, _, packet):
        try:
            os.write(self.fd, packet)
        except OSError:
            self.down.dropped += 1

    def totals(self):
        up, down = self.up, self.down
        return {
            "sent": up.sent,
            "packets": up.packets,
            "received": down.sent,
            "dropped": up.dropped + down.dropped,
        }


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s failed: %s" % (" ".join(command), done.stderr.strip()))


def main():
    hosts = json.loads(sys.stdin.readline())
    by_address = {}
    by_fd = {}
    for index, host in enumerate(hosts):
        line = Line(index, host, by_address)
        by_address[bytes(map(int, host["address"].split(".")))] = line
        by_fd[line.fd] = line
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    poll.register(0, select.EPOLLIN | select.EPOLLHUP)
    print("ready", flush=True)
    monotonic = time.monotonic
    while True:
        now = monotonic()
        while events and events[0][0] <= now:
            # At the time it was due at: who is late must not make the line slower.
            when, _, call, argument = heapq.heappop(events)
            call(when, argument)
        wait = -1 if not events else max(0, events[0][0] - monotonic())
        # epoll counts in milliseconds; the last part of one is spent asking.
        for fd, _ in poll.poll(0 if 0 <= wait < 0.001 else wait):
            if fd == 0:
                if sys.stdin.readline() == "":
                    print(json.dumps([line.totals() for line in by_fd.values()]), flush=True)
                    return
                continue
            source = by_fd[fd]
            now = monotonic()
            for _ in range(64):
                try:
                    packet = os.read(fd, 65536)
                except BlockingIOError:
                    break
                if packet[0] >> 4 == 4:
                    source.up.put(now, packet)


main()
