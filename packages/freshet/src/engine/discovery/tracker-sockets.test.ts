import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryMessageSockets, SeededRandom, type ServerSocket, VirtualClock } from '../../memory/index.ts';
import {
  encodeWsAnnounceReply,
  encodeWsFailure,
  type InfoHash,
  infoHashFromBytes,
} from '../../protocol/index.ts';
import { TrackerSockets, type TrackerSocketUser } from './tracker-sockets.ts';

const URL = 'wss://t.example';
const HASH_1 = infoHashFromBytes(new Uint8Array(20).fill(1))!;
const HASH_2 = infoHashFromBytes(new Uint8Array(20).fill(2))!;

function setUp(latencyMs = 10) {
  const clock = new VirtualClock();
  const connector = new MemoryMessageSockets(clock, { latencyMs });
  const sockets = new TrackerSockets({ clock, random: new SeededRandom(3), sockets: connector });
  const connected: number[] = [];
  const clients: ServerSocket[] = [];
  const received: string[] = [];
  const serve = (): void =>
    connector.serve(URL, (socket) => {
      connected.push(clock.now());
      clients.push(socket);
      return { onMessage: (text) => received.push(text) };
    });
  serve();
  const say = (text: string): void => {
    clients.at(-1)!.send(text);
    clock.advance(latencyMs);
  };
  return { clock, connector, sockets, connected, clients, received, serve, say };
}

function user(infoHash: InfoHash): TrackerSocketUser & { log: string[] } {
  const log: string[] = [];
  return {
    infoHash,
    log,
    onOpen: () => log.push('open'),
    onDown: (sentence) => log.push(sentence),
    onMessage: (message) => log.push(message.kind),
    onIdle: () => log.push('idle'),
  };
}

const reply = (infoHash: InfoHash): string => encodeWsAnnounceReply({ infoHash, interval: 120 });

