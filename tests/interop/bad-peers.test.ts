/** Peers that lie, send rubbish or go away: the download completes from the honest one, and the seeder goes on. */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client, { type ClientOptions } from 'freshet';
import {
  encodeHandshake,
  encodeInterested,
  encodePieceHeader,
  encodeRequest,
  type Handshake,
} from 'freshet/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, removeDir, sha256 } from '../support/files.ts';
import { sleep, waitUntil, within } from '../support/wait.ts';
import { type Content, makeSingleFile } from './contents.ts';
import { LibtorrentPeer } from './peers/libtorrent.ts';
import {
  claimEverything,
  claimPieces,
  dialScripted,
  type Script,
  type ScriptedConnection,
  startScriptedPeer,
} from './scripted-peer.ts';

const PATIENCE = 60_000;
const PIECES = 51; // Of 64 KiB: 3,333,333 bytes.

/** One that plays along until it is asked for a block. */
function seeds(onRequest: NonNullable<Script['onRequest']>, peerId: Uint8Array = randomBytes(20)): Script {
  return {
    onHandshake: (connection, handshake) => claimEverything(connection, handshake, peerId),
    onRequest,
  };
}

function answerHandshake(connection: ScriptedConnection, { infoHash }: Handshake): void {
  connection.send(encodeHandshake({ infoHash, peerId: randomBytes(20) }));
}

/** What each does, and whether it is cut off for it at once. */
const troublemakers: readonly { name: string; script: () => Script; cutOff: boolean }[] = [
  {
    name: 'rubbish instead of a handshake',
    script: () => ({ onConnect: (connection) => connection.send(randomBytes(100_000)) }),
    cutOff: true,
  },
  {
    name: 'a web page instead of a handshake',
    script: () => ({
      onConnect: (connection) => connection.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
    }),
    cutOff: true,
  },
  {
    name: 'the handshake of another torrent',
    script: () => ({
      onHandshake: (connection) =>
        connection.send(encodeHandshake({ infoHash: randomBytes(20), peerId: randomBytes(20) })),
    }),
    cutOff: true,
  },
  {
    name: 'its own handshake back to it',
    script: () => ({
      onHandshake: (connection, { infoHash, peerId }) =>
        connection.send(encodeHandshake({ infoHash, peerId })),
    }),
    cutOff: true,
  },
  {
    name: 'a message of 4 GB',
    script: () => ({
      onHandshake: (connection, handshake) => {
        answerHandshake(connection, handshake);
        connection.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 7), randomBytes(50_000));
      },
    }),
    cutOff: true,
  },
  {
    name: 'a bitfield of another length',
    script: () => ({
      onHandshake: (connection, handshake) => {
        answerHandshake(connection, handshake);
        connection.send(Uint8Array.of(0, 0, 0, 3, 5, 0xff, 0xff));
      },
    }),
    cutOff: true,
  },
  {
    name: 'broken extension messages',
    script: () => ({
      onHandshake: (connection, handshake) => {
        answerHandshake(connection, handshake);
        const bencode = Buffer.from('d1:md11:ut_metadatai-3eei9e');
        connection.send(Uint8Array.of(0, 0, 0, 2 + bencode.length, 20, 0), bencode);
        connection.send(Uint8Array.of(0, 0, 0, 6, 20, 77, 1, 2, 3, 4));
      },
    }),
    cutOff: false,
  },
  { name: 'nothing at all', script: () => ({}), cutOff: false },
  { name: 'no block that it is asked for', script: () => seeds(() => {}), cutOff: false },
  {
    name: 'half a block and its farewell',
    script: () =>
      seeds((connection, piece, begin, length) => {
        connection.send(encodePieceHeader(piece, begin, length), new Uint8Array(length >> 1));
        connection.socket.end();
      }),
    cutOff: true,
  },
  {
    name: 'blocks of other places than it is asked for',
    script: () =>
      seeds((connection, piece, begin, length) => {
        connection.block(PIECES - piece, begin + 5, randomBytes(length));
        connection.block(0xfffffff0, begin, randomBytes(length));
      }),
    cutOff: false,
  },
];

