import type { MetadataExchange } from './peers/metadata-exchange.ts';
import { Swarm } from './peers/swarm.ts';
import type { SwarmHashes } from './swarm-hashes.ts';
import type { TorrentHost } from './torrent-host.ts';
import type { TorrentLimits } from './torrent-limits.ts';
import type { TorrentObserver, TorrentSpec } from './torrent-types.ts';
import type { Transfer } from './transfer.ts';
import type { TransferTotals } from './transfer-totals.ts';

export interface TorrentSwarmOptions {
  readonly host: TorrentHost;
  readonly spec: TorrentSpec;
  readonly hashes: SwarmHashes;
  readonly metadata: MetadataExchange;
  readonly totals: TransferTotals;
  readonly observer: TorrentObserver;
  readonly limits: TorrentLimits;
  /** Bytes of the info dictionary, once it is known. */
  metadataSize(): number | undefined;
  /** While the storage is open. */
  transfer(): Transfer | undefined;
}

/** A torrent's swarm, wired to what counts bytes, what is exchanged while the storage is open, and who listens. */
export function createTorrentSwarm(options: TorrentSwarmOptions): Swarm {
  const { host, spec, totals, observer } = options;
  const { clock, random, dialer } = host.ports;
  return new Swarm({
    hashes: options.hashes,
    peerId: host.peerId,
    clock,
    random,
    dialer,
    budget: host.budget,
    maxPeers: host.maxPeersPerTorrent,
    uploadSlots: spec.uploadSlots,
    superSeed: spec.superSeed ?? false,
    readCache: host.cache.budget,
    hasher: host.ports.hasher,
    uploadLimiter: options.limits.upload,
    downloadLimiter: options.limits.download,
    metadata: options.metadata,
    clientName: host.clientName,
    origin: host.origin,
    listenPort: () => host.port,
    nextPeerId: () => host.nextSourceId(),
    metadataSize: () => options.metadataSize(),
    streaming: () => options.transfer()?.content.streaming.active ?? false,
    events: {
      onPeer: (peer) => observer.onPeer(peer.status(clock.now())),
      onPeerClosed: (peer) => observer.onPeerClosed(peer.status(clock.now())),
      onReceived: (peer, bytes) => {
        totals.received(peer.link.transport, bytes);
        observer.onDownload(bytes);
      },
      onWasted: (bytes) => totals.wasted(bytes),
      onSent: (_peer, bytes) => {
        totals.sent(bytes);
        observer.onUpload(bytes);
      },
      onReadError: (piece, error) => options.transfer()?.onReadError(piece, error),
      onTick: () => {
        const content = options.transfer()?.content;
        content?.merkle?.exchange.tick();
        content?.webSeeds.update();
      },
    },
  });
}
