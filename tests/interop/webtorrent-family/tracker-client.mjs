// bittorrent-tracker as a client behind JSON lines. Several clients may live in one process: they share a WebSocket.
import { createInterface } from 'node:readline';
import { Client } from 'bittorrent-tracker';

const say = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);
const clients = new Map();

// Its HTTP side reports a hash that is no text as the hexadecimal form of the hexadecimal form.
const plain = (hash) => (hash.length === 80 ? Buffer.from(hash, 'hex').toString() : hash);

function create({ client, infoHash, peerId, announce, port, left }) {
  const one = new Client({
    infoHash,
    peerId,
    announce,
    port,
    getAnnounceOpts: () => ({ left: one.left }),
    // Its default STUN servers are not of this machine.
    rtcConfig: { iceServers: [] },
  });
  one.left = left;
  clients.set(client, one);
  one.on('error', (error) => say({ event: 'fault', client, message: error.message }));
  one.on('warning', (error) => say({ event: 'warning', client, message: error.message }));
  one.on('update', ({ complete, incomplete, interval }) =>
    say({ event: 'update', client, complete, incomplete, interval }),
  );
  one.on('scrape', ({ infoHash: hash, complete, incomplete, downloaded }) =>
    say({ event: 'scrape', client, infoHash: plain(hash), complete, incomplete, downloaded }),
  );
  one.on('peer', (peer) => {
    if (typeof peer === 'string') {
      say({ event: 'peer', client, address: peer });
      return;
    }
    peer.on('error', (error) => process.stderr.write(`${error.message}\n`));
    peer.on('connect', () => peer.send(`hello from ${client}`));
    peer.on('data', (data) =>
      say({ event: 'data', client, from: peer.id, text: Buffer.from(data).toString() }),
    );
  });
  return {};
}

const commands = {
  create,
  start: ({ client }) => clients.get(client).start(),
  update: ({ client }) => clients.get(client).update(),
  complete: ({ client }) => {
    clients.get(client).left = 0;
    clients.get(client).complete();
  },
  stop: ({ client }) => clients.get(client).stop(),
  scrape: ({ client, infoHash }) => clients.get(client).scrape({ infoHash }),
  destroy: ({ client }) => clients.get(client).destroy(),
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, command, ...request } = JSON.parse(line);
    try {
      commands[command](request);
      say({ id });
    } catch (error) {
      say({ id, error: error.message });
    }
  })
  .on('close', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
