import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FakeConnection,
  HASH,
  id,
  OTHER_HASH,
  offerId,
  offers,
  testTracker,
} from '../testing/fake-connection.ts';

const toHex = (binary: string): string => Buffer.from(binary, 'latin1').toString('hex');

describe('WebSocket announce', () => {
  it('answers with interval and counts, bound to action and info_hash', () => {
    const { connect } = testTracker({ interval: 90 });
    const reply = connect().announce(id('a'), { event: 'started' });
    expect(reply).toMatchObject([
      { action: 'announce', info_hash: HASH, interval: 90, complete: 0, incomplete: 1 },
    ]);
  });

  it.each([
    ['started, bytes left', [{ event: 'started', left: 5 }], [0, 1]],
    ['started, nothing left', [{ event: 'started', left: 0 }], [1, 0]],
    ['magnet: left null', [{ event: 'started', left: null }], [0, 1]],
    ['magnet: left absent', [{ event: 'started', left: undefined }], [0, 1]],
    ['completed', [{ left: 5 }, { event: 'completed', left: 0 }], [1, 0]],
    ['completed without left', [{ left: 5 }, { event: 'completed', left: undefined }], [1, 0]],
    ['update without event', [{ left: 5 }, { left: 4 }], [0, 1]],
    ['update said in words', [{ left: 5 }, { event: 'update', left: 0 }], [1, 0]],
    ['update as empty event', [{ left: 0 }, { event: '' }], [0, 1]],
    ['update as null event', [{ left: 0 }, { event: null, left: 0 }], [1, 0]],
    ['update without left keeps a seed', [{ left: 0 }, { left: undefined }], [1, 0]],
    ['update with left null keeps a seed', [{ left: 0 }, { left: null }], [1, 0]],
    ['unknown event as update', [{ left: 0 }, { event: 'dance', left: null }], [1, 0]],
    ['event that is no text as update', [{ left: 0 }, { event: 7, left: null }], [1, 0]],
    ['paused as update', [{ left: 5 }, { event: 'paused' }], [0, 1]],
    ['seed that wants more', [{ left: 0 }, { left: 7 }], [0, 1]],
    ['completed then update without left', [{ left: 5 }, { event: 'completed' }, { left: null }], [1, 0]],
    ['stopped', [{ left: 5 }, { event: 'stopped' }], [0, 0]],
    ['stopped by a stranger', [{ event: 'stopped' }], [0, 0]],
  ])('%s', (_name, announces, [complete, incomplete]) => {
    const { connect, core } = testTracker();
    const peer = connect();
    let last: unknown[] = [];
    for (const fields of announces) last = peer.announce(id('a'), fields);
    expect(last).toMatchObject([{ action: 'announce', info_hash: HASH, complete, incomplete }]);
    expect(core.stats().webrtc).toMatchObject({
      swarms: complete! + incomplete! > 0 ? 1 : 0,
      seeds: complete,
      leeches: incomplete,
    });
  });

  it.each([
    ['as many as asked', { offers: offers(5), numwant: 5 }, 5],
    ['no more than numwant', { offers: offers(5), numwant: 2 }, 2],
    ['no more than there are offers', { offers: offers(3), numwant: 50 }, 3],
    ['no more than the maximum', { offers: offers(15), numwant: 50 }, 10],
    ['all when numwant is absent', { offers: offers(4), numwant: undefined }, 4],
    ['all when numwant is null', { offers: offers(4), numwant: null }, 4],
    ['none for numwant 0', { offers: offers(4), numwant: 0 }, 0],
    ['none without offers', { numwant: 5 }, 0],
  ])('relays offers: %s', (_name, fields, expected) => {
    const { connect, core } = testTracker();
    const others = Array.from({ length: 20 }, (_, i) => {
      const other = connect();
      other.announce(id(`o${i}`));
      other.take();
      return other;
    });
    const asker = connect();
    const own = asker.announce(id('asker'), fields);
    const relayed = others.flatMap((other) => other.take());
    expect(relayed).toHaveLength(expected);
    expect(own.filter((message) => 'offer' in message)).toEqual([]);
    expect(core.stats().totals.offers).toBe(expected);
    expect(new Set(relayed.map((message) => message['offer_id'])).size).toBe(expected);
    for (const message of relayed) {
      expect(message).toMatchObject({
        action: 'announce',
        info_hash: HASH,
        peer_id: id('asker'),
        offer: { type: 'offer' },
      });
      expect(message).not.toHaveProperty('to_peer_id');
    }
  });

  it('gives a peer no offer of its own, twice no offer to the same peer, and a seed no other seed', () => {
    const { connect } = testTracker();
    const seed = connect();
    seed.announce(id('seed'), { left: 0 });
    const other = connect();
    other.announce(id('other'), { left: 0, offers: offers(5) });
    expect(seed.take().filter((message) => 'offer' in message)).toEqual([]);
    const leech = connect();
    leech.announce(id('leech'));
    leech.take();
    seed.announce(id('seed'), { left: 0, offers: offers(5) });
    expect(leech.take().filter((message) => 'offer' in message)).toHaveLength(1);
    expect(other.take().filter((message) => 'offer' in message)).toEqual([]);
  });

  it('keeps swarms apart', () => {
    const { connect } = testTracker();
    const a = connect();
    a.announce(id('a'));
    a.take();
    connect().announce(id('b'), { info_hash: OTHER_HASH, offers: offers(3) });
    expect(a.take()).toEqual([]);
  });

  it('serves several clients that share one connection', () => {
    const { connect } = testTracker();
    const page = connect();
    page.announce(id('first'), { left: 0 });
    const seen = page.announce(id('second'), { offers: offers(1) });
    expect(seen).toMatchObject([
      { incomplete: 1, complete: 1 },
      { peer_id: id('second'), offer_id: offerId(0) },
    ]);
    page.say({
      action: 'announce',
      info_hash: HASH,
      peer_id: id('first'),
      to_peer_id: id('second'),
      offer_id: offerId(0),
      answer: { type: 'answer', sdp: 'yes' },
    });
    expect(page.take()).toMatchObject([{ peer_id: id('first'), answer: { type: 'answer', sdp: 'yes' } }]);
  });
});

