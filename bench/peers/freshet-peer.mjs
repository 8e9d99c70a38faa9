// Freshet, as built, behind JSON lines: one request per line on stdin, its answer (same id) or an event on stdout.
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import Client from 'freshet';

const options = JSON.parse(process.argv[2] ?? '{}');
const say = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);
const webrtc = options.transport === 'webrtc';

const client = new Client({
  host: '127.0.0.1',
  torrentPort: options.port ?? 0,
  tcp: !webrtc,
  webrtc,
  // No STUN: nothing leaves the machine.
  tracker: { rtcConfig: { iceServers: [] } },
});
client.on('error', (error) => say({ event: 'fault', message: error.message }));

let torrent;
const wires = { tcp: 0, webrtc: 0, other: 0 };

async function add(request) {
  const id = request.torrentFile === undefined ? request.magnet : await readFile(request.torrentFile);
  if (request.uploadRate !== undefined) client.throttleUpload(request.uploadRate);
  torrent = client.add(id, {
    path: request.dir,
    peers: request.peers ?? [],
    announce: request.trackers ?? [],
  });
  torrent.on('error', (error) => say({ event: 'fault', message: error.message }));
  torrent.on('warning', (warning) => process.stderr.write(`${warning.message}\n`));
  torrent.on('wire', (wire) => {
    wires[wire.type === 'webrtc' ? 'webrtc' : wire.type.startsWith('tcp') ? 'tcp' : 'other']++;
  });
  torrent.untilDone().then(
    () => say({ event: 'finished' }),
    () => {}, // Told by the error event.
  );
  return {};
}

const commands = {
  listening: async () => ({
    port: client.torrentPort,
    listening: webrtc || client.listening,
    version: Client.VERSION,
  }),
  add,
  connect: async (request) => ({ added: torrent.addPeer(request.peer) }),
  status: async () => ({
    progress: torrent.progress,
    downloaded: torrent.received,
    uploaded: torrent.uploaded,
    peers: torrent.numPeers,
    done: torrent.done,
    wires,
  }),
};

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id, command, ...request } = JSON.parse(line);
    try {
      say({ id, ...(await commands[command](request)) });
    } catch (error) {
      say({ id, error: error.message });
    }
  })
  .on('close', () => process.exit(0));
// By itself, so that a profile is written (NODE_OPTIONS=--cpu-prof).
process.on('SIGTERM', () => process.exit(0));
