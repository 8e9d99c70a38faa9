/** A web seed that lies, beside one that does not. */

import type { HttpRequest } from '../../packages/freshet/src/engine/ports.ts';
import { type MemoryHttpResponse, rangeResponse } from '../../packages/freshet/src/memory/index.ts';
import { MemorySwarm, type SampleTorrent } from '../../packages/freshet/testing/memory-swarm.ts';
import { Dice, Tape } from '../dice.ts';
import { anyContentRange } from '../grammar/http.ts';
import { must, type Target } from '../target.ts';
import { checkEnd, checkUsage, samples } from './world.ts';

const BUDGET = 128 * 1024;
const CONNECTIONS = 6;
const PATIENCE = 1_800_000;
const LIAR = 'http://liar.example/';
const HONEST = 'http://honest.example/';

/** The file that an address names. */
function fileAt(sample: SampleTorrent, base: string, url: string): Uint8Array | undefined {
  const path = decodeURIComponent(url.slice(base.length).replace(/\?.*$/, ''));
  const file = sample.info.files.find(({ pathText, padding }) => !padding && pathText === path);
  return file && sample.content.subarray(file.offset, file.offset + file.length);
}

/** An answer with something wrong in it; with the first of all choices it is right. */
function answer(dice: Dice, request: HttpRequest, body: Uint8Array | undefined): MemoryHttpResponse {
  if (body === undefined)
    return dice.chance(1, 2) ? { status: 200, body: dice.bytes(dice.below(300)) } : { status: 404 };
  const right = rangeResponse(body, request);
  const { first, last } = request.range ?? { first: 0, last: body.length - 1 };
  const bytes = right.body ?? new Uint8Array(0);
  switch (dice.below(12)) {
    case 1: {
      const wrong = bytes.slice();
      if (wrong.length > 0) wrong[dice.below(wrong.length)]! ^= 1;
      return { ...right, body: wrong };
    }
    case 2:
      return {
        ...right,
        headers: { ...right.headers, 'content-range': anyContentRange(dice, first, last, body.length) },
      };
    case 3:
      return { ...right, headers: { ...right.headers, 'content-length': `${dice.edge()}` } };
    case 4:
      return { ...right, breakAfter: dice.below(bytes.length + 2) - 1 };
    case 5:
      return { ...right, silentAfter: dice.below(bytes.length + 2) - 1 };
    case 6:
      return {
        ...right,
        body: dice.chance(1, 2)
          ? bytes.subarray(0, dice.below(bytes.length + 1))
          : new Uint8Array([...bytes, ...dice.bytes(1 + dice.below(200))]),
      };
    case 7:
      return {
        status: dice.pick([503, 404, 429, 500, 403, 416, 200, 204, 304, 302, 100, 0]),
        headers: { 'retry-after': dice.pick(['1', `${dice.edge()}`, 'x']) },
        body: dice.bytes(dice.below(50)),
      };
    case 8: // All of the file, whatever was asked for.
      return { status: 200, body, headers: dice.chance(1, 2) ? {} : { 'content-length': `${body.length}` } };
    case 9:
      return { redirect: dice.pick([HONEST, LIAR, 'http://nobody.example/', request.url]) };
    case 10:
      return { ...right, bytesPerSecond: dice.pick([10, 1000, 100_000]), delayMs: dice.below(40_000) };
    case 11:
      return { ...right, headers: {} };
    default:
      return right;
  }
}

async function play(input: Uint8Array, note: (line: string) => void): Promise<void> {
  const dice = new Dice(new Tape(input));
  const sample = dice.pick(await samples());
  const swarm = new MemorySwarm(sample);
  const script = !sample.info.hasV2 && dice.chance(1, 4);
  let requests = 0;
  swarm.http.route(`${LIAR}*`, (request) => {
    requests++;
    const response = answer(dice, request, fileAt(sample, LIAR, request.url));
    note(
      `${swarm.clock.now()} ms: ${request.url} ${request.range?.first}-${request.range?.last}: ${JSON.stringify({ ...response, body: response.body?.length })}`,
    );
    return response;
  });
  swarm.http.route(`${HONEST}*`, (request) => {
    const body = fileAt(sample, HONEST, request.url);
    return body === undefined ? { status: 404 } : rangeResponse(body, request);
  });
  const engine = { bufferBudget: BUDGET, maxConnections: CONNECTIONS };
  const slow = dice.chance(1, 3) ? { downloadLimit: 100_000 } : {};
  const seeds = script
    ? { webSeeds: [HONEST], httpSeeds: [`${LIAR}script`] }
    : { webSeeds: dice.chance(1, 2) ? [HONEST, LIAR] : [LIAR, HONEST] };
  const member = await swarm.add({ engine: { ...engine, ...slow }, spec: seeds });
  const reader = dice.maybe(() =>
    member.torrent.createReader({ start: dice.below(sample.info.length), end: sample.info.length }),
  );
  const reading = reader === undefined ? undefined : readAll(reader, sample);
  let failure: unknown;
  reading?.catch((error: unknown) => {
    failure = error;
  });
  const end = swarm.clock.now() + PATIENCE;
  while (!member.torrent.done && swarm.clock.now() < end) {
    await swarm.clock.advanceAsync(dice.pick([1000, 50, 5000]));
    // What a reader waits for may be as much again.
    checkUsage(member, reader === undefined ? BUDGET : 2 * BUDGET, CONNECTIONS);
    must(requests < 500, 'the liar is asked without end');
  }
  must(member.torrent.done, 'the honest web seed does not help');
  must(await swarm.hasContent(member), 'what was verified is wrong');
  await swarm.clock.advanceAsync(1000);
  if (failure !== undefined) throw failure;
  reader?.close();
  await checkEnd(swarm);
}

/** A reader gets the right bytes in their order. */
async function readAll(
  reader: { position: number; read(most: number): Promise<Uint8Array | undefined> },
  sample: SampleTorrent,
): Promise<void> {
  for (;;) {
    const bytes = await reader.read(10_000);
    if (bytes === undefined) return;
    // Padding before them is passed over.
    const at = reader.position - bytes.length;
    must(
      Buffer.compare(bytes, sample.content.subarray(at, at + bytes.length)) === 0,
      'a reader got wrong bytes',
    );
  }
}

export const webSeedSession: Target = {
  name: 'web-seed',
  about:
    'a download from a web seed that lies about status, headers, lengths and bytes, beside an honest one',
  shortRuns: 80,
  batch: 16,
  guided: false,
  maxLength: 400,
  minimiseRuns: 400,
  maxTime: 10_000,
  generate: (dice) => dice.bytes(10 + dice.below(150)),
  run: (input) => play(input, () => {}),
  describe: async (input) => {
    const lines: string[] = [];
    await play(input, (line) => lines.push(`  ${line}`)).catch(() => {});
    return lines.join('\n');
  },
};
