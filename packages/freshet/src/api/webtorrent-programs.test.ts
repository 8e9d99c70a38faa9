/**
 * Programs as WebTorrent's documentation shows them, with another import. That they compile is the test; that what they
 * name is there at run time is checked below.
 */

import { createServer } from 'node:http';
import Client, {
  type ClientOptions,
  File,
  type FileServer,
  FreshetError,
  type SeedOptions,
  Torrent,
  type TorrentOptions,
  Wire,
} from 'freshet';
import { describe, expect, it } from 'vitest';

const magnetURI = `magnet:?xt=urn:btih:${'ab'.repeat(20)}`;

const clientOptions: ClientOptions = {
  maxConns: 55,
  nodeId: 'ab'.repeat(20),
  peerId: new Uint8Array(20),
  tracker: { announce: ['wss://tracker.example'], rtcConfig: { iceServers: [] } },
  dht: false,
  lsd: true,
  utPex: true,
  webSeeds: true,
  utp: true,
  natUpnp: 'permanent',
  natPmp: false,
  secure: 1,
  blocklist: ['10.0.0.0/8'],
  downloadLimit: -1,
  uploadLimit: 1_000_000,
  seedOutgoingConnections: true,
};

const torrentOptions: TorrentOptions = {
  announce: ['wss://tracker.example'],
  getAnnounceOpts: () => ({}),
  urlList: ['https://web.example/'],
  maxWebConns: 4,
  path: '/tmp/films',
  private: false,
  destroyStoreOnDestroy: true,
  storeCacheSlots: 20,
  storeOpts: { onlyMem: true },
  addUID: true,
  skipVerify: true,
  strategy: 'sequential',
  noPeersIntervalTime: 30,
  paused: true,
  deselect: true,
  uploads: 10,
};

const seedOptions: SeedOptions = {
  name: 'A film',
  comment: 'for all',
  createdBy: 'me',
  creationDate: Date.now(),
  private: true,
  pieceLength: 65_536,
  announceList: [['wss://tracker.example']],
  onProgress: (hashed, total) => console.log(hashed / total),
};

function quickExample(client: Client, video: { src: string }): void {
  client.add(magnetURI, (torrent) => {
    const file = torrent.files.find((candidate) => candidate.name.endsWith('.mp4'));
    file?.streamTo(video);
  });
}

function progressExample(client: Client): void {
  client.on('error', (error) => console.error(error.message));
  client.on('torrent', (torrent) => console.log(torrent.name));
  const torrent = client.add(magnetURI, torrentOptions, (ready) => console.log(ready.infoHash));
  torrent.on('infoHash', () => console.log(torrent.infoHash));
  torrent.on('metadata', () => {
    for (const file of torrent.files) file.deselect();
  });
  torrent.on('ready', () => torrent.files[0]?.select(2));
  torrent.on('warning', (error) => console.log(error));
  torrent.on('done', () => {
    for (const file of torrent.files) console.log(file.path, file.length, file.downloaded, file.progress);
  });
  torrent.on('download', (bytes) => {
    console.log(`just downloaded: ${bytes}`);
    console.log(`total downloaded: ${torrent.downloaded} of ${torrent.length}, received ${torrent.received}`);
    console.log(`speed: ${torrent.downloadSpeed}, ${torrent.timeRemaining} ms, ${torrent.progress}`);
  });
  torrent.on('upload', (bytes) => console.log(bytes, torrent.uploaded, torrent.uploadSpeed, torrent.ratio));
  torrent.on('wire', (wire, address) => {
    console.log(`connected to peer with address ${address}`, wire.peerId, wire.type, wire.remotePort);
    if (wire.downloadSpeed + wire.uploadSpeed < 1) wire.destroy();
  });
  torrent.on('noPeers', (announceType) => console.log(announceType.toUpperCase()));
  torrent.on('verified', (index) => console.log(torrent.pieces[index]?.missing ?? 0));
  const missing = torrent.pieces.reduce((sum, piece) => sum + (piece?.missing ?? 0), 0);
  console.log(
    missing,
    torrent.announce.map((url) => url.length),
    torrent.created?.getTime(),
    torrent.comment,
  );
  const added: boolean = torrent.addPeer('12.34.56.78:4444');
  torrent.removePeer('12.34.56.78:4444');
  torrent.addWebSeed('https://web.example/');
  torrent.select(0, 10, 1);
  torrent.deselect(0, 10, 1);
  torrent.critical(0, 1);
  torrent.pause();
  torrent.resume();
  torrent.rescanFiles((error) => console.log(error, added));
}

