// WebTorrent in Node behind JSON lines: one request per line on stdin, its answer (same id) or an event on stdout.
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import parseTorrent from 'parse-torrent';
import { RTCPeerConnection } from 'webrtc-polyfill';
import WebTorrent from 'webtorrent';

// The implementation of WebRTC that WebTorrent uses in Node never says that it has gathered its last candidate.
// WebTorrent then waits 5 s before every offer and every answer, and now and then the transport on the other side
// is gone by the time the late answer comes. Saying it, as a browser does, removes the wait.
// The same failure ("Got a remote candidate without ICE transport") comes when the answerer's first checks overtake
// its answer. It is rarer when the answerer learns the candidates of an offer a little later: the offerer's own checks
// find it meanwhile. A tracker with a short interval makes up for the rest.
const { setLocalDescription, setRemoteDescription } = RTCPeerConnection.prototype;
const CANDIDATE = /^a=(candidate:.*)\r\n/gm;
RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
  if (description.type !== 'offer') return setRemoteDescription.call(this, description);
  const candidates = [...description.sdp.matchAll(CANDIDATE)].map((match) => match[1]);
  const sdpMid = /^a=mid:(.*?)\r?$/m.exec(description.sdp)?.[1] ?? '0';
  const sdp = description.sdp.replace(CANDIDATE, '').replace(/^a=end-of-candidates\r\n/gm, '');
  await setRemoteDescription.call(this, { type: 'offer', sdp });
  setTimeout(() => {
    if (this.connectionState === 'closed') return;
    for (const candidate of candidates) this.addIceCandidate({ candidate, sdpMid }).catch(() => {});
  }, 250);
};
RTCPeerConnection.prototype.setLocalDescription = async function (...description) {
  const sayLast = () => {
    if (this.iceGatheringState === 'complete') this.onicecandidate?.({ candidate: null });
  };
  this.addEventListener('icegatheringstatechange', sayLast);
  await setLocalDescription.apply(this, description);
  sayLast();
};

const options = JSON.parse(process.argv[2] ?? '{}');
const webrtc = options.transport === 'webrtc';
const say = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);

const client = new WebTorrent({
  dht: false,
  lsd: false,
  utPex: false,
  utp: false,
  natUpnp: false,
  natPmp: false,
  torrentPort: options.port ?? 0,
  // No STUN: nothing leaves the machine, and gathering does not wait for servers that cannot be reached.
  // Without an implementation of WebRTC its tracker client leaves WebSocket trackers alone.
  tracker: webrtc ? { rtcConfig: { iceServers: [] } } : { wrtc: false },
  secure: 0,
});
client.on('error', (error) => say({ event: 'fault', message: error.message }));

const version = WebTorrent.VERSION;
let torrent;
const wires = { tcp: 0, webrtc: 0, other: 0 };

const wanted = (url) => (webrtc ? /^wss?:/ : /^(https?|udp):/).test(url);

async function add(request) {
  const id = request.torrentFile === undefined ? request.magnet : await readFile(request.torrentFile);
  const parsed = await parseTorrent(id);
  parsed.announce = [...parsed.announce, ...(request.trackers ?? [])].filter(wanted);
  if (request.webSeeds === false) parsed.urlList = [];
  if (request.uploadRate !== undefined) client.throttleUpload(request.uploadRate);
  torrent = client.add(parsed, { path: request.dir });
  torrent.on('error', (error) => say({ event: 'fault', message: error.message }));
  torrent.on('warning', (warning) => process.stderr.write(`${warning.message ?? warning}\n`));
  torrent.on('done', () => say({ event: 'finished' }));
  torrent.on('ready', () => say({ event: 'ready' }));
  torrent.on('wire', (wire) => {
    const kind = wire.type === 'webrtc' ? 'webrtc' : wire.type?.startsWith('tcp') ? 'tcp' : 'other';
    wires[kind]++;
    say({ event: 'wire', type: wire.type });
  });
  torrent.on('infoHash', () => {
    for (const peer of request.peers ?? []) torrent.addPeer(peer);
  });
  return {};
}

const commands = {
  listening: async () => ({ port: client.listening || webrtc ? client.torrentPort : 0, version }),
  add,
  connect: async (request) => ({ added: torrent.addPeer(request.peer) }),
  status: async () => ({
    progress: torrent.progress,
    downloaded: torrent.downloaded,
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
process.on('SIGTERM', () => process.exit(0));
