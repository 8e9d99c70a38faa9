"""Torrent files made and read by libtorrent: one job as JSON in the first argument, one answer as JSON on stdout."""

import base64
import json
import os
import sys

import libtorrent as lt

FLAGS = {
    "v1": lt.create_torrent.v1_only,
    "v2": lt.create_torrent.v2_only,
    "hybrid": 0,
    "noTail": lt.create_torrent.canonical_files_no_tail_padding,
    "mtime": lt.create_torrent.modification_time,
    "symlinks": lt.create_torrent.symlinks,
}


def create(job):
    flags = 0
    for name in job["flags"]:
        flags |= int(FLAGS[name])
    storage = lt.file_storage()
    if job.get("files"):
        # In this order, which libtorrent keeps for a torrent of v1 only.
        for name in job["files"]:
            path = os.path.join(job["path"], name)
            storage.add_file(os.path.join(os.path.basename(job["path"]), name), os.path.getsize(path))
    else:
        lt.add_files(storage, job["path"], flags=flags)
    made = lt.create_torrent(storage, job["pieceLength"], flags)
    lt.set_piece_hashes(made, os.path.dirname(job["path"]))
    return {"torrent": base64.b64encode(lt.bencode(made.generate())).decode()}


def load(job):
    with open(job["path"], "rb") as file:
        data = file.read()
    info = lt.torrent_info(lt.bdecode(data))
    files = info.files()
    hashes = info.info_hashes()
    entry = lt.create_torrent(info).generate()
    layers = entry.get(b"piece layers", {})
    return {
        "v1": hashes.v1.to_bytes().hex() if hashes.has_v1() else None,
        "v2": hashes.v2.to_bytes().hex() if hashes.has_v2() else None,
        "name": info.name(),
        "pieceLength": info.piece_length(),
        "pieces": info.num_pieces(),
        "sha1": [info.hash_for_piece(i).hex() for i in range(info.num_pieces())] if hashes.has_v1() else [],
        "layers": {root.hex(): layer.hex() for root, layer in layers.items()},
        "files": [
            {
                "path": files.file_path(i),
                "length": files.file_size(i),
                "offset": files.file_offset(i),
                "padding": bool(files.file_flags(i) & lt.file_storage.flag_pad_file),
                "root": files.root(i).to_bytes().hex() if hashes.has_v2() else None,
            }
            for i in range(files.num_files())
        ],
    }


job = json.loads(sys.argv[1])
print(json.dumps({"create": create, "load": load}[job["job"]](job)))
