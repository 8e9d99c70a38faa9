/** Fails every call of a small download, one run for each, and says what should not have happened. */

import { DiskError } from 'freshet/engine';
import { type SampleTorrent, sampleTorrent } from 'freshet/memory';
import type { TorrentVersion } from 'freshet/protocol';
import type { CallFault, CallKind, Calls } from './calls.ts';
import { type FaultRun, type FaultRunOptions, runWithFault } from './fault-run.ts';

export interface FaultSetting {
  readonly version: TorrentVersion;
  /** @see FaultRunOptions.magnet */
  readonly magnet: boolean;
  readonly subject: FaultRunOptions['subject'];
}

export const FAULT_SETTINGS: readonly FaultSetting[] = (['leech', 'seed'] as const).flatMap((subject) => [
  { version: 1, magnet: false, subject },
  { version: 'hybrid', magnet: false, subject },
  { version: 2, magnet: true, subject },
]);

export interface FaultPlanOptions {
  readonly setting: FaultSetting;
  readonly permanent: boolean;
  readonly seed: number;
  /** Of calls that are many and alike, one in so many fails: those whose number is that of the seed, modulo this. */
  readonly stride: number;
}

export interface FaultTally {
  /** Calls of the run in which nothing fails. */
  readonly calls: number;
  readonly runs: number;
  /** Runs in which the fault happened. */
  readonly fired: number;
  readonly runsByKind: Readonly<Record<string, number>>;
  readonly ends: Readonly<Record<string, number>>;
  /** Each begins with the call, as in `v1 leech write#17 once, seed 1`. */
  readonly violations: readonly string[];
}

const FREQUENT: ReadonlySet<CallKind> = new Set(['timer', 'send', 'receive', 'say', 'hear', 'offer', 'body']);
const HASHES: ReadonlySet<CallKind> = new Set(['sha1', 'sha1-piece', 'sha256']);
const DISK: ReadonlySet<CallKind> = new Set(['open', 'read', 'write', 'flush', 'stat', 'close']);
const NETWORK: ReadonlySet<CallKind> = new Set([
  'dial',
  'accept',
  'listen',
  'send',
  'receive',
  'offer',
  'answer',
  'http',
  'body',
  'socket',
  'say',
  'hear',
]);

/** Four pieces of 32 KiB in three files, one of them empty. */
export function faultSample(version: TorrentVersion): Promise<SampleTorrent> {
  const files = [
    { path: ['first'], length: 50_000 },
    { path: ['empty'], length: 0 },
    { path: ['second'], length: 62_000 },
  ];
  return sampleTorrent(112_000, 32_768, { version, files });
}

export async function runFaultPlan(options: FaultPlanOptions): Promise<FaultTally> {
  const { setting, seed, permanent } = options;
  const sample = await faultSample(setting.version);
  const base = await runWithFault({ ...setting, sample, seed });
  const runsByKind: Record<string, number> = {};
  const ends: Record<string, number> = {};
  const violations: string[] = [];
  let runs = 0;
  let fired = 0;
  if (base.end !== 'finished' || base.wrongs.length + base.errors.length > 0) {
    violations.push(`${describe(setting, base.calls, options)}: ${base.end} without a fault; ${base.wrongs}`);
  }
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  try {
    for (const fault of faultsOf(base.calls, options)) {
      const kind = base.calls.kinds[fault.at - 1]!;
      const where = describe(setting, base.calls, options, fault);
      runs++;
      runsByKind[kind] = (runsByKind[kind] ?? 0) + 1;
      try {
        const run = await runWithFault({ ...setting, sample, seed, fault });
        if (run.calls.fired > 0) fired++;
        ends[run.end] = (ends[run.end] ?? 0) + 1;
        for (const violation of judge(run, kind, permanent, setting))
          violations.push(`${where}: ${violation}`);
      } catch (error) {
        violations.push(`${where}: ${error instanceof Error ? error.stack : String(error)} was thrown`);
      }
      // Rejections that nobody took are told after the turn.
      await new Promise((resolve) => setImmediate(resolve));
      for (const reason of rejections.splice(0))
        violations.push(`${where}: ${String(reason)} was not handled`);
    }
  } finally {
    process.off('unhandledRejection', onRejection);
  }
  return { calls: base.calls.count, runs, fired, runsByKind, ends, violations };
}

function* faultsOf(calls: Calls, { permanent, seed, stride }: FaultPlanOptions): Iterable<CallFault> {
  for (const [i, kind] of calls.kinds.entries()) {
    const at = i + 1;
    if (FREQUENT.has(kind) && at % stride !== seed % stride) continue;
    if (!HASHES.has(kind)) yield { at, permanent };
    else for (const hash of ['wrong', 'late'] as const) yield { at, permanent, hash };
  }
}

function* judge(run: FaultRun, kind: CallKind, permanent: boolean, setting: FaultSetting): Iterable<string> {
  const { calls, end, errors } = run;
  const { at, hash } = calls.fault!;
  yield* run.wrongs;
  if (calls.fired === 0) yield 'the fault did not happen';
  if (calls.kinds[at - 1] !== kind) yield `the run was another one: ${calls.label(at)}`;
  for (const error of run.closeErrors) {
    if (!DISK.has(kind)) yield `closing the engine failed: ${error.message}`;
  }
  const wrongHash = HASHES.has(kind) && hash === 'wrong';
  for (const error of errors) {
    if (!DISK.has(kind) && !wrongHash) yield `the torrent failed: ${error.message}`;
    if (DISK.has(kind) && !(error instanceof DiskError)) yield `an error without a code: ${error.message}`;
  }
  if (end === 'finished') return;
  if (!permanent) {
    yield `${end}: ${[...errors, ...run.warnings].map((error) => error.message).join(' ')}`;
    return;
  }
  const expected: ReadonlySet<FaultRun['end']> = new Set(
    setting.subject === 'leech' && DISK.has(kind)
      ? ['failed']
      : wrongHash
        ? ['failed', 'restarted', 'healed']
        : NETWORK.has(kind) || setting.subject === 'seed'
          ? ['healed']
          : [],
  );
  if (!expected.has(end)) yield `${end}, and nothing else`;
  if (end === 'failed' && errors.length === 0) yield 'it failed without an error';
}

function describe(
  { version, magnet, subject }: FaultSetting,
  calls: Calls,
  { permanent, seed }: FaultPlanOptions,
  fault?: CallFault,
): string {
  const torrent = `${version === 'hybrid' ? version : `v${version}`}${magnet ? ' magnet' : ''}`;
  if (fault === undefined) return `${torrent} ${subject}, seed ${seed}`;
  const hash = HASHES.has(calls.kinds[fault.at - 1]!) ? ` ${fault.hash}` : '';
  return `${torrent} ${subject} ${calls.label(fault.at)}${hash} ${permanent ? 'for ever' : 'once'}, seed ${seed}`;
}
