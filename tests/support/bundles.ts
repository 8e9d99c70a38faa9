/** The browser bundles as they ship: what works only unminified, or only with its names unshortened, must fail in tests. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Bundles that a page needs to add, seed and stream. */
export const SHIPPED = ['freshet.min.js', 'freshet-worker.js', 'freshet-sw.js'] as const;

/** @throws {Error} where `npm run build` was not run. */
export async function shippedBundle(name: string): Promise<string> {
  const path = fileURLToPath(new URL(`../../packages/freshet/dist/bundle/${name}`, import.meta.url));
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(`${name} is not built: npm run build`, { cause });
  }
}