describe.concurrent('a bad peer', () => {
  let folder: string;
  let content: Content;
  let torrentFile: Uint8Array;
  let honest: LibtorrentPeer;

  beforeAll(async () => {
    folder = await makeTempDir('bad-peers');
    content = await makeSingleFile(folder);
    torrentFile = new Uint8Array(await readFile(content.torrentFile));
    honest = await LibtorrentPeer.start();
    await honest.seed({ torrentFile: content.torrentFile, dataDir: content.dataDir });
  });

  afterAll(async () => {
    await honest?.stop();
    await removeDir(folder);
  });

  function startFreshet(options: ClientOptions = {}): Client {
    const client = new Client({ webrtc: false, tracker: false, host: '127.0.0.1', ...options });
    client.on('error', () => undefined);
    return client;
  }

  async function expectWhole(dir: string): Promise<void> {
    expect(await sha256(join(dir, content.name))).toBe(content.hashes[content.name]);
  }

  for (const { name, script, cutOff } of troublemakers) {
    it(`that sends ${name} does not keep the download from the honest one`, async () => {
      const bad = await startScriptedPeer(script());
      const client = startFreshet();
      const dir = join(folder, name);
      try {
        const torrent = client.add(torrentFile, { path: dir, peers: [bad.address] });
        const connection = await waitUntil('the bad peer to be dialled', () => bad.connections[0]);
        if (cutOff) await waitUntil('the bad peer to be cut off', () => connection.closed);
        torrent.addPeer(honest.address);
        await within(torrent.untilDone(), PATIENCE, 'Freshet from the honest peer');
        await expectWhole(dir);
      } finally {
        await Promise.all([client.destroy(), bad.close()]);
      }
    });
  }

  it('that sends wrong blocks is banned, and its lies reach no file', async () => {
    const liar = await startScriptedPeer(
      seeds((connection, piece, begin, length) => connection.block(piece, begin, randomBytes(length))),
    );
    const client = startFreshet();
    const dir = join(folder, 'liar');
    try {
      const torrent = client.add(torrentFile, { path: dir, peers: [liar.address] });
      await waitUntil('the liar to be cut off', () => liar.connections[0]?.closed);
      expect(torrent.progress).toBe(0);
      await waitUntil('the failure to be counted', () => torrent.stats.hashFailures > 0);
      torrent.addPeer(liar.address);
      torrent.addPeer(honest.address);
      await within(torrent.untilDone(), PATIENCE, 'Freshet from the honest peer');
      await expectWhole(dir);
      expect(liar.connections.length).toBe(1);
    } finally {
      await Promise.all([client.destroy(), liar.close()]);
    }
  });

  it('that mixes wrong blocks with right ones is found out and banned; who was asked beside it is not', async () => {
    const data = await readFile(join(content.dataDir, content.name));
    let asked = 0;
    const right: NonNullable<Script['onRequest']> = (connection, piece, begin, length) => {
      const at = piece * 65_536 + begin;
      // Slow enough that the pieces are shared between the two.
      setTimeout(() => connection.block(piece, begin, data.subarray(at, at + length)), 5);
    };
    // It lacks the last piece, so that there is no reason to part when the download is complete.
    const fair = await startScriptedPeer({
      onHandshake: (connection, handshake) => claimPieces(connection, handshake, PIECES - 1),
      onRequest: right,
    });
    const liar = await startScriptedPeer(
      seeds((connection, piece, begin, length) => {
        if (++asked % 3 === 0) setTimeout(() => connection.block(piece, begin, new Uint8Array(length)), 5);
        else right(connection, piece, begin, length);
      }),
    );
    const client = startFreshet();
    const dir = join(folder, 'mixed');
    try {
      const torrent = client.add(torrentFile, { path: dir, peers: [liar.address, fair.address] });
      await waitUntil('the liar to be cut off', () => liar.connections[0]?.closed);
      expect(asked).toBeGreaterThan(2);
      torrent.addPeer(honest.address);
      await within(torrent.untilDone(), PATIENCE, 'Freshet from the honest ones');
      await expectWhole(dir);
      expect(fair.connections[0]?.closed).toBe(false);
      torrent.addPeer(liar.address);
      await sleep(200);
      expect(liar.connections.length).toBe(1);
    } finally {
      await Promise.all([client.destroy(), liar.close(), fair.close()]);
    }
  });

  it('that only opens connections holds up nobody when they are all there may be', async () => {
    const silent = await Promise.all(Array.from({ length: 4 }, () => startScriptedPeer({})));
    const client = startFreshet({ maxConns: 4 });
    const dir = join(folder, 'half-open');
    try {
      const torrent = client.add(torrentFile, { path: dir, peers: silent.map((peer) => peer.address) });
      await waitUntil('all to be dialled', () => silent.every((peer) => peer.connections.length > 0));
      torrent.addPeer(honest.address);
      await within(torrent.untilDone(), PATIENCE, 'Freshet from the honest peer');
      await expectWhole(dir);
    } finally {
      await Promise.all([client.destroy(), ...silent.map((peer) => peer.close())]);
    }
  });

  it('that troubles a seeder is cut off or ignored, and the others are served', async () => {
    const client = startFreshet();
    const dir = join(folder, 'served');
    const leecher = await LibtorrentPeer.start();
    const infoHash = Buffer.from(/btih:([0-9a-f]{40})/i.exec(content.magnet)![1]!, 'hex');
    const connections: ScriptedConnection[] = [];
    const trouble = (script: Script): ScriptedConnection => {
      const connection = dialScripted(client.torrentPort, script);
      connections.push(connection);
      return connection;
    };
    try {
      const torrent = client.add(torrentFile, { path: content.dataDir });
      await torrent.untilDone();
      await waitUntil('Freshet to listen', () => client.listening);
      const hello = encodeHandshake({ infoHash, peerId: randomBytes(20), reserved: { extension: false } });

      const rubbish = trouble({ onConnect: (connection) => connection.send(randomBytes(10_000)) });
      const stranger = trouble({
        onConnect: (connection) =>
          connection.send(encodeHandshake({ infoHash: randomBytes(20), peerId: randomBytes(20) })),
      });
      const greedy = trouble({
        onConnect: (connection) =>
          connection.send(hello, encodeInterested(), encodeRequest(0, 0, 0x7fffffff)),
      });
      trouble({}); // Says nothing.
      const confused = trouble({
        onConnect: (connection) =>
          connection.send(
            encodeHandshake({ infoHash, peerId: randomBytes(20), reserved: { extension: false } }),
            encodeInterested(),
            encodeRequest(9_999, 0, 16_384),
            encodeRequest(PIECES - 1, 65_535, 16_384),
          ),
      });
      // Asks for everything over and over, and reads none of it.
      const flood = trouble({
        onConnect: (connection) => {
          connection.socket.pause();
          connection.send(
            encodeHandshake({ infoHash, peerId: randomBytes(20), reserved: { extension: false } }),
            encodeInterested(),
          );
          for (let i = 0; i < 20_000; i++) connection.send(encodeRequest(i % PIECES, 0, 16_384));
        },
      });
      await waitUntil('rubbish to be cut off', () => rubbish.closed);
      await waitUntil('a stranger to be cut off', () => stranger.closed);
      await waitUntil(
        'a request of 2 GB to be refused',
        () => greedy.closed || greedy.seen.includes('reject'),
      );
      await waitUntil(
        'requests of nothing to be refused',
        () => confused.closed || confused.seen.includes('reject'),
      );
      expect(greedy.seen).not.toContain('block');
      expect(confused.seen).not.toContain('block');
      flood.socket.on('data', () => {});

      const { completed } = await leecher.download({
        torrentFile: content.torrentFile,
        dir,
        peers: [`127.0.0.1:${client.torrentPort}`],
      });
      await within(completed, PATIENCE, 'libtorrent from Freshet');
      await expectWhole(dir);
    } finally {
      for (const { socket } of connections) socket.destroy();
      await Promise.all([client.destroy(), leecher.stop()]);
    }
  });
});
