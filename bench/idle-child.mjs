/**
 * A client with many complete torrents that nobody wants anything of, and a tracker beside it. Prints what they cost as
 * one line of JSON. Arguments: number of torrents, pieces of each, address of the library's entry. Run with --expose-gc.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [count, pieces, entry] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const { Client } = await import(entry);

const PIECE_LENGTH = 262_144;

/** A torrent file; the hashes are of nothing, as nothing is ever read. */
function torrentFile(index, announce) {
  const name = `idle-${index}`;
  const hashes = Buffer.alloc(20 * pieces, index % 251);
  hashes.writeUInt32BE(index, 0);
  return Buffer.concat([
    Buffer.from(`d8:announce${announce.length}:${announce}4:infod6:lengthi${pieces * PIECE_LENGTH}e`),
    Buffer.from(`4:name${name.length}:${name}12:piece lengthi${PIECE_LENGTH}e6:pieces${hashes.length}:`),
    hashes,
    Buffer.from('ee'),
  ]);
}

let atOnce = 0;
let mostAtOnce = 0;
let started = 0;
let stopped = 0;
const tracker = createServer((request, response) => {
  mostAtOnce = Math.max(mostAtOnce, ++atOnce);
  if (request.url.includes('event=started')) started++;
  if (request.url.includes('event=stopped')) stopped++;
  setTimeout(() => {
    atOnce--;
    response.end('d8:intervali1800e5:peers0:e');
  }, 5);
});
await new Promise((resolve) => tracker.listen(0, '127.0.0.1', resolve));
const announce = `http://127.0.0.1:${tracker.address().port}/announce`;

function memory() {
  for (let i = 0; i < 4; i++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
const count_ = (kind) => process.getActiveResourcesInfo().filter((name) => name === kind).length;

const folder = await mkdtemp(join(tmpdir(), 'freshet-idle-'));
const client = new Client({ host: '127.0.0.1', webrtc: false });
client.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
// What the first one brings with it is not the cost of each.
await client.add(torrentFile(count, announce), { path: folder, skipVerify: true }).untilDone();
await sleep(500);
const before = memory();
const timersBefore = count_('Timeout');
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
for (let i = 0; i < count; i++) {
  client.add(torrentFile(i, announce), { path: folder, skipVerify: true });
  if (i % 100 === 99) await sleep(0);
}
await Promise.all(client.torrents.map((torrent) => torrent.untilDone()));
const addedMs = performance.now() - startedAt;
while (started < count + 1 && performance.now() - startedAt < 300_000) await sleep(50);
const announcedMs = performance.now() - startedAt;
const cpu = process.cpuUsage(cpuBefore);
await sleep(6000);
const bytes = (memory() - before) / count;
const timers = (count_('Timeout') - timersBefore) / count;
const idleCpu = process.cpuUsage();
await sleep(5000);
const idle = process.cpuUsage(idleCpu);
const closing = performance.now();
await client.destroy();
const closedMs = performance.now() - closing;
tracker.close();
tracker.closeAllConnections();
await rm(folder, { recursive: true, force: true });
const infoBytes = torrentFile(0, announce).length;
console.log(
  JSON.stringify({
    bytes,
    own: bytes - infoBytes,
    timers,
    addedMs,
    announcedMs,
    mostAtOnce,
    started,
    stopped,
    addCpuMs: (cpu.user + cpu.system) / 1000,
    idleCpuPercent: (idle.user + idle.system) / 50_000,
    closedMs,
    rss: process.memoryUsage().rss,
  }),
);
