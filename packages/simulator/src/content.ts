import type { Disk, Hasher } from 'freshet/engine';
import { MemoryDisk, MemoryHasher, type SampleTorrent } from 'freshet/memory';
import type { Info, InfoHash, TorrentHashes } from 'freshet/protocol';

/** What a simulated swarm shares, and what stands for its bytes. */
export interface Content {
  readonly info: Info;
  readonly infoBytes: Uint8Array;
  readonly infoHash: InfoHash;
  readonly hashes: TorrentHashes;
  readonly pieceLayers: ReadonlyMap<string, Uint8Array> | undefined;
  /** In the torrent's linear address space. The view must not be written to. */
  bytes(offset: number, length: number): Uint8Array;
  /** Storage for one host; with everything in it where it is for a seed. */
  createDisk(full: boolean): Disk;
  /** Whether a disk of this content holds exactly its bytes, in these pieces. */
  isRight(disk: Disk, pieces: readonly number[]): Promise<boolean>;
  readonly hasher: Hasher;
}

/** Content whose bytes are all there: every hash is taken and every wrong byte is found. For small swarms. */
export function realContent(sample: SampleTorrent): Content {
  const { content, info } = sample;
  return {
    info,
    infoBytes: sample.infoBytes,
    infoHash: sample.infoHash,
    hashes: sample.hashes,
    pieceLayers: sample.pieceLayers,
    bytes: (offset, length) => content.subarray(offset, offset + length),
    createDisk: (full) => {
      const disk = new MemoryDisk({ length: info.length, files: info.files });
      if (full) void disk.write(0, [content]);
      return disk;
    },
    isRight: async (disk, pieces) => {
      const bytes = new Uint8Array(info.pieceLength);
      for (const piece of pieces) {
        const start = piece * info.pieceLength;
        const length = Math.min(info.pieceLength, info.length - start);
        const into = bytes.subarray(0, length);
        if ((await disk.read(start, into)) !== length) return false;
        if (Buffer.compare(into, content.subarray(start, start + length)) !== 0) return false;
      }
      return true;
    },
    hasher: new MemoryHasher(),
  };
}
