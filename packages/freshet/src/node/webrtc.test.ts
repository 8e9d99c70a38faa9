import { describe, expect, it } from 'vitest';
import { type LinkPair, linkContract } from '../engine/contracts/link.contract.ts';
import type { Link, RtcHandler } from '../engine/ports.ts';
import { nativeIceServers } from './ice-servers.ts';
import { NodeRtcConnector } from './webrtc.ts';

const LOCAL = { iceServers: [], host: '127.0.0.1' } as const;

function fail(error: Error): never {
  throw error;
}

/** Connects two connectors, the descriptions carried by hand. */
async function connectPair(offerer: NodeRtcConnector, answerer: NodeRtcConnector): Promise<[Link, Link]> {
  return new Promise((resolve, reject) => {
    let one: Link | undefined;
    let two: Link | undefined;
    const settle = (): void => {
      if (one !== undefined && two !== undefined) resolve([one, two]);
    };
    const offering = offerer.offer({
      onDescription(offer) {
        answerer.answer(offer, {
          onDescription: (answer) => offering.accept(answer),
          onLink(link) {
            two = link;
            settle();
          },
          onError: reject,
        });
      },
      onLink(link) {
        one = link;
        settle();
      },
      onError: reject,
    });
  });
}

async function makePair(swap: boolean): Promise<LinkPair> {
  const offerer = new NodeRtcConnector(LOCAL);
  const answerer = new NodeRtcConnector(LOCAL);
  const [one, two] = await connectPair(offerer, answerer);
  return {
    a: swap ? two : one,
    b: swap ? one : two,
    async dispose() {
      one.close();
      two.close();
      await Promise.all([offerer.close(), answerer.close()]);
    },
  };
}

linkContract('WebRTC, from the offerer', () => makePair(false));
linkContract('WebRTC, from the answerer', () => makePair(true));

function failure(start: (connector: NodeRtcConnector, handler: RtcHandler) => void): Promise<string> {
  const connector = new NodeRtcConnector(LOCAL);
  return new Promise<string>((resolve) => {
    let returned = false;
    start(connector, {
      onDescription() {},
      onLink: () => resolve('a link'),
      onError: (error) => resolve(returned ? error.message : 'an error from within the call'),
    });
    returned = true;
  }).finally(() => connector.close());
}

describe('NodeRtcConnector', () => {
  it('refuses an offer that is none', async () => {
    for (const sdp of ['', 'garbage', 'v=0\r\n', '\0']) {
      expect(await failure((connector, handler) => connector.answer(sdp, handler))).toMatch(
        /^The WebRTC connection has failed: the other end's offer cannot be read \(.+\)$/,
      );
    }
  });

  it('refuses an answer that is none', async () => {
    const message = await failure((connector, handler) => {
      const attempt = connector.offer({ ...handler, onDescription: () => attempt.accept('garbage') });
    });
    expect(message).toMatch(
      /^The WebRTC connection has failed: the other end's answer cannot be read \(.+\)$/,
    );
  });

  it('describes itself completely: candidates included', async () => {
    const connector = new NodeRtcConnector(LOCAL);
    const sdp = await new Promise<string>((resolve) => {
      connector.offer({ onDescription: resolve, onLink() {}, onError: fail });
    });
    expect(sdp).toMatch(/^v=0/);
    expect(sdp).toMatch(/a=candidate:.* 127\.0\.0\.1 /);
    expect(sdp).toContain('m=application');
    await connector.close();
  });

  it('calls nothing after cancel, nor after close', async () => {
    const connector = new NodeRtcConnector(LOCAL);
    let called = 0;
    const handler: RtcHandler = {
      onDescription: () => called++,
      onLink: () => called++,
      onError: () => called++,
    };
    const attempt = connector.offer(handler);
    attempt.cancel();
    attempt.accept('garbage');
    connector.offer(handler);
    await connector.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(called).toBe(0);
    const late = await new Promise<Error>((resolve) => {
      connector.offer({ onDescription() {}, onLink() {}, onError: resolve });
    });
    expect(late.message).toContain('this client is closing');
  });

  it('shares one UDP port between connections', async () => {
    const offerer = new NodeRtcConnector({ ...LOCAL, udpPort: 41_733 });
    const answerer = new NodeRtcConnector(LOCAL);
    const pairs = await Promise.all([1, 2, 3].map(() => connectPair(offerer, answerer)));
    for (const [, far] of pairs) expect(far.remote).toEqual({ host: '127.0.0.1', port: 41_733 });
    await Promise.all([offerer.close(), answerer.close()]);
  });

  it('joins a header and its block, and small messages of one turn, in one message', async () => {
    const offerer = new NodeRtcConnector(LOCAL);
    const answerer = new NodeRtcConnector(LOCAL);
    const [near, far] = await connectPair(offerer, answerer);
    const sizes: number[] = [];
    far.attach({ onData: (chunk) => sizes.push(chunk.length), onDrain() {}, onClose() {} });
    near.attach({ onData() {}, onDrain() {}, onClose() {} });
    near.send([new Uint8Array(5)]);
    near.send([new Uint8Array(5)]);
    near.send([new Uint8Array(13), new Uint8Array(16384)]);
    near.send([new Uint8Array(13), new Uint8Array(16384)]);
    const total = 10 + 2 * 16397;
    for (let i = 0; i < 500 && sizes.reduce((sum, size) => sum + size, 0) < total; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(sizes).toEqual([10, 16397, 16397]);
    await Promise.all([offerer.close(), answerer.close()]);
  });
});

describe('nativeIceServers', () => {
  it('reads what browsers take and leaves out what is of no use', () => {
    expect(
      nativeIceServers([
        'stun:stun.example.org:19302',
        'stun:stun.example.org',
        {
          urls: ['turn:turn.example.org:3479?transport=udp', 'turns:turn.example.org'],
          username: 'u',
          credential: 'p',
        },
        { urls: 'turn:turn.example.org?transport=tcp' },
        'https://example.org',
        '',
      ]),
    ).toEqual([
      'stun:stun.example.org:19302',
      'stun:stun.example.org:3478',
      { hostname: 'turn.example.org', port: 3479, username: 'u', password: 'p', relayType: 'TurnUdp' },
    ]);
  });
});