describe('Answers', () => {
  function pair() {
    const tracker = testTracker();
    const answerer = tracker.connect();
    answerer.announce(id('answerer'), { left: 0 });
    const asker = tracker.connect();
    asker.announce(id('asker'), { offers: offers(1) });
    asker.take();
    expect(answerer.take().filter((message) => 'offer' in message)).toHaveLength(1);
    const message = {
      action: 'announce',
      info_hash: HASH,
      peer_id: id('answerer'),
      to_peer_id: id('asker'),
      offer_id: offerId(0),
      answer: { type: 'answer', sdp: 'answer sdp' },
    };
    return { ...tracker, asker, answerer, message };
  }

  it('go back to the peer that offered, once, and never change membership', () => {
    const { asker, answerer, message, core } = pair();
    expect(answerer.say(message)).toEqual([]);
    const [relayed] = asker.take();
    expect(relayed).toEqual({
      action: 'announce',
      info_hash: HASH,
      peer_id: id('answerer'),
      offer_id: offerId(0),
      answer: { type: 'answer', sdp: 'answer sdp' },
    });
    expect(core.stats().webrtc).toMatchObject({ seeds: 1, leeches: 1 });
    expect(answerer.say(message)).toMatchObject([{ 'failure reason': expect.stringContaining('expired') }]);
    expect(asker.take()).toEqual([]);
  });

  it('do not prolong the membership of the one who answers', () => {
    const { clock, core, answerer, asker, message } = pair();
    clock.at = 80_000;
    answerer.say(message);
    expect(asker.take()).toHaveLength(1);
    clock.at = 271_000;
    core.sweep();
    expect(core.stats().peers).toBe(0);
  });

  it.each([
    ['another offer', { offer_id: offerId(1) }],
    ['another peer', { to_peer_id: id('nobody') }],
    ['another swarm', { info_hash: OTHER_HASH }],
    ['the name of somebody else', { peer_id: id('asker') }],
    ['the name of nobody', { peer_id: id('nobody') }],
  ])('are refused for %s', (_name, change) => {
    const { asker, answerer, message } = pair();
    expect(answerer.say({ ...message, ...change })).toMatchObject([
      { action: 'announce', 'failure reason': expect.any(String) },
    ]);
    expect(asker.take()).toEqual([]);
  });

  it('are refused from a member to whom the offer was not relayed', () => {
    const { connect, asker, message } = pair();
    const third = connect();
    third.announce(id('third'));
    expect(third.say({ ...message, peer_id: id('third') })).toMatchObject([
      { action: 'announce', info_hash: HASH, 'failure reason': expect.any(String) },
    ]);
    expect(third.say(message)).toMatchObject([{ 'failure reason': expect.any(String) }]);
    expect(asker.take()).toEqual([]);
  });

  it('are refused after the offer has expired, and when its owner has left', () => {
    const late = pair();
    late.clock.at = 91_000;
    expect(late.answerer.say(late.message)).toMatchObject([{ 'failure reason': expect.any(String) }]);
    const gone = pair();
    gone.asker.session.closed();
    expect(gone.answerer.say(gone.message)).toMatchObject([{ 'failure reason': expect.any(String) }]);
  });

  it('with left or event in them are still answers', () => {
    const { answerer, message, core, asker } = pair();
    answerer.say({ ...message, left: 100, event: 'stopped', numwant: 5, offers: [] });
    expect(asker.take()).toHaveLength(1);
    expect(core.stats().webrtc).toMatchObject({ seeds: 1, leeches: 1 });
  });

  it('find at most the newest 64 offers of a peer', () => {
    const { connect, core } = testTracker();
    for (let i = 0; i < 10; i++) connect().announce(id(`o${i}`));
    const asker = connect();
    for (let round = 0; round < 20; round++) asker.announce(id('asker'), { offers: offers(10, round * 10) });
    expect(core.webrtc.get(HASH, id('asker'))?.offers).toHaveLength(64);
  });
});

