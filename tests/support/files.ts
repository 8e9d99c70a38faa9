import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';

/** A new empty folder for one test. `npm test` sets FRESHET_TEST_TMP and removes that folder at its end. */
export async function makeTempDir(name = 'test'): Promise<string> {
  const parent = process.env['FRESHET_TEST_TMP'] ?? tmpdir();
  await mkdir(parent, { recursive: true });
  return mkdtemp(join(parent, `freshet-${name}-`));
}

/** Removes what `makeTempDir` made, however full it is. */
export async function removeDir(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** `size` bytes that look random and are the same for the same `seed`. */
export function randomBytes(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  new Xorshift(seed).fill(bytes);
  return bytes;
}

/** Writes a file of `size` bytes that look random and are the same for the same `seed`; makes its folder. */
export async function makeFile(path: string, size: number, seed = 1): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const generator = new Xorshift(seed);
  const chunk = new Uint8Array(1 << 20);
  const file = await open(path, 'w');
  try {
    for (let left = size; left > 0; left -= chunk.length) {
      const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
      generator.fill(part);
      await file.write(part);
    }
  } finally {
    await file.close();
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** SHA-256 of every file under `folder`, by its path with forward slashes. Equal results mean equal trees. */
export async function sha256Tree(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const tree: Record<string, string> = {};
  for (const path of paths.sort()) tree[relative(folder, path).split(sep).join('/')] = await sha256(path);
  return tree;
}

/** Marsaglia's xorshift128: quick, and good enough that no piece repeats and nothing compresses. */
class Xorshift {
  #state: Uint32Array;

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed ^ 0x9e3779b9, seed ^ 0x243f6a88, 0xb7e15162, (seed << 7) ^ 0xdeadbeef);
    this.fill(new Uint8Array(64));
  }

  fill(bytes: Uint8Array): void {
    let [x = 1, y = 2, z = 3, w = 4] = this.#state;
    for (let i = 0; i < bytes.length; i += 4) {
      const t = x ^ (x << 11);
      x = y;
      y = z;
      z = w;
      w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
      bytes[i] = w;
      bytes[i + 1] = w >>> 8;
      bytes[i + 2] = w >>> 16;
      bytes[i + 3] = w >>> 24;
    }
    this.#state.set([x, y, z, w]);
  }
}
