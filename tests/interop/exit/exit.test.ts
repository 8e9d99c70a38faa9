/** After `client.destroy()` nothing is left: the process ends by itself, whatever was going on. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Client, { type Torrent } from 'freshet';
import { createTracker } from 'freshet-tracker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleChild, type ChildScript } from '../../support/child-script.ts';
import { makeFile, makeTempDir, removeDir } from '../../support/files.ts';
import { Program } from '../../support/process.ts';
import { serveFolder } from '../../support/static-server.ts';
import { within } from '../../support/wait.ts';
import type { ChildOptions } from './child.ts';

const MIB = 1 << 20;

let folder: string;
let script: ChildScript;

beforeAll(async () => {
  folder = await makeTempDir('exit');
  script = await bundleChild(new URL('child.ts', import.meta.url));
});
afterAll(async () => {
  await removeDir(folder);
  await script?.remove();
});

it('ends by itself with torrents in every state, connections of every kind and readers open', async () => {
  const tracker = createTracker({ port: 0, host: '127.0.0.1' });
  const { port } = await tracker.listen();
  const trackers = [`ws://127.0.0.1:${port}`, `http://127.0.0.1:${port}/announce`];
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true });
  const web = await serveFolder(files);
  const seeder = new Client({ host: '127.0.0.1' });
  const seeds: Torrent[] = [];
  try {
    for (const [name, length] of [
      ['downloading', 8 * MIB],
      ['watched', 8 * MIB],
      ['fromWeb', 8 * MIB],
      ['failing', MIB],
      ['checked', 192 * MIB],
    ] as const) {
      await makeFile(join(files, `${name}.bin`), length);
      seeds.push(
        await seeder
          .seed(join(files, `${name}.bin`), {
            announce: name === 'watched' ? trackers.slice(0, 1) : trackers,
          })
          .untilDone(),
      );
    }
    const [downloading, watched, fromWeb, failing, checked] = seeds.map((seed) =>
      Buffer.from(seed.torrentFile!).toString('base64'),
    );
    const options: ChildOptions = {
      folder: files,
      downloading: downloading!,
      watched: watched!,
      fromWeb: fromWeb!,
      failing: failing!,
      checked: checked!,
      webSeed: `${web.url}/`,
      trackers,
      peer: `127.0.0.1:${seeder.torrentPort}`,
    };
    const child = new Program('the client', process.execPath, [script.path, JSON.stringify(options)]);
    const said: Record<string, unknown> = {};
    let destroyedAt = 0;
    child.onLine((line) => {
      Object.assign(said, JSON.parse(line));
      if ('destroyed' in said && destroyedAt === 0) destroyedAt = performance.now();
    });
    const code = await within(child.exited, 60_000, 'the end of the process').catch((error: Error) => {
      throw child.error(`${error.message}; it said ${JSON.stringify(said)}`);
    });
    expect([code, said['left']]).toEqual([0, []]);
    expect(performance.now() - destroyedAt).toBeLessThan(5000);
    expect(said['destroyed']).toBeLessThan(10_000);
    // It was worth the trouble: all of it was going on.
    expect(said['states']).toEqual({
      magnet: 'metadata',
      downloading: 'active',
      watched: 'active',
      fromWeb: 'active',
      paused: 'metadata',
      queued: 'queued',
      failing: 'failed',
      seeding: 'active',
      checked: 'checking',
    });
    expect(said['peers']).toEqual(
      expect.arrayContaining([expect.stringMatching(/tcp/i), expect.stringMatching(/webrtc/i)]),
    );
    expect(said['reader']).toBeDefined();
  } finally {
    await seeder.destroy();
    await web.close();
    await tracker.close();
  }
});