describe('Ownership of a peer id', () => {
  it('moves to a new connection of the same machine; the late close of the old one changes nothing', () => {
    const { connect, core } = testTracker();
    const stale = connect('198.51.100.7');
    stale.announce(id('a'), { left: 0 });
    const fresh = connect('198.51.100.7');
    expect(fresh.announce(id('a'), { left: null })).toMatchObject([{ complete: 1, incomplete: 0 }]);
    stale.session.closed();
    expect(core.stats().webrtc).toMatchObject({ peers: 1, seeds: 1 });
    stale.take();
    connect().announce(id('b'), { offers: offers(1) });
    expect(fresh.take().filter((message) => 'offer' in message)).toHaveLength(1);
    expect(stale.take()).toEqual([]);
    fresh.session.closed();
    expect(core.stats().webrtc.peers).toBe(1);
  });

  it('keeps the offers that wait, so that their answers reach the new connection', () => {
    const { connect } = testTracker();
    const answerer = connect();
    answerer.announce(id('answerer'));
    connect('198.51.100.7').announce(id('asker'), { offers: offers(1) });
    const fresh = connect('198.51.100.7');
    fresh.announce(id('asker'));
    fresh.take();
    answerer.say({
      action: 'announce',
      info_hash: HASH,
      peer_id: id('answerer'),
      to_peer_id: id('asker'),
      offer_id: offerId(0),
      answer: { type: 'answer', sdp: 'x' },
    });
    expect(fresh.take()).toHaveLength(1);
  });

  it.each(['started', 'completed', 'stopped', undefined])(
    'is refused to another machine while the owner lives (event %s)',
    (event) => {
      const { connect, core } = testTracker();
      const owner = connect();
      owner.announce(id('a'));
      const thief = connect();
      expect(thief.announce(id('a'), { event, left: 0 })).toMatchObject([
        {
          action: 'announce',
          info_hash: HASH,
          'failure reason': expect.stringContaining('another connection'),
        },
      ]);
      thief.session.closed();
      expect(core.stats().webrtc).toMatchObject({ peers: 1, seeds: 0 });
    },
  );

  it('stop from another connection of the same machine is refused too', () => {
    const { connect, core } = testTracker();
    connect('198.51.100.7').announce(id('a'));
    expect(connect('198.51.100.7').announce(id('a'), { event: 'stopped' })).toMatchObject([
      { 'failure reason': expect.any(String) },
    ]);
    expect(core.stats().peers).toBe(1);
  });

  it('passes to another machine when its owner does not answer a ping', () => {
    const { connect, clock, core } = testTracker();
    const owner = connect();
    owner.announce(id('a'));
    const roamer = connect();
    expect(roamer.announce(id('a'))).toMatchObject([{ 'failure reason': expect.any(String) }]);
    expect(owner.pings).toBe(1);
    clock.at = 3_000;
    expect(roamer.announce(id('a'))).toMatchObject([{ 'failure reason': expect.any(String) }]);
    clock.at = 6_000;
    expect(roamer.announce(id('a'))).toMatchObject([{ incomplete: 1 }]);
    owner.session.closed();
    expect(core.stats().peers).toBe(1);
  });

  it('stays with an owner that answers the ping', () => {
    const { connect, clock } = testTracker();
    const owner = connect();
    owner.announce(id('a'));
    const thief = connect();
    thief.announce(id('a'));
    owner.session.heard();
    clock.at = 6_000;
    expect(thief.announce(id('a'))).toMatchObject([{ 'failure reason': expect.any(String) }]);
    expect(owner.pings).toBe(2);
  });
});

