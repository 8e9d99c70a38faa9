/** What tests of whole swarms do again and again. */

import { expect } from 'vitest';
import type { Member, MemberOptions, MemorySwarm } from './memory-swarm.ts';
import { type Tampering, tamperedLink } from './tampered-link.ts';

const BLOCK = 16 * 1024;

/** Files of odd sizes for pieces of 64 KiB: nothing, a byte, a block, a piece, more than a piece, less than a block more. */
export const ODD_FILES: readonly { readonly path: string[]; readonly length: number }[] = [
  { path: ['empty'], length: 0 },
  { path: ['byte'], length: 1 },
  { path: ['block'], length: BLOCK },
  { path: ['piece'], length: 4 * BLOCK },
  { path: ['odd'], length: 5 * 4 * BLOCK + 2 * BLOCK + 77 },
  { path: ['short'], length: 3 * BLOCK - 5 },
];

/** Closes the swarm; nothing may be left on its clock. */
export async function closed(swarm: MemorySwarm): Promise<void> {
  await swarm.close();
  expect(swarm.clock.pending).toBe(0);
}

/** Lets time pass until the promise is settled. */
export async function settle(swarm: MemorySwarm, promise: Promise<unknown>): Promise<void> {
  let done = false;
  const end = (): void => {
    done = true;
  };
  promise.then(end, end);
  await swarm.until(() => done, 5000);
}

/** Options of a member that does not play by the rules. */
export function tampering(how: Tampering): MemberOptions {
  return { wrapLink: (link) => tamperedLink(link, how) };
}

export function isBanned(by: Member, whom: Member): boolean {
  return by.torrent.swarm.candidates.isBanned({ host: whom.host, port: 6881 });
}
