/** The tracker with clients that say anything, over WebSocket and HTTP at once. */

import {
  decodeWsServerMessage,
  fromBinaryString,
  infoHashFromBytes,
  peerIdFromBytes,
} from '../../packages/freshet/src/protocol/index.ts';
import { TrackerCore } from '../../packages/tracker/src/core.ts';
import type { TrackerConnection, WebSocketSession } from '../../packages/tracker/src/websocket-session.ts';
import { Dice, Tape } from '../dice.ts';
import { anyFrame, type WsIds } from '../grammar/tracker.ts';
import { must, mustEqual, type Target } from '../target.ts';

const IDS: WsIds = {
  hashes: [
    '\u0001'.repeat(20),
    '\u00ff'.repeat(20),
    `${'"\\'.padEnd(19, '\u0080')}2`,
    'h'.repeat(20),
    'i'.repeat(20),
  ],
  peers: ['p', 'q', '\u0000', '\u00e9', 's', 't'].map((char) => char.repeat(20)),
  offers: ['1', '2', '3'].map((char) => char.repeat(20)),
};
const LIMITS = {
  maxSwarms: 3,
  maxPeersPerSwarm: 4,
  maxSwarmsPerConnection: 3,
  maxOffers: 3,
  maxScrape: 2,
  maxNumwant: 3,
  messageBurst: 20,
  messagesPerSecond: 2,
};
const INTERVAL = 120;

class Client implements TrackerConnection {
  readonly address: string;
  readonly session: WebSocketSession;
  paused = false;
  ended = false;

  constructor(core: TrackerCore, address: string) {
    this.address = address;
    this.session = core.open(this);
  }

  send(text: string): void {
    must(!this.ended, 'a message after the end');
    const message = decodeWsServerMessage(text);
    must(message.kind !== 'error', () => `our client does not understand our tracker: ${text}`);
    if (message.kind === 'announceReply') must((message.interval ?? 0) >= 1, () => `no interval: ${text}`);
  }

  ping(): void {}

  pause(): void {
    must(!this.paused, 'paused twice');
    this.paused = true;
  }

  resume(): void {
    must(this.paused, 'resumed without a pause');
    this.paused = false;
  }

  close(code: number): void {
    must(code >= 1000 && code < 5000 && !this.ended, () => `closed with ${code}`);
    this.ended = true;
  }

  end(): void {
    this.ended = true;
    this.session.closed();
  }
}

/** What the store says of itself agrees, and is within the limits. */
function checkStores(core: TrackerCore, clients: readonly Client[]): void {
  for (const store of [core.webrtc, core.addresses]) {
    let [swarms, peers, seeds] = [0, 0, 0];
    for (const hash of store.infoHashes()) {
      const { complete, incomplete, downloaded } = store.counts(hash);
      mustEqual(hash.length, 20, 'length of a key');
      must(
        complete + incomplete >= 1 && complete + incomplete <= LIMITS.maxPeersPerSwarm && downloaded >= 0,
        () => `a swarm of ${complete} + ${incomplete}`,
      );
      swarms++;
      peers += complete + incomplete;
      seeds += complete;
    }
    mustEqual(
      [store.swarmCount, store.peerCount, store.seedCount],
      [swarms, peers, seeds],
      'swarms, peers and seeds',
    );
    must(swarms <= LIMITS.maxSwarms, () => `${swarms} swarms`);
  }
  const open = clients.filter(({ session }) => !session.isClosed);
  mustEqual(
    open.reduce((sum, { session }) => sum + session.peerCount, 0),
    core.webrtc.peerCount,
    'peers of all connections',
  );
  for (const { session } of open) {
    must(
      session.peerCount <= LIMITS.maxSwarmsPerConnection,
      () => `${session.peerCount} swarms of a connection`,
    );
    mustEqual(session.idleSince === undefined, session.peerCount > 0, 'a connection in a swarm is not idle');
  }
  const stats = core.stats();
  mustEqual(stats.connections, open.length, 'connections');
  mustEqual(stats.peers, core.webrtc.peerCount + core.addresses.peerCount, 'peers of both kinds');
}