describe('Scrape', () => {
  it('answers a string, an array and unknown hashes', () => {
    const { connect } = testTracker();
    const peer = connect();
    peer.announce(id('a'), { left: 5 });
    peer.announce(id('a'), { event: 'completed', left: 0 });
    const known = { complete: 1, incomplete: 0, downloaded: 1 };
    const unknown = { complete: 0, incomplete: 0, downloaded: 0 };
    expect(peer.say({ action: 'scrape', info_hash: HASH })).toMatchObject([
      { action: 'scrape', files: { [HASH]: known } },
    ]);
    expect(peer.say({ action: 'scrape', info_hash: [HASH, OTHER_HASH] })).toMatchObject([
      { action: 'scrape', files: { [HASH]: known, [OTHER_HASH]: unknown } },
    ]);
  });

  it('of everything is refused unless the operator allows it', () => {
    const refusing = testTracker().connect();
    expect(refusing.say({ action: 'scrape' })).toMatchObject([
      { action: 'scrape', 'failure reason': expect.stringContaining('info_hash') },
    ]);
    const allowing = testTracker({ fullScrape: true }).connect();
    allowing.announce(id('a'));
    expect(allowing.say({ action: 'scrape' })).toMatchObject([
      { action: 'scrape', files: { [HASH]: { complete: 0, incomplete: 1, downloaded: 0 } } },
    ]);
  });

  it('of too many is refused', () => {
    const peer = testTracker({ maxScrape: 2 }).connect();
    const many = ['1', '2', '3'].map((end) => HASH.slice(0, 19) + end);
    expect(peer.say({ action: 'scrape', info_hash: many })).toMatchObject([
      { action: 'scrape', 'failure reason': expect.any(String) },
    ]);
  });
});

