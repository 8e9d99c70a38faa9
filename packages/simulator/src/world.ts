import {
  type Disk,
  Engine,
  type EngineOptions,
  httpTrackers,
  type Link,
  type Torrent,
  type TorrentObserver,
  type TorrentSpec,
} from 'freshet/engine';
import { SeededRandom, type VirtualClock } from 'freshet/memory';
import type { Content } from './content.ts';
import { type Host, HostClock, type HostOptions } from './host.ts';
import { type Log, recordLog } from './log.ts';
import { Loop, type RunOptions } from './loop.ts';
import type { Network } from './network/network.ts';
import { SimNetwork } from './network/sim-network.ts';
import { Trace } from './trace.ts';

export interface WorldOptions {
  /** The same seed gives the same run. */
  readonly seed: number;
  /** Makes every delivered byte part of the trace. Default false: when, what, to whom and how much. */
  readonly traceBytes?: boolean | undefined;
  /** @see SimNetworkOptions.copyBytes */
  readonly copyBytes?: boolean | undefined;
}

/** A real engine on a simulated machine, with the world's torrent. */
export interface Peer {
  readonly host: Host;
  readonly engine: Engine;
  readonly torrent: Torrent;
  readonly disk: Disk;
  readonly log: Log;
}

export interface PeerOptions extends HostOptions {
  readonly content: Content;
  /** Has everything from the start. */
  readonly seed?: boolean | undefined;
  /** Knows the info-hash only. */
  readonly magnet?: boolean | undefined;
  readonly spec?: Partial<TorrentSpec> | undefined;
  readonly engine?: EngineOptions | undefined;
  /** In place of an empty or a full one. */
  readonly disk?: Disk | undefined;
  /** Hears what the log does. */
  readonly observer?: Partial<TorrentObserver> | undefined;
  /** Stands between the engine and each of its links: liars and faults. */
  readonly wrapLink?: ((link: Link) => Link) | undefined;
}

const LISTEN_PORT = 6881;

/** One simulation: time, chance, a network, and the machines in it. */
export class World {
  readonly seed: number;
  readonly loop: Loop = new Loop();
  readonly trace: Trace = new Trace();
  readonly network: Network;
  readonly peers: Peer[] = [];
  #hosts = 0;

  constructor({ seed, traceBytes, copyBytes }: WorldOptions) {
    this.seed = seed;
    this.network = new SimNetwork({
      clock: this.loop.clock,
      random: (purpose) => this.random(purpose),
      trace: this.trace,
      traceBytes,
      copyBytes,
    });
  }

  get clock(): VirtualClock {
    return this.loop.clock;
  }

  /** Chance for one purpose: what it draws depends on the seed and the purpose only, not on what else goes on. */
  random(purpose: string): SeededRandom {
    let hash = 0x811c9dc5;
    for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193);
    return new SeededRandom((hash >>> 0) * 2 ** 20 + (this.seed % 2 ** 20));
  }

  host(options: HostOptions = {}): Host {
    const index = this.#hosts++;
    const address = options.address ?? `10.${(index >> 14) & 255}.${(index >> 7) & 127}.${(index & 127) + 1}`;
    const kind = options.kind ?? 'node';
    const { network } = this;
    network.setHost(address, options.line ?? {});
    const clock = new HostClock(this.clock, options.clock);
    const random = this.random(`host ${address}`);
    const browser = kind === 'browser';
    return {
      address,
      kind,
      clock,
      random,
      network,
      ports: {
        clock,
        random,
        http: network.http(address),
        sockets: network.sockets(address),
        rtc: network.rtc(address),
        dialer: browser ? undefined : network.dialer(address),
        listener: browser ? undefined : network.listener(address),
      },
    };
  }

  /** A machine with an engine and one torrent. Nothing happens before `run`. */
  peer(options: PeerOptions): Peer {
    const { content } = options;
    const host = this.host(options);
    const engine = new Engine(this.#portsOf(host, options), {
      openHttpTracker: httpTrackers(),
      ...options.engine,
    });
    if (host.ports.listener !== undefined) engine.listen(LISTEN_PORT).catch((error) => this.loop.fail(error));
    const disk = options.disk ?? content.createDisk(options.seed === true);
    const log = recordLog(host.clock, options.observer);
    const known = options.magnet !== true;
    const torrent = engine.add(
      {
        hashes: content.hashes,
        infoBytes: known ? content.infoBytes : undefined,
        pieceLayers: known ? content.pieceLayers : undefined,
        openDisk: () => Promise.resolve(disk),
        skipCheck: options.seed === true,
        ...options.spec,
      },
      log,
    );
    const peer = { host, engine, torrent, disk, log };
    this.peers.push(peer);
    return peer;
  }

  /** Tells `from` the address of `to`, which must not be a browser. */
  introduce(from: Peer, to: Peer): void {
    from.torrent.addPeer({ host: to.host.address, port: LISTEN_PORT });
  }

  /** @see Loop.run */
  run(options: RunOptions): Promise<boolean> {
    return this.loop.run(options);
  }

  /** Closes one engine, and forgets it once it is closed: in a long run most have come and gone. */
  retire(peer: Peer): void {
    const forget = (): void => {
      const index = this.peers.indexOf(peer);
      if (index >= 0) this.peers.splice(index, 1);
    };
    peer.engine.close().then(forget, (error: unknown) => this.loop.fail(error));
  }

  /** Closes all engines and lets time pass until they are, a minute at most. */
  async close(): Promise<void> {
    let open = this.peers.length;
    for (const { engine } of this.peers) {
      engine.close().then(
        () => open--,
        (error: unknown) => this.loop.fail(error),
      );
    }
    const closed = await this.run({ until: () => open === 0, limit: 60_000 });
    if (!closed) throw new Error(`${open} engines did not close within a minute.`);
  }

  #portsOf(host: Host, { content, wrapLink }: PeerOptions): ConstructorParameters<typeof Engine>[0] {
    const ports = { ...host.ports, hasher: content.hasher };
    return wrapLink === undefined ? ports : wrapPorts(ports, wrapLink);
  }
}

type EnginePorts = ConstructorParameters<typeof Engine>[0];

/** Puts something between the engine and each of its links, whoever opened it. */
function wrapPorts(ports: EnginePorts, wrap: (link: Link) => Link): EnginePorts {
  const { dialer, listener, rtc } = ports;
  return {
    ...ports,
    dialer: dialer && {
      dial: (address, handler) =>
        dialer.dial(address, {
          onLink: (link) => handler.onLink(wrap(link)),
          onError: (error) => handler.onError(error),
        }),
    },
    listener: listener && {
      listen: (port, onLink) => listener.listen(port, (link) => onLink(wrap(link))),
      close: () => listener.close(),
    },
    rtc: rtc && {
      offer: (handler) => rtc.offer({ ...bound(handler), onLink: (link) => handler.onLink(wrap(link)) }),
      answer: (sdp, handler) =>
        rtc.answer(sdp, { ...bound(handler), onLink: (link) => handler.onLink(wrap(link)) }),
    },
  };
}

function bound(handler: { onDescription(sdp: string): void; onError(error: Error): void }): {
  onDescription(sdp: string): void;
  onError(error: Error): void;
} {
  return {
    onDescription: (sdp) => handler.onDescription(sdp),
    onError: (error) => handler.onError(error),
  };
}
