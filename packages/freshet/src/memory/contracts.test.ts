import { clockContract } from '../engine/contracts/clock.contract.ts';
import { diskContract } from '../engine/contracts/disk.contract.ts';
import { fileStoreContract } from '../engine/contracts/file-store.contract.ts';
import { hasherContract } from '../engine/contracts/hasher.contract.ts';
import { type LinkPair, linkContract } from '../engine/contracts/link.contract.ts';
import { stateStoreContract } from '../engine/contracts/state-store.contract.ts';
import {
  MemoryDisk,
  MemoryFileStore,
  MemoryHasher,
  type MemoryLinkOptions,
  MemoryNetwork,
  MemoryState,
  memoryLinkPair,
  SeededRandom,
  VirtualClock,
} from './index.ts';

function linkPair(options: MemoryLinkOptions): () => Promise<LinkPair> {
  return async () => {
    const clock = new VirtualClock();
    const { a, b } = memoryLinkPair(clock, options);
    return { a, b, advance: (ms) => clock.advanceAsync(ms), dispose: () => {} };
  };
}

linkContract('memory', linkPair({}));
linkContract('memory, slow and cut up at random', () =>
  linkPair({ latencyMs: 13, bytesPerSecond: 8e6, random: new SeededRandom(3), highWater: 65536 })(),
);
linkContract('memory, small chunks and window', linkPair({ latencyMs: 1, chunkBytes: 1460, window: 4096 }));

async function networkClock(): Promise<{ clock: VirtualClock; network: MemoryNetwork }> {
  const clock = new VirtualClock();
  return { clock, network: new MemoryNetwork(clock, { link: { latencyMs: 4 } }) };
}

linkContract('memory network, dialed', async () => {
  const { clock, network } = await networkClock();
  const links: Partial<Record<'a' | 'b', LinkPair['a']>> = {};
  await network.listener('10.0.0.2').listen(6881, (link) => {
    links.b = link;
  });
  network.dialer('10.0.0.1').dial(
    { host: '10.0.0.2', port: 6881 },
    {
      onLink: (link) => {
        links.a = link;
      },
      onError: (error) => {
        throw error;
      },
    },
  );
  clock.advance(20);
  return { a: links.a!, b: links.b!, advance: (ms) => clock.advanceAsync(ms), dispose: () => {} };
});

clockContract('virtual', () => {
  const clock = new VirtualClock();
  return { clock, advance: (ms) => clock.advanceAsync(ms) };
});

hasherContract('memory', () => ({ hasher: new MemoryHasher() }));

stateStoreContract('memory', async () => ({ store: new MemoryState(), dispose: () => {} }));

fileStoreContract('memory', async () => {
  const store = new MemoryFileStore();
  return { store, reopen: async () => store, dispose: () => {} };
});

diskContract('memory', async (files) => {
  let offset = 0;
  const layout = files.map((file) => {
    const placed = { offset, length: file.length, padding: file.padding };
    offset += file.length;
    return placed;
  });
  return { disk: new MemoryDisk({ length: offset, files: layout }), dispose: () => {} };
});
