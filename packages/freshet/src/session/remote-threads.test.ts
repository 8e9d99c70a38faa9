/** The same over a real `MessageChannel`, in real time, with sockets and files. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort, type TransferListItem } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../api/client.ts';
import { NodeClock } from '../node/clock.ts';
import { nodePlatform } from '../platform.node.ts';
import { SessionHost } from './host.ts';
import type { SessionPort } from './messages.ts';
import { RemoteSession } from './remote.ts';

const content = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);
const SETTINGS = { webrtc: false, host: '127.0.0.1' } as const;

/** A thread's end of a channel. What is not listened to waits. */
function channelEnd(port: MessagePort): SessionPort {
  let listener: ((message: unknown) => void) | undefined;
  return {
    post: (message, transfer = []) => port.postMessage(message, transfer as TransferListItem[]),
    get onMessage() {
      return listener;
    },
    set onMessage(next) {
      if (listener === undefined) port.on('message', (message: unknown) => listener?.(message));
      listener = next;
    },
    close: () => port.close(),
  };
}

describe('a session at the other end of a MessageChannel', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'freshet-port-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('downloads, streams, and goes on with another one', async () => {
    const seeder = new Client({ ...SETTINGS, tracker: false }, nodePlatform);
    const film = Object.assign(content.slice(), { name: 'film.bin' });
    const seed = await seeder.seed(film, { pieceLength: 65_536 }).untilDone();
    const peers = [`127.0.0.1:${seeder.torrentPort}`];

    const remote = new RemoteSession();
    const host = (): SessionHost => {
      const session = nodePlatform.openSession({ ...SETTINGS, downloadLimit: 1_500_000 }, {});
      const made = new SessionHost(session, { clock: new NodeClock() });
      const { port1, port2 } = new MessageChannel();
      made.connect(channelEnd(port1), { onClose: () => session.close() });
      remote.attach(channelEnd(port2));
      return made;
    };
    const first = host();
    const client = new Client({ ...SETTINGS }, nodePlatform, remote);
    const torrent = client.add(seed.torrentFile!, { path: folder, peers });
    const parts: Uint8Array[] = [];
    let length = 0;
    let handedOver = false;
    await torrent.untilReady();
    for await (const part of torrent.files[0]!.stream()) {
      parts.push(part);
      length += part.length;
      if (length > 1_000_000 && !handedOver) {
        handedOver = true;
        await first.close();
        expect(remote.attached).toBe(false);
        host();
      }
    }
    expect(handedOver).toBe(true);
    expect(Buffer.compare(Buffer.concat(parts), content)).toBe(0);
    await torrent.untilDone();
    expect(Buffer.compare(await readFile(join(folder, 'film.bin')), content)).toBe(0);
    await torrent.files[0]!.rename('other.bin');
    expect(torrent.files[0]!.storagePath).toBe('other.bin');
    await client.destroy();
    await seeder.destroy();
  });
});
