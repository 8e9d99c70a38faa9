import { describe, expect, it } from 'vitest';
import { Client } from './client.ts';
import type { StorageAccount } from './client-storage.ts';
import { HASH, PLATFORM, ScriptedSession } from './scripted-session.contract.ts';

function setUp(storageAccount?: StorageAccount) {
  const session = new ScriptedSession();
  const { storage } = new Client({}, { ...PLATFORM, storageAccount }, session);
  return { session, storage };
}

describe('client.storage', () => {
  it('shows and removes what the session keeps', async () => {
    const { session, storage } = setUp();
    const one = { infoHash: HASH, name: 'a film', length: 9, stored: 3, lastUsed: 1, inUse: false };
    session.answer = (command, args) => {
      if (command === 'kept') return [one];
      const { infoHash } = args as { infoHash: string | undefined };
      return infoHash === undefined ? 3 : infoHash === HASH ? 0 : undefined;
    };
    expect(await storage.list()).toEqual([one]);
    expect(await storage.remove(HASH.toUpperCase())).toBe(true);
    expect(await storage.remove('b'.repeat(40))).toBe(false);
    expect(await storage.clear()).toBe(3);
  });

  it('tells what the browser says of the space', async () => {
    const asked: string[] = [];
    const { storage } = setUp({
      estimate: async () => ({ usage: 5, quota: 50 }),
      persist: async () => {
        asked.push('persist');
        return true;
      },
      persisted: async () => asked.length > 0,
    });
    expect(await storage.estimate()).toEqual({ usage: 5, quota: 50, persisted: false });
    expect(await storage.persist()).toBe(true);
    expect(await storage.estimate()).toMatchObject({ persisted: true });
  });

  it('says nothing of the space where nobody knows', async () => {
    const { storage } = setUp();
    expect(await storage.estimate()).toBeUndefined();
    expect(await storage.persist()).toBe(false);
    const silent = setUp({
      estimate: async () => ({}),
      persist: async () => false,
      persisted: async () => false,
    });
    expect(await silent.storage.estimate()).toBeUndefined();
  });
});
