/**
 * The worker of `ports.test.ts`: what needs synchronous access handles, and links over channels of the page. The page calls
 * by the names in `harness`.
 */

import { createOpfsFileStore } from '../../../packages/freshet/src/browser/opfs.ts';
import { removeTree } from '../../../packages/freshet/src/browser/opfs-access.ts';
import { createTwoSlotState } from '../../../packages/freshet/src/browser/opfs-state.ts';
import { portOf } from '../../../packages/freshet/src/browser/port.ts';
import { BrowserStorage } from '../../../packages/freshet/src/browser/storage.ts';
import { createBrowserRtc } from '../../../packages/freshet/src/browser/webrtc.ts';
import {
  type ContractFile,
  diskContract,
} from '../../../packages/freshet/src/engine/contracts/disk.contract.ts';
import { fileStoreContract } from '../../../packages/freshet/src/engine/contracts/file-store.contract.ts';
import { linkContract } from '../../../packages/freshet/src/engine/contracts/link.contract.ts';
import { stateStoreContract } from '../../../packages/freshet/src/engine/contracts/state-store.contract.ts';
import type { Disk, RtcConnector } from '../../../packages/freshet/src/engine/ports.ts';
import { infoHashFromBytes, toHex } from '../../../packages/freshet/src/protocol/index.ts';
import { byteAt, code, linkPair, pattern } from './ports-common.ts';
import { type CaseResult, runCases } from './vitest-in-page.ts';

/** Over pipes to the page: one that moves channels here, one that keeps and forwards them. */
let connectors: readonly [RtcConnector, RtcConnector] | undefined;

async function contracts(): Promise<CaseResult[]> {
  const [moving, forwarding] = connectors!;
  linkContract('WebRTC, moved to a worker', () => linkPair(moving));
  linkContract('WebRTC, forwarded to a worker', () => linkPair(forwarding));
  let folders = 0;
  fileStoreContract('OPFS', async () => {
    const folder = ['contract', `files ${folders++}`];
    return {
      store: createOpfsFileStore(folder),
      reopen: async () => createOpfsFileStore(folder),
      dispose: () => removeTree(folder),
    };
  });
  stateStoreContract('two slots in OPFS', async () => {
    const folder = ['contract', `state ${folders++}`];
    return {
      store: createTwoSlotState(createOpfsFileStore(folder)),
      reopen: async () => createTwoSlotState(createOpfsFileStore(folder)),
      dispose: () => removeTree(folder),
    };
  });
  for (const kind of ['auto', 'memory'] as const) {
    const storage = await BrowserStorage.open({ kind, folder: 'contract' });
    diskContract(`mapped, in ${storage.kind}`, async (files) => {
      const infoHash = infoHashFromBytes(new Uint8Array(20).fill(++folders))!;
      const info = { name: 'contract', length: 0, files: layout(files) };
      info.length = files.reduce((sum, file) => sum + file.length, 0);
      const reopen = async (wanted?: readonly boolean[]) =>
        (await storage.openTorrent(infoHash)).openDisk(info, wanted);
      const disk = await reopen();
      const store = createOpfsFileStore(['contract', 'files', toHex(infoHash)]);
      return {
        disk,
        ...(storage.kind === 'opfs' && {
          reopen,
          fileExists: async (path: readonly string[]) => (await store.stat(path)).size >= 0,
        }),
        dispose: () => disk.destroy(),
      };
    });
  }
  return runCases();
}

function layout(files: readonly ContractFile[]) {
  let offset = 0;
  return files.map(({ path, length, padding = false }) => {
    offset += length;
    return { path, length, padding, offset: offset - length };
  });
}

const DISK = {
  info: { name: 'a', length: 3_000_000, files: layout([{ path: ['a', 'film.mp4'], length: 3_000_000 }]) },
};
let opened: BrowserStorage | undefined;
let disk: Disk | undefined;

/** Opens the disk of one torrent, and reads what is there. */
async function openDisk(): Promise<{
  kind: string;
  reason: string | undefined;
  there: number;
  right: boolean;
}> {
  opened ??= await BrowserStorage.open();
  const place = await opened.openTorrent(infoHashFromBytes(new Uint8Array(20).fill(0xdd))!);
  disk = await place.openDisk(DISK.info);
  const into = new Uint8Array(DISK.info.length);
  const there = await disk.read(0, into);
  const right = there === into.length && into.every((byte, i) => byte === byteAt(i));
  return { kind: place.kind, reason: place.reason, there, right };
}

async function writeDisk(): Promise<void> {
  const data = pattern(0, DISK.info.length);
  for (let at = 0; at < data.length; at += 1_000_000) {
    await disk!.write(at, [data.subarray(at, at + 500_000), data.subarray(at + 500_000, at + 1_000_000)]);
  }
  await disk!.flush();
}

/**
 * Writes views of these lengths behind each other, into a file that has something there already, and reads all of it.
 * Resolves with whether every byte is where it belongs, and nothing beyond has changed.
 */
async function writeParts(lengths: readonly number[]): Promise<boolean> {
  const folder = ['parts'];
  const store = createOpfsFileStore(folder);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const file = await store.open(['file.bin'], true);
  await file.write(0, [new Uint8Array(total + 200).fill(255)]);
  let at = 0;
  const parts = lengths.map((length) => {
    at += length;
    return pattern(at - length, length);
  });
  await file.write(100, parts);
  const into = new Uint8Array(total + 200);
  await file.read(0, into);
  await file.close();
  await removeTree(folder);
  return into.every((byte, i) => byte === (i < 100 || i >= total + 100 ? 255 : byteAt(i - 100)));
}

const harness = {
  contracts,
  openDisk,
  writeDisk,
  writeParts,
  closeDisk: () => disk!.close(),
  /** Opens a file in OPFS for writing and keeps it open. */
  holdFile: (): Promise<string> => code(createOpfsFileStore(['held']).open(['film.mp4'], true)),
  fillStorage: async (bytes: number): Promise<string> => {
    const store = createOpfsFileStore(['quota']);
    const file = await store.open(['big.bin'], true);
    const outcome = await code(file.write(0, [new Uint8Array(bytes)]));
    await file.close();
    await store.remove(['big.bin']);
    return outcome;
  },
  saveState: async (key: string, text: string): Promise<void> => {
    await createTwoSlotState(createOpfsFileStore(['state'])).save(key, new TextEncoder().encode(text));
  },
  loadState: async (key: string): Promise<string> =>
    new TextDecoder().decode(await createTwoSlotState(createOpfsFileStore(['state'])).load(key)),
};

export type WorkerHarness = typeof harness;

addEventListener('message', ({ data: { ports, id, name, args } }) => {
  if (ports !== undefined) {
    const [moving, forwarding] = ports as [MessagePort, MessagePort];
    connectors = [createBrowserRtc(portOf(moving)), createBrowserRtc(portOf(forwarding))];
    return;
  }
  const run = (harness as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name]!;
  run(...args).then(
    (result) => postMessage({ id, result }),
    (error: unknown) => postMessage({ id, error: error instanceof Error ? error.stack : String(error) }),
  );
});
