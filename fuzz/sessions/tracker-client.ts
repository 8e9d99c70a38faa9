/** The announcer with trackers that say anything, over HTTP and WebSocket. */

import { Announcer } from '../../packages/freshet/src/engine/discovery/announcer.ts';
import { OfferBudget } from '../../packages/freshet/src/engine/discovery/offer-budget.ts';
import { TrackerSockets } from '../../packages/freshet/src/engine/discovery/tracker-sockets.ts';
import type { Link } from '../../packages/freshet/src/engine/ports.ts';
import {
  MemoryHttp,
  type MemoryHttpResponse,
  MemoryMessageSockets,
  MemoryNetwork,
  SeededRandom,
  type ServerSocket,
  VirtualClock,
} from '../../packages/freshet/src/memory/index.ts';
import {
  decodeWsClientMessage,
  encode,
  encodeWsAnnounceReply,
  infoHashFromBytes,
  parseAnnounceQuery,
  peerIdFromBytes,
} from '../../packages/freshet/src/protocol/index.ts';
import { Dice, Tape } from '../dice.ts';
import { anyFrame, anyReply, type WsIds } from '../grammar/tracker.ts';
import { must, mustEqual, type Target } from '../target.ts';

const HTTP = ['http://a.example/announce', 'http://b.example/announce?pass=1'];
const WS = ['wss://a.example', 'wss://b.example/x'];
const INFO_HASH = infoHashFromBytes(new Uint8Array(20).fill(7))!;
const OUR_ID = peerIdFromBytes(new Uint8Array(20).fill(0xe1))!;
const IDS: WsIds = {
  hashes: ['\u0007'.repeat(20), '\u0007'.repeat(20), 'x'.repeat(20)],
  peers: ['p'.repeat(20), 'q'.repeat(20), '\u00e1'.repeat(20)],
  offers: ['1'.repeat(20), '2'.repeat(20)],
};
const GOOD = encode({ interval: 1000, complete: 3, incomplete: 4, peers: Uint8Array.of(1, 2, 3, 4, 0, 80) });

/** With the first of all choices it is a good answer. */
function answer(dice: Dice): MemoryHttpResponse {
  switch (dice.below(8)) {
    case 1:
    case 2:
    case 3:
      return { body: anyReply(dice), status: dice.chance(1, 6) ? dice.pick([404, 500, 200, 302, 204]) : 200 };
    case 4:
      return { body: GOOD, breakAfter: dice.below(20) - 1 };
    case 5:
      return { body: GOOD, silentAfter: dice.below(20) - 1 };
    case 6:
      return { redirect: dice.pick([...HTTP, 'http://nobody.example/']) };
    case 7:
      return {
        body: dice.chance(1, 8) ? new Uint8Array(1_100_000) : dice.bytes(dice.below(60)),
        delayMs: dice.below(30_000),
      };
    default:
      return { body: GOOD };
  }
}

