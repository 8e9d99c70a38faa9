"""libtorrent behind JSON lines: one request per line on stdin, its answer (same id) or an event on stdout."""

import json
import queue
import signal
import sys
import threading

import libtorrent as lt

ALL_ADDRESSES = "255.255.255.255"


def say(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def options():
    return json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}


class Peer:
    def __init__(self, wanted):
        settings = {
            "listen_interfaces": "%s:%d" % (wanted.get("listen", "127.0.0.1"), wanted.get("port", 0)),
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "allow_multiple_connections_per_ip": True,
            "announce_to_all_trackers": True,
            "announce_to_all_tiers": True,
            "enable_outgoing_utp": wanted.get("utp", False),
            "enable_incoming_utp": wanted.get("utp", False),
            "connection_speed": 200,
            "ssrf_mitigation": False,
            "auto_manage_prefer_seeds": False,
            "alert_mask": lt.alert.category_t.error_notification
            | lt.alert.category_t.status_notification
            | lt.alert.category_t.storage_notification
            | lt.alert.category_t.tracker_notification,
        }
        # 0 forces encryption, 1 allows it, 2 turns it off.
        policy = {"forced": 0, "allowed": 1, "off": 2}[wanted.get("encryption", "off")]
        settings["in_enc_policy"] = policy
        settings["out_enc_policy"] = policy
        settings.update(wanted.get("settings", {}))
        self.session = lt.session(settings)
        # Peers on the local network are in a class without limits; put them into the global one.
        rule = lt.ip_filter()
        rule.add_rule("0.0.0.0", ALL_ADDRESSES, 1 << int(lt.session.global_peer_class_id))
        self.session.set_peer_class_filter(rule)
        self.handle = None
        self.finished = False

    def add(self, request):
        if "magnet" in request:
            params = lt.parse_magnet_uri(request["magnet"])
        else:
            params = lt.add_torrent_params()
            params.ti = lt.torrent_info(request["torrentFile"])
        params.save_path = request["dir"]
        params.trackers = list(params.trackers) + request.get("trackers", [])
        flags = lt.torrent_flags
        params.flags &= ~(flags.auto_managed | flags.paused)
        if request.get("trustData"):
            params.flags |= flags.seed_mode
        if request.get("sequential"):
            params.flags |= flags.sequential_download
        self.session.apply_settings({"upload_rate_limit": request.get("uploadRate", 0)})
        self.session.apply_settings({"download_rate_limit": request.get("downloadRate", 0)})
        self.handle = self.session.add_torrent(params)
        for peer in request.get("peers", []):
            self.connect(peer)
        return {}

    def connect(self, peer):
        host, port = peer.rsplit(":", 1)
        self.handle.connect_peer((host, int(port)))
        return {}

    def status(self):
        s = self.handle.status()
        return {
            "progress": s.progress,
            "downloaded": s.total_payload_download,
            "uploaded": s.total_payload_upload,
            "peers": s.num_peers,
            "state": str(s.state),
            "seeding": s.is_seeding,
            "fault": s.errc.message() if s.errc.value() else None,
        }

    def limits(self, request):
        self.session.apply_settings({"upload_rate_limit": request["uploadRate"]})
        return {}

    def create(self, request):
        path = request["path"]
        storage = lt.file_storage()
        lt.add_files(storage, path)
        # A hybrid is what libtorrent makes when it is told nothing.
        kinds = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}
        torrent = lt.create_torrent(storage, request.get("pieceLength", 0), kinds[request.get("version", "v1")])
        for tier, tracker in enumerate(request.get("trackers", [])):
            torrent.add_tracker(tracker, tier)
        for seed in request.get("webSeeds", []):
            torrent.add_url_seed(seed)
        if request.get("private"):
            torrent.set_priv(True)
        lt.set_piece_hashes(torrent, path.rsplit("/", 1)[0] or "/")
        entry = torrent.generate()
        with open(request["output"], "wb") as output:
            output.write(lt.bencode(entry))
        info = lt.torrent_info(entry)
        return {"infoHash": str(info.info_hash()), "pieces": info.num_pieces(), "magnet": lt.make_magnet_uri(info)}

    def answer(self, request):
        command = request["command"]
        if command == "listening":
            return {"port": self.session.listen_port(), "version": lt.version}
        if command == "add":
            return self.add(request)
        if command == "connect":
            return self.connect(request["peer"])
        if command == "status":
            return self.status()
        if command == "limits":
            return self.limits(request)
        if command == "create":
            return self.create(request)
        raise ValueError("unknown command " + command)

    def watch(self):
        for alert in self.session.pop_alerts():
            if isinstance(alert, lt.torrent_finished_alert):
                # All is verified, but the last writes may still be on their way to the files.
                self.finished = True
                self.handle.flush_cache()
            elif isinstance(alert, lt.cache_flushed_alert):
                if self.finished:
                    say(event="finished")
            elif isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert, lt.listen_failed_alert)):
                say(event="fault", message=alert.message())
            elif alert.category() & lt.alert.category_t.error_notification:
                sys.stderr.write(alert.message() + "\n")
                sys.stderr.flush()


def main():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    requests = queue.Queue()

    def read():
        for line in sys.stdin:
            requests.put(line)
        requests.put(None)

    threading.Thread(target=read, daemon=True).start()
    peer = Peer(options())
    while True:
        try:
            while True:
                line = requests.get_nowait()
                if line is None:
                    return
                request = json.loads(line)
                try:
                    say(id=request["id"], **peer.answer(request))
                except Exception as error:  # Every failure goes back to the caller, in words.
                    say(id=request["id"], error=str(error))
        except queue.Empty:
            pass
        peer.session.wait_for_alert(10)
        peer.watch()


main()
