/** A peer connection: a whole engine between an honest peer and ones that say anything. */

import type { Link } from '../../packages/freshet/src/engine/ports.ts';
import {
  concatBytes,
  encodeExtended,
  encodeExtendedHandshake,
  encodeHandshake,
  encodeHave,
  encodeHaveAll,
  encodeInterested,
  encodePieceHeader,
  encodeUnchoke,
} from '../../packages/freshet/src/protocol/index.ts';
import { type Member, MemorySwarm, type SampleTorrent } from '../../packages/freshet/testing/memory-swarm.ts';
import { idOf, ScriptedPeer } from '../../packages/freshet/testing/scripted-peer.ts';
import { Dice, Tape } from '../dice.ts';
import { anyHandshake, anyMessage, type WireWorld } from '../grammar/wire.ts';
import { must, type Target } from '../target.ts';
import { checkEnd, checkUsage, samples, wireWorldOf } from './world.ts';

const BUDGET = 128 * 1024;
const CONNECTIONS = 6;
const MAX_STEPS = 80;
/** Milliseconds in which the honest are done once they know each other: longer than what is put aside stays there. */
const PATIENCE = 600_000;

type Request = readonly [piece: number, begin: number, length: number];

/** One who lies. */
class Hostile {
  readonly host: string;
  readonly n: number;
  peer: ScriptedPeer | undefined;
  readonly asked: Request[] = [];
  readonly #swarm: MemorySwarm;
  readonly #victim: Member;
  readonly #world: WireWorld;
  #greeted = false;