async function play(input: Uint8Array, note: (line: string) => void): Promise<void> {
  const tape = new Tape(input);
  const dice = new Dice(tape);
  let now = 0;
  const mode = dice.below(4);
  let filterFailed = false;
  const errors: Error[] = [];
  const verdict = (): boolean | { refused: string } => {
    if (dice.chance(1, 10)) {
      filterFailed = true;
      throw new Error('filter');
    }
    return dice.pick([true, true, true, false, { refused: 'no "such"\n' }]);
  };
  const core = new TrackerCore({
    ...LIMITS,
    interval: INTERVAL,
    fullScrape: dice.chance(1, 2),
    clock: { now: () => now },
    random: () => dice.below(65_536) / 65_536,
    filter: mode === 0 ? undefined : mode === 1 ? verdict : async () => verdict(),
    onError: (error) => errors.push(error),
  });
  const clients: Client[] = [];
  for (let steps = 4 + dice.below(200); steps > 0 && !tape.ended; steps--) {
    const client =
      clients.length === 0 || (clients.length < 8 && dice.chance(1, 8))
        ? connect(core, dice, clients)
        : dice.pick(clients);
    switch (dice.below(10)) {
      case 0:
        now += dice.pick([0, 1000, 5000, 100_000, 300_000]);
        core.sweep();
        note(`${now} ms`);
        break;
      case 1:
        if (dice.chance(1, 3)) {
          client.end();
          note(`${client.session.id} ends`);
        } else client.session.heard();
        break;
      case 2:
      case 3:
        await announce(core, dice);
        break;
      case 4: {
        const reply = core.scrape(
          dice.several(4, () => infoHashFromBytes(fromBinaryString(dice.pick(IDS.hashes))!)!),
        );
        must('failure' in reply || reply.length <= 10_000, 'a scrape without end');
        break;
      }
      default: {
        const text = dice.chance(1, 20)
          ? dice.pick(['', '{', 'null', '[]', '7', '{"action":{}}'])
          : JSON.stringify(anyFrame(dice, IDS, 40));
        note(`${client.session.id} says ${text}`);
        client.session.receive(text);
      }
    }
    if (dice.chance(1, 2)) await Promise.resolve();
    checkStores(core, clients);
  }
  for (let i = 0; i < 200; i++) await Promise.resolve();
  checkStores(core, clients);
  for (const client of clients) must(client.session.isClosed || !client.paused, 'a connection stays paused');
  for (const error of errors) if (!(filterFailed && error.message === 'filter')) throw error;
  for (const client of clients) client.end();
  mustEqual(
    [core.webrtc.peerCount, core.webrtc.swarmCount],
    [0, 0],
    'WebRTC peers after all connections have ended',
  );
  now += INTERVAL * 2000 + 31_000;
  core.sweep();
  mustEqual(
    [core.addresses.peerCount, core.addresses.swarmCount],
    [0, 0],
    'address peers after a long silence',
  );
}

function connect(core: TrackerCore, dice: Dice, clients: Client[]): Client {
  const client = new Client(core, `192.0.2.${dice.below(3)}`);
  clients.push(client);
  return client;
}

async function announce(core: TrackerCore, dice: Dice): Promise<void> {
  const host = `192.0.2.${dice.below(3)}`;
  const port = dice.pick([1, 2, 3, 0, 65_536]);
  const numwant = dice.maybe(() => dice.edge());
  const reply = await core.announce({
    infoHash: infoHashFromBytes(fromBinaryString(dice.pick(IDS.hashes))!)!,
    peerId: peerIdFromBytes(fromBinaryString(dice.pick(IDS.peers))!)!,
    host,
    port,
    event: dice.pick([undefined, 'started', 'stopped', 'completed', 'paused'] as const),
    left: dice.pick([undefined, 0, 1, dice.edge()]),
    numwant,
  });
  if ('failure' in reply) return;
  must(reply.peers.length <= Math.min(numwant ?? 50, LIMITS.maxNumwant), 'more peers than were wanted');
  must(!reply.peers.some((peer) => peer.host === host && peer.port === port), 'a peer is told of itself');
  mustEqual(new Set(reply.peers.map(({ key }) => key)).size, reply.peers.length, 'number of different peers');
}

export const trackerServerSession: Target = {
  name: 'tracker-server',
  about:
    'our tracker with WebSocket and HTTP clients that say anything: counts agree, limits hold, our client understands it',
  shortRuns: 300,
  batch: 32,
  maxLength: 3000,
  minimiseRuns: 1500,
  generate: (dice) => dice.bytes(20 + dice.below(2500)),
  run: (input) => play(input, () => {}),
  describe: async (input) => {
    const lines: string[] = [];
    await play(input, (line) => lines.push(`  ${line}`)).catch(() => {});
    return lines.join('\n');
  },
};