describe('Bounds', () => {
  it('swarms, peers in a swarm and swarms of a connection are bounded', () => {
    const tracker = testTracker({ maxSwarms: 2, maxPeersPerSwarm: 2, maxSwarmsPerConnection: 3 });
    const peer = tracker.connect();
    const failed = [
      { action: 'announce', info_hash: expect.any(String), 'failure reason': expect.any(String) },
    ];
    expect(peer.announce(id('a'))).toMatchObject([{ incomplete: 1 }]);
    expect(peer.announce(id('a'), { info_hash: OTHER_HASH })).toMatchObject([{ incomplete: 1 }]);
    expect(peer.announce(id('a'), { info_hash: `${HASH.slice(0, 19)}3` })).toMatchObject(failed);
    expect(peer.announce(id('b'))).toMatchObject([{ incomplete: 2 }]);
    expect(tracker.connect().announce(id('c'))).toMatchObject(failed);
    expect(peer.announce(id('b'), { info_hash: OTHER_HASH })).toMatchObject(failed);
    expect(tracker.core.stats().peers).toBe(3);
  });

  it('closes a connection that sends far too much', () => {
    const { connect, core, clock } = testTracker({ messageBurst: 5, messagesPerSecond: 1 });
    const peer = connect();
    for (let i = 0; i < 5; i++) peer.announce(id('a'));
    expect(peer.closedWith).toBeUndefined();
    clock.at = 1_000;
    peer.announce(id('a'));
    expect(peer.closedWith).toBeUndefined();
    peer.announce(id('a'));
    expect(peer.closedWith).toBe(1008);
    expect(core.stats()).toMatchObject({ peers: 0, connections: 0 });
    expect(peer.announce(id('a'))).toEqual([]);
    peer.session.closed();
    expect(core.stats().connections).toBe(0);
  });

  it('forgets silent peers after two intervals and a little', () => {
    const { connect, core, clock } = testTracker({ interval: 10 });
    const peer = connect();
    peer.announce(id('a'));
    clock.at = 50_000;
    core.sweep();
    expect(core.stats().peers).toBe(1);
    clock.at = 50_001;
    core.sweep();
    expect(core.stats()).toMatchObject({ peers: 0, swarms: 0, connections: 1 });
    expect(peer.session.idleSince).toBe(50_001);
    expect(peer.announce(id('a'))).toMatchObject([{ incomplete: 1 }]);
  });

  it('leaves nothing behind after 10,000 peers on 1,000 hashes have stopped or disconnected', () => {
    const { connect, core } = testTracker();
    const peers: FakeConnection[] = [];
    for (let i = 0; i < 10_000; i++) {
      const peer = connect();
      peer.announce(id(`${i}`), {
        info_hash: `${i % 1_000}`.padStart(20, 'h'),
        left: i % 2,
        offers: offers(2),
      });
      peers.push(peer);
    }
    expect(core.stats()).toMatchObject({ swarms: 1_000, peers: 10_000, seeds: 5_000, connections: 10_000 });
    for (const [i, peer] of peers.entries()) {
      if (i % 3 === 0)
        peer.announce(id(`${i}`), { info_hash: `${i % 1_000}`.padStart(20, 'h'), event: 'stopped' });
      else peer.session.closed();
    }
    expect(core.stats()).toMatchObject({ swarms: 0, peers: 0, seeds: 0, webrtc: { swarms: 0, leeches: 0 } });
  });
});

describe('Filter', () => {
  it('refuses with a reason, at once or later, and keeps the order of messages', async () => {
    const asked: string[] = [];
    const { connect, core, errors } = testTracker({
      filter: (infoHash) => {
        asked.push(infoHash);
        if (infoHash === toHex(OTHER_HASH)) return { refused: 'Not on this island' };
        return Promise.resolve(true);
      },
    });
    const peer = connect();
    expect(peer.announce(id('a'), { info_hash: OTHER_HASH })).toMatchObject([
      { action: 'announce', info_hash: OTHER_HASH, 'failure reason': 'Not on this island' },
    ]);
    expect(peer.announce(id('a'))).toEqual([]);
    peer.session.receive(JSON.stringify({ action: 'announce', info_hash: HASH, peer_id: id('b'), left: 0 }));
    peer.session.receive(
      JSON.stringify({ action: 'announce', info_hash: HASH, peer_id: id('a'), event: 'stopped' }),
    );
    await expect.poll(() => peer.received.length).toBe(3);
    expect(peer.received).toMatchObject([
      { incomplete: 1, complete: 0 },
      { incomplete: 1, complete: 1 },
      { incomplete: 0, complete: 1 },
    ]);
    expect(asked).toEqual([toHex(OTHER_HASH), toHex(HASH), toHex(HASH)]);
    expect(core.stats().peers).toBe(1);
    expect(errors).toEqual([]);
  });

  it('that fails refuses, and tells the operator', async () => {
    const failing = testTracker({ filter: () => Promise.reject(new Error('database is away')) });
    const peer = failing.connect();
    peer.announce(id('a'));
    await expect
      .poll(() => peer.received)
      .toMatchObject([{ info_hash: HASH, 'failure reason': expect.any(String) }]);
    expect(JSON.stringify(peer.received)).not.toContain('database');
    expect(failing.errors.map((error) => error.message)).toEqual(['database is away']);
    const throwing = testTracker({
      filter: () => {
        throw new Error('oops');
      },
    });
    expect(throwing.connect().announce(id('a'))).toMatchObject([{ 'failure reason': expect.any(String) }]);
    expect(throwing.errors).toHaveLength(1);
  });

  it('reads a connection no further while many of its messages wait', async () => {
    const answers: ((verdict: boolean) => void)[] = [];
    const { connect, core } = testTracker({
      filter: () => new Promise((resolve) => answers.push(resolve)),
    });
    const peer = connect();
    for (let i = 0; i < 64; i++) peer.announce(id(`${i}`));
    expect(peer.isPaused).toBe(false);
    peer.announce(id('64'));
    expect(peer.isPaused).toBe(true);
    answers.shift()?.(true);
    await expect.poll(() => peer.isPaused).toBe(false);
    while (core.stats().peers < 65) {
      answers.shift()?.(true);
      await Promise.resolve();
    }
    expect(core.stats().totals).toMatchObject({ announces: 65, failures: 0 });
  });

  it('adds nobody who has left while it was asked', async () => {
    let allow: (verdict: boolean) => void = () => {};
    const { connect, core } = testTracker({
      filter: () =>
        new Promise((resolve) => {
          allow = resolve;
        }),
    });
    const peer = connect();
    peer.announce(id('a'));
    peer.session.closed();
    allow(true);
    await Promise.resolve();
    await Promise.resolve();
    expect(core.stats()).toMatchObject({ peers: 0, swarms: 0 });
  });
});