async function play(input: Uint8Array, note: (line: string) => void): Promise<void> {
  const tape = new Tape(input);
  const dice = new Dice(tape);
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const http = new MemoryHttp(clock, { latencyMs: 20 });
  const sockets = new MemoryMessageSockets(clock, { latencyMs: 20 });
  const trackerSockets = new TrackerSockets({ clock, random: new SeededRandom(5), sockets });
  const budget = new OfferBudget({ clock, rtc: network.rtc('us') });
  const links: Link[] = [];
  let [requests, frames, stopped] = [0, 0, false];
  // Addresses are found, and fail, in the order of the clock.
  http.route('http://*', ({ url }) => {
    requests++;
    const query = parseAnnounceQuery(url.slice(url.indexOf('?') + 1));
    // Where a tracker has sent us to, it says what is asked.
    must(
      query.kind === 'announce' || !url.includes('info_hash='),
      () => `our tracker does not understand our client: ${url}`,
    );
    const response = answer(dice);
    note(
      `${clock.now()} ms: ${url.slice(7, 20)}: ${JSON.stringify({ ...response, body: response.body && Buffer.from(response.body.subarray(0, 80)).toString('latin1') })}`,
    );
    return response;
  });
  const speakers: ServerSocket[] = [];
  const said: string[] = [];
  const frame = (): string => {
    if (dice.chance(1, 16)) return dice.pick(['', '{', 'null', '[]', '{"action":"announce"}']);
    const offers = [...IDS.offers, ...said];
    return JSON.stringify(anyFrame(dice, { ...IDS, offers }, 40));
  };
  for (const url of WS) {
    sockets.serve(url, (socket) => {
      speakers.push(socket);
      if (dice.chance(1, 8)) socket.close('go away');
      return {
        onMessage: (text) => {
          frames++;
          const message = decodeWsClientMessage(text);
          must(message.kind !== 'error', () => `our tracker does not understand our client: ${text}`);
          if (message.kind === 'announce')
            for (const { offerId } of message.offers) said.push(Buffer.from(offerId).toString('latin1'));
          switch (dice.below(4)) {
            case 1:
              for (const reply of dice.several(3, frame)) socket.send(reply);
              break;
            case 2:
              if (dice.chance(1, 2)) socket.close(dice.pick(['', 'x\n\u202e'.repeat(200)]));
              break;
            default:
              socket.send(
                encodeWsAnnounceReply({ infoHash: INFO_HASH, interval: 120, complete: 5, incomplete: 5 }),
              );
          }
        },
      };
    });
  }
  const state = {
    uploaded: 1,
    downloaded: 2,
    left: dice.pick([undefined, 1000, 0]),
    wantPeers: dice.pick([30, 0, 1]),
    port: dice.pick([undefined, 6881]),
  };
  const tier = (list: readonly string[]): string[] => list.filter(() => !dice.chance(1, 3));
  const announcer = new Announcer({
    clock,
    random: new SeededRandom(6),
    http,
    trackerSockets,
    rtc: dice.chance(1, 8) ? undefined : budget,
    infoHash: INFO_HASH,
    peerId: OUR_ID,
    tiers: [tier(HTTP), tier(WS), dice.chance(1, 8) ? ['udp://x', 'nonsense', 'http://'] : []],
    stats: () => ({ ...state }),
    announceToAll: dice.chance(1, 3),
    observer: {
      onPeers: (found) => {
        must(!stopped, 'peers after the end');
        for (const { host, port } of found)
          must(host !== '' && port >= 1 && port <= 65_535, () => `the peer ${host}:${port}`);
      },
      onLink: (link) => {
        must(!stopped, 'a link after the end');
        links.push(link);
        link.attach({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
      },
      onAnnounced: () => must(!stopped, 'an announce after the end'),
      onWarning: (_url, sentence) => {
        must(!stopped, 'a warning after the end');
        must(
          /\.$/.test(sentence) && sentence.length < 900 && !/[\p{Cc}\p{Cf}]/u.test(sentence),
          () => `no sentence: ${JSON.stringify(sentence)}`,
        );
      },
    },
  });
  announcer.start();
  let stimuli = 0;
  for (let steps = 4 + dice.below(60); steps > 0 && !tape.ended; steps--) {
    stimuli++;
    switch (dice.below(10)) {
      case 0:
        break;
      case 1:
        announcer.update();
        break;
      case 2:
        announcer.completed();
        break;
      case 3:
        if (dice.chance(1, 4)) announcer.networkChanged();
        break;
      case 4:
        if (dice.chance(1, 4)) announcer.addTracker(dice.pick([...HTTP, ...WS, 'http://c.example/', 'x']));
        break;
      case 5:
        state.wantPeers = dice.below(40);
        break;
      default:
        if (speakers.length > 0) dice.pick(speakers).send(frame());
    }
    await clock.advanceAsync(dice.pick([10_000, 0, 10, 100, 1000, 60_000, 600_000]));
    for (const { lastError, nextAnnounceIn } of announcer.status()) {
      must(lastError === undefined || /\.$/.test(lastError), () => `no sentence: ${lastError}`);
      must(nextAnnounceIn === undefined || nextAnnounceIn >= 0, () => `an announce in ${nextAnnounceIn} ms`);
    }
    // 5 s between attempts that fail, doubled; ten offers with each announce over WebSocket.
    const seconds = clock.now() / 1000;
    must(requests <= 12 * (3 + stimuli + seconds / 15), () => `${requests} requests in ${seconds} s`);
    must(frames <= 60 * (3 + stimuli + seconds / 15), () => `${frames} frames in ${seconds} s`);
  }
  let done = false;
  announcer.stop(() => {
    done = true;
  });
  stopped = true;
  await clock.advanceAsync(2500);
  must(done, 'it does not come to an end');
  mustEqual(budget.halfOpen, 0, 'offers that are left');
  for (const link of links) link.close();
  trackerSockets.close();
  await clock.advanceAsync(120_000);
  mustEqual(clock.pending, 0, 'timers that are left');
  mustEqual(sockets.connections, 0, 'sockets that are left');
}

export const trackerClientSession: Target = {
  name: 'tracker-client',
  about:
    'the announcer with HTTP and WebSocket trackers that say anything: it keeps its pace, and nothing is left of it',
  shortRuns: 150,
  batch: 16,
  guided: false,
  maxLength: 2000,
  minimiseRuns: 800,
  maxTime: 5000,
  generate: (dice) => dice.bytes(20 + dice.below(1000)),
  run: (input) => play(input, () => {}),
  describe: async (input) => {
    const lines: string[] = [];
    await play(input, (line) => lines.push(`  ${line}`)).catch(() => {});
    return lines.join('\n');
  },
};