  constructor(n: number, swarm: MemorySwarm, victim: Member) {
    this.n = n;
    this.host = `10.1.0.${n}`;
    this.#swarm = swarm;
    this.#victim = victim;
    this.#world = wireWorldOf(swarm.sample);
    void swarm.network.listener(this.host).listen(6881, (link) => this.#met(link));
  }

  #met(link: Link): void {
    this.peer?.close();
    this.asked.length = 0;
    this.#greeted = false;
    const peer = new ScriptedPeer(link, this.#swarm.sample);
    peer.onRequest = (...request) => void this.asked.push(request);
    this.peer = peer;
  }

  /** Calls, or has itself called. */
  connect(calls: boolean): void {
    if (!calls) {
      this.#victim.torrent.addPeer({ host: this.host, port: 6881 });
      return;
    }
    const dialer = this.#swarm.network.dialer(this.host);
    dialer.dial(
      { host: this.#victim.host, port: 6881 },
      { onLink: (link) => this.#met(link), onError: () => {} },
    );
  }

  /** Does one thing; the first of each choice is the honest one. Returns what. */
  act(dice: Dice): string {
    const { peer } = this;
    if (peer === undefined || peer.closed) {
      const calls = dice.chance(3, 4);
      this.connect(calls);
      return calls ? 'calls' : 'is called';
    }
    if (!this.#greeted && !dice.chance(1, 12)) return this.#greet(peer, dice);
    switch (dice.below(12)) {
      case 0:
        return this.#greet(peer, dice);
      case 1:
        peer.say(anyHandshake(dice, this.#world));
        return 'says a handshake';
      case 2:
      case 3:
        return this.#answer(peer, dice);
      case 4: {
        const whole = concatBytes(dice.several(6, () => anyMessage(dice, this.#world)));
        const at = dice.below(whole.length + 1);
        peer.say(whole.subarray(0, at));
        return `says ${at} of ${whole.length} bytes of messages`;
      }
      case 5: {
        const bytes = dice.bytes(dice.below(40));
        peer.say(bytes);
        return `says ${bytes.length} bytes of nothing`;
      }
      case 6:
        peer.close();
        return 'hangs up';
      default: {
        const messages = [
          anyMessage(dice, this.#world),
          ...dice.several(4, () => anyMessage(dice, this.#world)),
        ];
        peer.say(...messages);
        return `says ${messages.map((message) => message[4] ?? 'keep-alive').join(', ')}`;
      }
    }
  }

  /** Most say hello as one does, and many have something to give. */
  #greet(peer: ScriptedPeer, dice: Dice): string {
    const { infoHash, infoBytes } = this.#world;
    this.#greeted = true;
    const reserved = { fast: !dice.chance(1, 4), extension: !dice.chance(1, 8), v2: dice.chance(1, 2) };
    peer.say(encodeHandshake({ infoHash, peerId: idOf(this.n), reserved }));
    const metadataSize = infoBytes.length + (dice.chance(1, 4) ? dice.below(40_000) : 0);
    const m = { ut_metadata: 1, lt_donthave: 3, upload_only: 4 };
    if (reserved.extension) peer.say(encodeExtended(0, encodeExtendedHandshake({ m, metadataSize })));
    if (dice.chance(1, 3)) return 'says hello';
    peer.say(reserved.fast ? encodeHaveAll() : encodeHave(0));
    if (!dice.chance(1, 3)) peer.say(encodeUnchoke());
    if (dice.chance(1, 2)) peer.say(encodeInterested());
    return 'says hello, has something';
  }

  #answer(peer: ScriptedPeer, dice: Dice): string {
    const requests = this.asked.splice(0, 1 + dice.below(8));
    for (const [piece, begin, length] of requests) {
      const at = piece * this.#swarm.sample.info.pieceLength + begin;
      const data = this.#swarm.sample.content.slice(at, at + length);
      if (dice.chance(1, 3) && data.length > 0) data[dice.below(data.length)]! ^= 1;
      const whole = concatBytes([encodePieceHeader(piece, begin, length), data]);
      peer.say(dice.chance(1, 10) ? whole.subarray(0, dice.below(whole.length)) : whole);
    }
    return `answers ${requests.length} requests`;
  }
}

async function play(input: Uint8Array, note: (line: string) => void): Promise<void> {
  const tape = new Tape(input);
  const dice = new Dice(tape);
  const sample: SampleTorrent = dice.pick(await samples());
  const swarm = new MemorySwarm(sample);
  const isSeed = dice.chance(1, 4);
  const magnet = !isSeed && dice.chance(1, 3);
  const engine = { bufferBudget: BUDGET, maxConnections: CONNECTIONS, maxPeersPerTorrent: 4 };
  const victim = await swarm.add({ seed: isSeed, magnet, engine });
  const honest = await swarm.add({ seed: !isSeed });
  const hostile = [1, 2].map((n) => new Hostile(n, swarm, victim));
  note(
    `version ${sample.info.hybrid ? 'hybrid' : sample.info.hasV2 ? 2 : 1}, ${isSeed ? 'a seed' : magnet ? 'a magnet link' : 'a leech'}`,
  );
  const meetAt = dice.below(12);
  const steps = dice.below(MAX_STEPS) + 4;
  for (let step = 0; step < steps && !tape.ended; step++) {
    if (step === meetAt)
      swarm.introduce(dice.chance(1, 2) ? honest : victim, dice.chance(1, 2) ? honest : victim);
    const one = dice.pick(hostile);
    note(`${swarm.clock.now()} ms: ${one.n} ${one.act(dice)}`);
    await swarm.clock.advanceAsync(dice.pick([100, 0, 10, 50, 1000, dice.chance(1, 10) ? 130_000 : 5]));
    checkUsage(victim, BUDGET, CONNECTIONS);
  }
  for (const { peer } of hostile) peer?.close();
  // The honest may have given up on each other while everything was taken.
  swarm.introduce(victim, honest);
  const end = swarm.clock.now() + PATIENCE;
  while (!(victim.torrent.done && honest.torrent.done) && swarm.clock.now() < end) {
    await swarm.clock.advanceAsync(500);
    checkUsage(victim, BUDGET, CONNECTIONS);
    swarm.introduce(victim, honest);
  }
  note(`${swarm.clock.now()} ms: the end`);
  must(victim.torrent.done && honest.torrent.done, 'the honest are not done');
  for (const member of [victim, honest]) must(await swarm.hasContent(member), 'what was verified is wrong');
  must(
    !victim.torrent.swarm.candidates.isBanned({ host: honest.host, port: 6881 }),
    'the honest one is banned',
  );
  for (const { peer } of hostile)
    must((peer?.count('error') ?? 0) === 0, 'what the engine says is no protocol');
  await checkEnd(swarm);
}

export const peerSession: Target = {
  name: 'peer',
  about: 'a peer connection: an engine between an honest peer and two who say anything (virtual time)',
  shortRuns: 60,
  batch: 16,
  guided: false,
  maxLength: 1200,
  minimiseRuns: 400,
  maxTime: 10_000,
  generate: (dice) => dice.bytes(20 + dice.below(800)),
  run: (input) => play(input, () => {}),
  describe: async (input) => {
    const lines: string[] = [];
    await play(input, (line) => lines.push(`  ${line}`)).catch(() => {});
    return lines.join('\n');
  },
};