describe('Hostile messages', () => {
  const announce = { action: 'announce', info_hash: HASH, peer_id: id('a') };
  it.each([
    ['', undefined],
    ['null', undefined],
    ['[]', undefined],
    ['"announce"', undefined],
    ['{}', undefined],
    ['{"action":"announce"}', 'announce'],
    ['{"action":"dance"}', undefined],
    [{ ...announce, info_hash: 'short' }, 'announce'],
    [{ ...announce, info_hash: `${HASH.slice(0, 19)}\u0100` }, 'announce'],
    [{ ...announce, info_hash: 5 }, 'announce'],
    [{ ...announce, peer_id: null }, 'announce'],
    [{ action: 'scrape', info_hash: 7 }, 'scrape'],
    [{ action: 'scrape', info_hash: [null] }, 'scrape'],
    [{ action: 'scrape', info_hash: 'short', offers: [] }, 'scrape'],
    [{ ...announce, answer: 7, to_peer_id: 5, offer_id: {} }, 'announce'],
    [{ ...announce, answer: { sdp: 5 }, to_peer_id: id('b'), offer_id: offerId(0) }, 'announce'],
  ])('%j is answered with a failure that has an action', (message, action) => {
    const { connect, errors, core } = testTracker();
    const reply = connect().say(message);
    expect(reply).toHaveLength(1);
    expect(reply[0]).toMatchObject({
      action: action ?? expect.stringMatching(/^(announce|scrape)$/),
      'failure reason': expect.any(String),
    });
    const known = typeof message === 'object' && 'info_hash' in message && message.info_hash === HASH;
    if (known) expect(reply[0]).toMatchObject({ info_hash: HASH });
    expect(errors).toEqual([]);
    expect(core.stats()).toMatchObject({ peers: 0, totals: { failures: 1 } });
  });

  it.each([
    ['a list of nothing', [null]],
    ['no list', 'five'],
    ['offers without sdp', [{ offer: {}, offer_id: offerId(0) }]],
    ['offers without id', [{ offer: { type: 'offer', sdp: 'x' } }]],
    ['numbers', [1, 2, 3]],
  ])('offers that are %s reach nobody', (_name, bad) => {
    const { connect, errors } = testTracker();
    const other = connect();
    other.announce(id('b'));
    other.take();
    const reply = connect().announce(id('a'), { offers: bad });
    expect(reply).toHaveLength(1);
    expect(reply[0]).toMatchObject({ action: 'announce', info_hash: HASH });
    expect(other.take()).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('a scrape with offers is a scrape', () => {
    const { connect } = testTracker();
    expect(connect().say({ action: 'scrape', info_hash: HASH, offers: [] })).toMatchObject([
      { action: 'scrape', files: { [HASH]: { complete: 0 } } },
    ]);
  });

  it('never raises an error, whatever two connections say', () => {
    const name = fc.constantFrom(HASH, OTHER_HASH, id('a'), id('b'), offerId(0), '', 'x', '__proto__');
    const odd = fc.oneof(
      name,
      fc.integer(),
      fc.constant(null),
      fc.constant(undefined),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const sdp = fc.oneof(odd, fc.record({ type: odd, sdp: odd }, { requiredKeys: [] }));
    const message = fc.record(
      {
        action: fc.oneof(fc.constantFrom('announce', 'scrape'), odd),
        info_hash: fc.oneof(fc.constant(HASH), odd, fc.array(odd, { maxLength: 3 })),
        peer_id: fc.oneof(fc.constantFrom(id('a'), id('b')), odd),
        to_peer_id: odd,
        offer_id: odd,
        event: fc.oneof(fc.constantFrom('started', 'stopped', 'completed', 'update', ''), odd),
        left: odd,
        numwant: odd,
        offers: fc.oneof(
          odd,
          fc.array(fc.oneof(odd, fc.record({ offer: sdp, offer_id: odd })), { maxLength: 4 }),
        ),
        answer: sdp,
      },
      { requiredKeys: [] },
    );
    // Messages that are in order, so that the odd ones meet peers, offers and answers.
    const peer = fc.constantFrom(id('a'), id('b'));
    const good = fc.record(
      {
        action: fc.constant('announce'),
        info_hash: fc.constantFrom(HASH, HASH, HASH, OTHER_HASH),
        peer_id: peer,
        event: fc.constantFrom('started', 'started', 'started', 'completed', 'stopped'),
        left: fc.nat(2),
        numwant: fc.nat(3),
        offers: fc.nat(3).map((count) => offers(count)),
      },
      { requiredKeys: ['action', 'info_hash', 'peer_id'] },
    );
    const goodAnswer = fc.record({
      action: fc.constant('announce'),
      info_hash: fc.constant(HASH),
      peer_id: peer,
      to_peer_id: peer,
      offer_id: fc.nat(2).map((number) => offerId(number)),
      answer: fc.constant({ type: 'answer', sdp: 'x' }),
    });
    const text = fc.oneof(
      { weight: 4, arbitrary: good.map((value) => JSON.stringify(value)) },
      { weight: 3, arbitrary: goodAnswer.map((value) => JSON.stringify(value)) },
      { weight: 4, arbitrary: message.map((value) => JSON.stringify(value)) },
      fc.json(),
      fc.string(),
    );
    const steps = fc.array(fc.tuple(fc.nat(2), text), { minLength: 10, maxLength: 60 });
    const seen = { offers: 0, answers: 0, failures: 0 };
    fc.assert(
      fc.property(steps, (said) => {
        const { connect, core, errors } = testTracker();
        const connections = [connect('192.0.2.1'), connect('192.0.2.1'), connect()];
        // Two peers who know each other, so that there is something for the rest to upset.
        const hello = { action: 'announce', info_hash: HASH, event: 'started', left: 1 };
        connections[0]!.say(JSON.stringify({ ...hello, peer_id: id('a') }));
        connections[1]!.say(JSON.stringify({ ...hello, peer_id: id('b'), numwant: 3, offers: offers(3) }));
        for (const [speaker, what] of said) connections[speaker]?.say(what);
        expect(errors).toEqual([]);
        const { totals } = core.stats();
        seen.offers += totals.offers;
        seen.answers += totals.answers;
        seen.failures += totals.failures;
        for (const connection of connections) connection.session.closed();
        expect(core.stats()).toMatchObject({ peers: 0, swarms: 0, seeds: 0, connections: 0 });
      }),
      { numRuns: 500 },
    );
    // The generator would prove nothing if nothing it says were ever accepted.
    expect(seen.offers).toBeGreaterThan(100);
    expect(seen.answers).toBeGreaterThan(20);
    expect(seen.failures).toBeGreaterThan(100);
  });
});
