import { afterEach, describe, expect, it, vi } from 'vitest';
import { hasherContract } from '../engine/contracts/hasher.contract.ts';
import { toHex } from '../protocol/index.ts';
import { createBrowserHasher } from './hasher.ts';

hasherContract('WebCrypto', () => ({ hasher: createBrowserHasher() }));

describe('the hasher without help', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('takes shared memory, which WebCrypto refuses', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(3));
    shared.set([0x61, 0x62, 0x63]);
    expect(toHex(await createBrowserHasher().sha1(shared))).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  });

  it('works on an insecure page, which has no WebCrypto', async () => {
    vi.stubGlobal('crypto', { getRandomValues: () => {} });
    const digest = await createBrowserHasher().sha1(Uint8Array.of(0x61, 0x62, 0x63));
    expect(toHex(digest)).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  });
});