describe('sockets to trackers', () => {
  it('opens one for all torrents, routes by info-hash, and closes it a while after the last has left', () => {
    const { clock, connector, sockets, connected, received, say } = setUp();
    const [one, two] = [user(HASH_1), user(HASH_2)];
    const seatOne = sockets.join(URL, one);
    const seatTwo = sockets.join(URL, two);
    expect([seatOne.state, seatOne.send('early')]).toEqual(['connecting', false]);
    clock.advance(100);
    expect([connected.length, seatOne.state, one.log, two.log]).toEqual([1, 'open', ['open'], ['open']]);
    say(reply(HASH_2));
    expect([one.log, two.log]).toEqual([['open'], ['open', 'announceReply']]);
    expect(seatTwo.send('hello')).toBe(true);
    clock.advance(100);
    expect(received).toEqual(['hello']);
    seatOne.leave();
    seatOne.leave();
    expect(seatOne.send('gone')).toBe(false);
    clock.advance(60_000);
    expect(connector.connections).toBe(1);
    seatTwo.leave();
    clock.advance(4_000);
    const again = sockets.join(URL, one);
    expect(again.state).toBe('open');
    clock.advance(60_000);
    expect(connected).toHaveLength(1);
    again.leave();
    clock.advance(5_000);
    expect([connector.connections, sockets.size]).toEqual([0, 0]);
    clock.advance(100);
    expect(clock.pending).toBe(0);
  });

  it('reconnects with growing pauses as long as anybody cares', () => {
    const { clock, connector, sockets, serve, connected } = setUp();
    connector.stop(URL);
    const one = user(HASH_1);
    const seat = sockets.join(URL, one);
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      while (seat.state !== 'waiting') clock.advance(1);
      waits.push(seat.retryIn()!);
      clock.advance(seat.retryIn()!);
    }
    for (const [i, wait] of waits.entries()) {
      const base = Math.min(300_000, 2_000 * 2 ** i);
      expect(wait).toBeGreaterThan(base - 2);
      expect(wait).toBeLessThanOrEqual(2 * base);
    }
    expect(one.log.at(-1)).toBe(
      'The tracker wss://t.example is not connected: No WebSocket server answers at wss://t.example.',
    );
    serve();
    clock.advance(700_000);
    expect([connected.length, seat.state, one.log.at(-1)]).toEqual([1, 'open', 'idle']);
    connector.stop(URL);
    clock.advance(100);
    seat.leave();
    expect([sockets.size, clock.pending]).toEqual([0, 0]);
  });

  it('starts its pauses over only when the tracker has said something', () => {
    const { clock, sockets, clients, say } = setUp(0);
    const seat = sockets.join(URL, user(HASH_1));
    clock.advance(0);
    for (let i = 0; i < 3; i++) {
      clients.at(-1)!.close('no');
      clock.advance(0);
      clock.advance(seat.retryIn()!);
      clock.advance(0);
    }
    clients.at(-1)!.close('no');
    clock.advance(0);
    expect(seat.retryIn()).toBeGreaterThanOrEqual(16_000);
    clock.advance(seat.retryIn()!);
    clock.advance(0);
    say(reply(HASH_1));
    clients.at(-1)!.close('no');
    clock.advance(0);
    expect(seat.retryIn()).toBeLessThanOrEqual(4_000);
  });

  it('gives up an attempt to connect after 15 s', () => {
    const clock = new VirtualClock();
    let closed = 0;
    const silent = { connect: () => ({ send: () => {}, queuedBytes: 0, close: () => closed++ }) };
    const sockets = new TrackerSockets({ clock, random: new SeededRandom(1), sockets: silent });
    const one = user(HASH_1);
    const seat = sockets.join(URL, one);
    clock.advance(15_000);
    expect([seat.state, closed]).toEqual(['waiting', 1]);
    expect(one.log).toEqual(['The tracker wss://t.example did not accept a connection within 15 s.']);
    sockets.close();
    expect(clock.pending).toBe(0);
  });

  it('asks somebody to speak when the socket has been silent for 110 s', () => {
    const { clock, sockets } = setUp();
    const one = user(HASH_1);
    const seat = sockets.join(URL, one);
    clock.advance(60_000);
    seat.send('x');
    clock.advance(109_000);
    expect(one.log).toEqual(['open']);
    clock.advance(2_000);
    expect(one.log).toEqual(['open', 'idle']);
  });

  it('does not wait for a fraction of a millisecond that time cannot show', () => {
    let openedAt = 2_000_000.05;
    while (openedAt + 110_000 - openedAt >= 110_000) openedAt += 0.05;
    const { clock, sockets } = setUp(0);
    clock.advance(openedAt);
    const one = user(HASH_1);
    sockets.join(URL, one);
    let timers = 0;
    while (timers < 1000 && clock.step(openedAt + 115_000)) timers++;
    expect(timers).toBeLessThan(10);
    expect(one.log).toEqual(['open', 'idle']);
  });

  it('connects anew when the network has changed, once for all torrents', () => {
    const { clock, connector, sockets, connected } = setUp();
    const [one, two] = [user(HASH_1), user(HASH_2)];
    const seats = [sockets.join(URL, one), sockets.join(URL, two)];
    clock.advance(60_000);
    for (const seat of seats) seat.reconnect();
    clock.advance(1_000);
    expect(connected).toHaveLength(2);
    expect([one.log, two.log]).toEqual([
      ['open', 'open'],
      ['open', 'open'],
    ]);
    expect(connector.connections).toBe(1);
  });

  it('sends nothing to a tracker that does not read', () => {
    const clock = new VirtualClock();
    const stuck = {
      connect: (_url: string, handler: { onOpen(): void }) => {
        clock.setTimer(0, () => handler.onOpen());
        return { send: () => {}, queuedBytes: 2 ** 21, close: () => {} };
      },
    };
    const sockets = new TrackerSockets({ clock, random: new SeededRandom(1), sockets: stuck });
    const seat = sockets.join(URL, user(HASH_1));
    clock.advance(0);
    expect([seat.state, seat.send('x')]).toEqual(['open', false]);
  });

  it('tells everybody of a failure without info-hash, and stays open', () => {
    const { clock, sockets, say } = setUp();
    const [one, two] = [user(HASH_1), user(HASH_2)];
    const seat = sockets.join(URL, one);
    sockets.join(URL, two);
    clock.advance(100);
    say('{"failure reason":"Invalid request"}');
    say(encodeWsFailure({ reason: 'no', infoHash: HASH_1 }));
    expect([one.log, two.log, seat.state]).toEqual([
      ['open', 'failure', 'failure'],
      ['open', 'failure'],
      'open',
    ]);
  });

  it('keeps the newer of two users of one torrent when the older leaves', () => {
    const { clock, sockets, say } = setUp();
    const [old, young] = [user(HASH_1), user(HASH_1)];
    const seat = sockets.join(URL, old);
    sockets.join(URL, young);
    clock.advance(100);
    seat.leave();
    say(reply(HASH_1));
    expect([old.log, young.log]).toEqual([['open'], ['open', 'announceReply']]);
  });

  it('may be left from inside a callback', () => {
    const { clock, sockets } = setUp();
    const two = user(HASH_2);
    const seats = [
      sockets.join(URL, { ...user(HASH_1), onOpen: () => seats.forEach((seat) => void seat.leave()) }),
    ];
    seats.push(sockets.join(URL, two));
    clock.advance(10_000);
    expect([two.log, sockets.size]).toEqual([[], 0]);
  });

  it('counts and ignores what it does not understand', () => {
    const { clock, sockets, say } = setUp();
    const one = user(HASH_1);
    const seat = sockets.join(URL, one);
    clock.advance(100);
    const rubbish = [
      '',
      'null',
      '[]',
      '{}',
      '{"action":"announce"}',
      '{"action":"scrape","files":{}}',
      reply(HASH_2),
    ];
    for (const text of rubbish) say(text);
    expect([sockets.ignored, one.log, seat.state]).toEqual([rubbish.length, ['open'], 'open']);
    const before = sockets.ignored;
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        say(text);
      }),
      { numRuns: 300 },
    );
    expect(sockets.ignored).toBe(before + 300);
    expect([one.log, seat.state]).toEqual([['open'], 'open']);
  });
});
