import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeWsFailure } from '../../protocol/index.ts';
import { A, B, counts, INFO_HASH, setUp } from './ws-world.contract.ts';

/** A reply with none of what a reply is for. */
function encodeNothing(): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: String.fromCharCode(...INFO_HASH),
    interval: 'soon',
  });
}

describe('a tracker that fails', () => {
  it('is started at again when its socket comes back', () => {
    const { clock, sockets, serve, announcer, warnings, status, budget } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(10_000);
    sockets.stop(A);
    clock.advance(100);
    expect(status(A)).toMatchObject({ state: 'failing' });
    expect(status(A).nextAnnounceIn).toBeGreaterThan(0);
    expect(budget.offers).toBe(0);
    expect(warnings).toEqual([]);
    serve(A);
    clock.advance(4_100);
    expect(tracker.log.map((line) => line.split(' ')[1])).toEqual(['started', 'started']);
    expect([tracker.connections, status(A).state]).toEqual([2, 'working']);
  });

  it('is warned of when it cannot be connected, once', () => {
    const { clock, announcer, warnings, trackerSockets } = setUp();
    announcer.start();
    clock.advance(3_600_000);
    expect(warnings).toEqual([
      'The tracker wss://a.example is not connected: No WebSocket server answers at wss://a.example.',
    ]);
    announcer.stop();
    clock.advance(10_000);
    expect([trackerSockets.size, clock.pending]).toEqual([0, 0]);
  });

  it('is asked again after its refusal, on the same socket', () => {
    const { clock, serve, announcer, warnings, status } = setUp();
    const tracker = serve(A);
    tracker.reply = () => encodeWsFailure({ reason: 'busy', infoHash: INFO_HASH });
    announcer.start();
    clock.advance(1_000);
    expect(status(A)).toMatchObject({
      state: 'failing',
      lastError: 'The tracker wss://a.example refused: "busy".',
    });
    clock.advance(25_000);
    expect(tracker.log.map((line) => line.split(' ')[1])).toEqual(['started', 'started', 'started']);
    expect([tracker.connections, warnings.length]).toEqual([1, 1]);
  });

  it('counts as failing when it does not reply within 15 s', () => {
    const { clock, serve, announcer, warnings } = setUp();
    const tracker = serve(A);
    tracker.reply = undefined;
    announcer.start();
    clock.advance(16_000);
    expect(warnings).toEqual(['The tracker wss://a.example did not reply within 15 s.']);
  });

  it('is returned to when its connection broke while an announce waited for its reply', () => {
    const { clock, sockets, serve, announcer, status } = setUp([[A], [B]]);
    const a = serve(A);
    serve(B);
    announcer.start();
    clock.advance(1_000);
    a.reply = undefined;
    announcer.completed();
    clock.advance(1_000);
    sockets.stop(A);
    clock.advance(1_000);
    expect([status(A).state, status(B).state]).toEqual(['failing', 'working']);
    a.reply = () => counts(5, 5);
    serve(A);
    clock.advance(120_000);
    expect([status(A).state, status(B).state]).toEqual(['working', 'idle']);
  });

  it('is warned of once although its fault looks different from time to time', () => {
    const { clock, serve, announcer, warnings } = setUp();
    const tracker = serve(A);
    tracker.reply = undefined;
    announcer.start();
    for (let minute = 0; minute < 60; minute++) {
      clock.advance(60_000);
      tracker.socket?.close('idle');
    }
    expect(tracker.connections).toBeGreaterThan(5);
    expect(warnings).toEqual([
      'The tracker wss://a.example did not reply within 15 s.',
      'The tracker wss://a.example is not connected: idle.',
    ]);
  });

  it('is warned of eight times at most, whatever its refusals say', () => {
    const { clock, serve, announcer, warnings } = setUp();
    const tracker = serve(A);
    let refusals = 0;
    tracker.reply = () => encodeWsFailure({ reason: `No. ${refusals++}`, infoHash: INFO_HASH });
    announcer.start();
    clock.advance(86_400_000);
    expect(refusals).toBeGreaterThan(50);
    expect(warnings).toHaveLength(8);
  });

  it.each([
    ['no reply', (): undefined => undefined, /did not reply/, /It is asked again by itself/],
    ['a page', () => '<html>', /cannot be understood/, /announce address/],
    ['nothing', () => encodeNothing(), /cannot be understood/, /announce address/],
    [
      'a refusal',
      () => encodeWsFailure({ reason: 'busy', infoHash: INFO_HASH }),
      /refused: "busy"/,
      /those who run it/,
    ],
  ])('is told of with what can be done: %s', (_what, reply, sentence, advice) => {
    const { clock, serve, announcer, warnings, advices } = setUp();
    serve(A).reply = reply;
    announcer.start();
    clock.advance(16_000);
    expect([...warnings, ...advices]).toEqual([
      expect.stringMatching(sentence),
      expect.stringMatching(advice),
    ]);
  });

  it('gives way to the next tier, and is returned to', () => {
    const { clock, sockets, serve, announcer, status } = setUp([[A], [B]]);
    const b = serve(B);
    announcer.start();
    clock.advance(1_000);
    expect([status(A).state, status(B).state]).toEqual(['failing', 'working']);
    const a = serve(A);
    clock.advance(120_000);
    expect([status(A).state, status(B).state]).toEqual(['working', 'idle']);
    expect(b.log.map((line) => line.split(' ')[1])).toEqual(['started', 'stopped']);
    clock.advance(10_000);
    expect(sockets.connections).toBe(1);
    sockets.stop(A);
    clock.advance(1_000);
    expect(status(B).state).toBe('working');
    expect(a.log.map((line) => line.split(' ')[1])).toEqual(['started']);
  });

  it('is met again on a new socket when the network has changed', () => {
    const { clock, serve, announcer } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(10_000);
    announcer.networkChanged();
    clock.advance(1_000);
    expect([tracker.connections, tracker.log]).toEqual([2, ['0 started', '10 started']]);
  });

  it('does no harm with what it says', () => {
    const { clock, serve, announcer, budget } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(1_000);
    const binary = String.fromCharCode(...INFO_HASH);
    const id = fc.oneof(fc.constant(binary), fc.string({ minLength: 20, maxLength: 20 }), fc.anything());
    const description = fc.oneof(
      fc.record({ type: fc.constantFrom('offer', 'answer', 'x'), sdp: fc.oneof(fc.string(), fc.anything()) }),
      fc.anything(),
    );
    const message = fc.record(
      {
        action: fc.constantFrom('announce', 'scrape', 'x'),
        info_hash: id,
        peer_id: id,
        offer_id: id,
        offer: description,
        answer: description,
        interval: fc.anything(),
        complete: fc.oneof(fc.integer(), fc.double(), fc.anything()),
        incomplete: fc.oneof(fc.integer(), fc.double(), fc.anything()),
        'min interval': fc.oneof(fc.double(), fc.anything()),
        'failure reason': fc.anything(),
        'warning message': fc.anything(),
        'tracker id': fc.anything(),
      },
      { requiredKeys: ['action', 'info_hash'] },
    );
    let sent = 0;
    fc.assert(
      fc.property(message, fc.integer({ min: 0, max: 20_000 }), (value, pause) => {
        let text: string | undefined;
        try {
          text = JSON.stringify(value);
        } catch {
          // Big integers have no JSON.
        }
        if (text === undefined || tracker.socket === undefined) return;
        sent++;
        tracker.socket.send(text);
        clock.advance(pause);
        expect(budget.halfOpen).toBeLessThanOrEqual(20);
      }),
      { numRuns: 300 },
    );
    expect(sent).toBeGreaterThan(200);
    expect(tracker.connections).toBe(1);
    clock.advance(1_000_000);
    expect(tracker.log.length).toBeGreaterThan(5);
    announcer.stop();
    clock.advance(10_000);
    expect([budget.halfOpen, clock.pending]).toEqual([0, 0]);
  });
});
