/** Rate limits over real sockets. Tolerant, as timers of a busy machine are late; exact ones are in virtual time. */

import Client, { type Torrent } from 'freshet';
import { expect, it } from 'vitest';
import { makeFile, makeTempDir, removeDir } from '../support/files.ts';
import { sleep } from '../support/wait.ts';

const MB = 1e6;

it('hold for two torrents together over TCP, share fairly, and change at once', async () => {
  const folder = await makeTempDir('limits');
  const settings = { host: '127.0.0.1', tracker: false, webrtc: false } as const;
  const seeder = new Client(settings);
  const client = new Client({ ...settings, downloadLimit: 2 * MB });
  try {
    const torrents: Torrent[] = [];
    for (const name of ['a', 'b']) {
      await makeFile(`${folder}/${name}.bin`, 64 * MB);
      const seed = await seeder.seed(`${folder}/${name}.bin`).untilDone();
      torrents.push(
        client.add(seed.torrentFile!, { path: `${folder}/down`, peers: [`127.0.0.1:${seeder.torrentPort}`] }),
      );
    }
    await sleep(3000);
    const bytes = (): number[] => torrents.map((torrent) => torrent.received);
    const measure = async (seconds: number): Promise<number[]> => {
      const before = bytes();
      const startedAt = performance.now();
      await sleep(seconds * 1000);
      const took = (performance.now() - startedAt) / 1000;
      return bytes().map((now, i) => (now - before[i]!) / took);
    };
    const [a, b] = await measure(10);
    expect(Math.abs((a! + b!) / (2 * MB) - 1)).toBeLessThan(0.06);
    expect(Math.abs(a! / b! - 1)).toBeLessThan(0.15);
    torrents[0]!.throttleDownload(0.25 * MB);
    await sleep(500);
    const [slow, rest] = await measure(5);
    expect(Math.abs(slow! / (0.25 * MB) - 1)).toBeLessThan(0.2);
    expect(Math.abs(rest! / (1.75 * MB) - 1)).toBeLessThan(0.1);
    client.throttleDownload(0);
    await sleep(500);
    expect(await measure(2)).toEqual([0, 0]);
  } finally {
    await Promise.all([client.destroy(), seeder.destroy()]);
    await removeDir(folder);
  }
});