function streamExample(torrent: Torrent): void {
  const file: File = torrent.files[0]!;
  createServer((_request, response) => {
    file.createReadStream({ start: 0, end: 99 }).pipe(response);
  });
  file.on('stream', ({ stream, req }, replace) => {
    if (req.destination === 'audio') replace(stream);
  });
  file.createReadStream().on('data', (chunk) => console.log(chunk.length, chunk.subarray(0, 1)));
}

async function promiseExample(client: Client): Promise<Blob> {
  const abort = new AbortController();
  const torrent = await client.add(magnetURI, { signal: abort.signal }).untilReady(abort.signal);
  for await (const chunk of torrent.files[0]!) console.log(chunk.byteLength);
  for await (const chunk of torrent.files[0]!.stream({ start: 5 })) console.log(chunk.byteLength);
  const found: Torrent | null = await client.get(magnetURI);
  await client.remove(found ?? magnetURI, { destroyStore: true });
  try {
    await torrent.untilDone();
  } catch (error) {
    if (error instanceof FreshetError) console.log(error.code);
  }
  return torrent.files[0]!.blob();
}

function seedExample(client: Client): void {
  const buffer = Object.assign(Buffer.from('Some file content'), { name: 'Some file name' });
  client.seed(buffer, (torrent) => console.log(`seeding ${torrent.magnetURI}`));
  client.seed('/films/a.mp4', seedOptions, (torrent) => console.log(torrent.torrentFile?.length));
  client.seed(['/films/a.mp4', buffer], seedOptions);
  client.seed(new Blob(['x']));
}

function serverExample(client: Client): FileServer {
  const instance = client.createServer({ origin: '*', hostname: 'localhost', path: '/webtorrent' });
  instance.server.listen(0);
  client.remove(magnetURI, { destroyStore: true }, (error) => console.log(error?.message));
  client.destroy((error) => console.log(error));
  instance.close();
  return instance;
}

describe('WebTorrent programs', () => {
  it('compile', () => {
    const programs = [
      quickExample,
      progressExample,
      streamExample,
      promiseExample,
      seedExample,
      serverExample,
    ];
    expect(programs.every((program) => typeof program === 'function')).toBe(true);
    expect([clientOptions.maxConns, torrentOptions.maxWebConns]).toEqual([55, 4]);
  });

  it('find every documented name', () => {
    expect(typeof Client.WEBRTC_SUPPORT).toBe('boolean');
    const names: [object, string][] = [
      [
        Client.prototype,
        'add seed get remove destroy throttleDownload throttleUpload createServer downloadSpeed uploadSpeed progress ratio on once off emit',
      ],
      [
        Torrent.prototype,
        'name infoHash magnetURI torrentFile torrentFileBlob announce files pieces pieceLength lastPieceLength timeRemaining received downloaded uploaded downloadSpeed uploadSpeed progress ratio numPeers maxWebConns path ready paused done length created createdBy comment destroy addPeer addWebSeed removePeer select deselect critical pause resume rescanFiles wires bitfield urlList private destroyed',
      ],
      [
        File.prototype,
        'downloaded progress done select deselect createReadStream stream arrayBuffer blob streamURL streamTo includes',
      ],
      [
        Wire.prototype,
        'peerId type uploaded downloaded uploadSpeed downloadSpeed remoteAddress remotePort destroy',
      ],
    ];
    const missing = names.flatMap(([owner, list]) => list.split(' ').filter((name) => !(name in owner)));
    expect(missing).toEqual([]);
    expect(Symbol.asyncIterator in File.prototype).toBe(true);
  });
});
