/** Ranges of HTTP: the header, the answers of our servers, and what a web seed's answer means. */

import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { FileRequestMessage } from '../../packages/freshet/src/browser/file-protocol.ts';
import { fileHead } from '../../packages/freshet/src/browser/file-response.ts';
import type { HttpHead } from '../../packages/freshet/src/engine/ports.ts';
import {
  type Asked,
  judge,
  MAX_SKIP,
  retryAfter,
  waitInBody,
} from '../../packages/freshet/src/engine/sources/web-seed-response.ts';
import { createRangeServer } from '../../packages/freshet/src/node/range-server.ts';
import { type ByteRange, contentRange, parseRange } from '../../packages/freshet/src/protocol/index.ts';
import { Dice, Tape } from '../dice.ts';
import { latin1 } from '../grammar/bencode.ts';
import { anyContentRange, anyRange } from '../grammar/http.ts';
import { must, mustEqual, type Target } from '../target.ts';

const SIZES: readonly number[] = [0, 1, 1000, 2 ** 40];

/** What a header asks for by RFC 9110, section 14.1.2, read another way: with a bigint and no regular expression for the whole. */
function plainRanges(header: string, size: number): ByteRange[] | undefined {
  const [unit = '', ...rest] = header.split('=');
  if (unit.trim().toLowerCase() !== 'bytes' || rest.length === 0) return undefined;
  const specs = rest
    .join('=')
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '');
  if (specs.length === 0 || specs.length > 16) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const dash = spec.indexOf('-');
    const [from, to] = [spec.slice(0, dash), spec.slice(dash + 1)];
    if (dash < 0 || /[^0-9]/.test(from + to) || from + to === '') return undefined;
    const whole = BigInt(size);
    const start = from === '' ? (BigInt(to) > whole ? 0n : whole - BigInt(to)) : BigInt(from);
    const end = from === '' || to === '' ? whole : BigInt(to) + 1n < whole ? BigInt(to) + 1n : whole;
    if (from !== '' && to !== '' && BigInt(from) > BigInt(to)) return undefined;
    if (start < end) ranges.push({ start: Number(start), end: Number(end) });
  }
  return ranges;
}

export const httpRange: Target = {
  name: 'http-range',
  about:
    'Range headers against a plain reader; heads of the service worker; our answers please our own web seed client',
  shortRuns: 2500,
  maxLength: 600,
  tokens: ['bytes=', '-', ',', '0', '0-0', '-1', '999-', '99999999999999999999', ' ', '=', 'bytes'],
  generate: (dice) => Buffer.from(anyRange(dice, 1000)),
  run: (input) => {
    const text = latin1(input);
    for (const size of SIZES) {
      const result = parseRange(text, size);
      const plain = /\n/.test(text) ? undefined : plainRanges(text, size);
      // Numbers beyond 2^53 need not be told apart, as no file is that long.
      if (!/[0-9]{16}/.test(text) && !/\n/.test(text)) {
        mustEqual(
          result.kind,
          plain === undefined ? 'none' : plain.length === 0 ? 'unsatisfiable' : 'satisfiable',
          `kind of range of ${size} bytes`,
        );
        if (result.kind === 'satisfiable') mustEqual(result.ranges, plain, 'ranges');
      }
      if (result.kind === 'satisfiable') {
        for (const { start, end } of result.ranges) {
          must(
            Number.isSafeInteger(start) && start >= 0 && start < end && end <= size,
            () => `the range ${start}-${end} of ${size}`,
          );
          checkOwnAnswer({ start, end }, size);
        }
      }
      checkHead(text, size);
    }
  },
};

/** Bytes start..end - 1 of a file, answered as our servers answer, are what our web seed client takes. */
function checkOwnAnswer({ start, end }: ByteRange, size: number): void {
  const headers: Record<string, string> = {
    'content-range': contentRange({ start, end }, size),
    'content-length': `${end - start}`,
  };
  const asked: Asked = {
    style: 'range',
    url: 'http://s/',
    file: 0,
    first: start,
    last: end - 1,
    fileLength: size,
  };
  mustEqual(
    judge({ status: 206, url: 'http://s/', header: (name) => headers[name] }, asked, MAX_SKIP, 0),
    { kind: 'body', skip: 0, length: end - start, whole: false },
    'our own answer',
  );
}

function checkHead(range: string, length: number): void {
  const request: FileRequestMessage = {
    freshet: 'file',
    path: 'x',
    method: 'GET',
    range,
    ifRange: undefined,
    ifNoneMatch: undefined,
    destination: 'video',
    boundary: 'b',
  };
  const { status, headers, body } = fileHead(request, { name: 'f', length, type: 'video/mp4' });
  const header = new Map(headers);
  if (status === 416) {
    must(body.length === 0 && header.get('Content-Range') === `bytes */${length}`, 'a head of nothing');
    return;
  }
  let sent = 0;
  let ofFile = 0;
  for (const part of body) {
    if (typeof part === 'string') {
      sent += part.length;
      continue;
    }
    must(part.start >= 0 && part.start < part.end && part.end <= length, 'a body beyond the file');
    sent += part.end - part.start;
    ofFile += part.end - part.start;
  }
  mustEqual(Number(header.get('Content-Length')), sent, 'length of a body');
  must(ofFile <= length, 'more of a file than it is');
  const [only] = body;
  if (status === 206 && body.length === 1 && typeof only === 'object')
    mustEqual(header.get('Content-Range'), contentRange(only, length), 'range of a body');
}

export const seedAnswer: Target = {
  name: 'seed-answer',
  about:
    'heads of answers of web seeds: what is taken of a body lies within what was asked for, and waits are bounded',
  shortRuns: 2500,
  maxLength: 200,
  generate: (dice) => dice.bytes(12 + dice.below(60)),
  run: (input) => {
    const dice = new Dice(new Tape(input));
    const style = dice.chance(1, 4) ? 'piece' : 'range';
    // A piece has 256 MiB at most.
    const fileLength = dice.pick([1, 1000, 70_000, style === 'piece' ? 2 ** 28 : 2 ** 40]);
    const first = dice.below(Math.min(fileLength, 2 ** 31));
    const last = first + dice.below(Math.min(fileLength - first, 100_000));
    const asked: Asked = {
      style,
      url: 'http://s/f',
      file: 0,
      first,
      last,
      fileLength,
    };
    const headers = new Map<string, string>();
    const add = (name: string, value: () => string): void => {
      if (dice.chance(2, 3)) headers.set(name, value());
    };
    const length = (): string =>
      dice.pick([`${last - first + 1}`, `${fileLength}`, `${dice.edge()}`, '-1', '1.5', '', 'x', ' 7 ']);
    add('content-range', () => anyContentRange(dice, first, last, fileLength));
    add('content-length', length);
    add('retry-after', () =>
      dice.pick(['1', '0', `${dice.edge()}`, 'Wed, 21 Oct 2065 07:28:00 GMT', 'never', '-1', '']),
    );
    if (dice.chance(1, 8))
      headers.set('content-type', dice.pick(['multipart/byteranges; boundary=x', 'video/mp4', '']));
    if (dice.chance(1, 8)) headers.set('content-encoding', dice.pick(['gzip', 'identity', '']));
    const status = dice.chance(3, 4)
      ? dice.pick([206, 206, 200, 416, 503, 429, 404, 408, 500])
      : dice.below(700);
    const head: HttpHead = { status, url: 'http://s/f', header: (name) => headers.get(name) };
    const verdict = judge(head, asked, MAX_SKIP, 0);
    if (verdict.kind === 'body') {
      const { skip, length: whole } = verdict;
      must(
        skip >= 0 && skip <= (style === 'piece' ? fileLength : MAX_SKIP) && whole > skip,
        () => `${skip} of ${whole} bytes are thrown away`,
      );
      // What is left begins where it was asked for and does not go beyond the file.
      must(whole - skip <= fileLength - first || asked.style === 'piece', 'more than the file has');
      must(status === 200 || status === 206, () => `a body of HTTP ${status}`);
      if (status === 206) must(whole <= last - first + 1, 'more than was asked for');
    } else {
      const { message, wait } = verdict.failure;
      must(/\.$/.test(message) && message.length < 400, () => `no sentence: ${message}`);
      must(wait === undefined || (wait >= 1000 && wait <= 600_000), () => `a wait of ${wait} ms`);
    }
    for (const wait of [retryAfter(latin1(input), 0), waitInBody(latin1(input))]) {
      must(wait === undefined || (wait >= 1000 && wait <= 600_000), () => `a wait of ${wait} ms`);
    }
  },
};

const CONTENT = Uint8Array.from({ length: 3000 }, (_, i) => (i * 7) & 0xff);

/** Takes what is written to it. */
class Sink extends Duplex {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }

  override _read(): void {}
}

export const rangeServer: Target = {
  name: 'range-server',
  about:
    'requests to the HTTP server of files: the body is as long as its head says and has the bytes that it names',
  shortRuns: 300,
  batch: 64,
  maxLength: 400,
  generate: (dice) => dice.bytes(20 + dice.below(60)),
  run: async (input) => {
    const dice = new Dice(new Tape(input));
    const server = createRangeServer({
      lookup: async (path) =>
        path === '/f'
          ? {
              name: dice.pick(['film.mp4', 'x.html', '"\r\n\ud800', '']),
              length: CONTENT.length,
              etag: dice.maybe(() => 'tag'),
              async *read(start, end) {
                for (let at = start; at <= end; at += 700)
                  yield CONTENT.slice(at, Math.min(end + 1, at + 700));
              },
            }
          : path === '/'
            ? { title: '<x>', entries: [{ name: '<a>', href: 'javascript:1', length: 5 }] }
            : undefined,
      hostname: dice.maybe(() => 'localhost'),
    });
    const sink = new Sink();
    const request = new IncomingMessage(sink as unknown as Socket);
    request.method = dice.pick(['GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST', '']);
    request.url = dice.pick(['/f', '/f', '/f', '/f?x', '/', '/../f', '', '//', '/%zz#']);
    const header = (name: string, value: () => string): void => {
      if (dice.chance(1, 2)) request.headers[name] = value();
    };
    header('range', () => anyRange(dice, CONTENT.length));
    header('if-range', () => dice.pick(['"tag"', 'W/"tag"', 'x']));
    if (dice.chance(1, 8)) header('if-none-match', () => dice.pick(['"tag"', '*', 'W/"tag", "x"', ',']));
    header('host', () => dice.pick(['localhost:80', '[::1]:80', 'evil.example', '::1:::', '[', '']));
    header('origin', () => dice.pick(['http://a.example', 'null']));
    header('access-control-request-headers', () => 'x-y');
    const response = new ServerResponse(request);
    response.assignSocket(sink as unknown as Socket);
    await server.handle(request, response);
    must(response.writableEnded, 'the answer does not end');
    const bytes = Buffer.concat(sink.chunks);
    checkAnswer(bytes, request);
    sink.destroy();
  },
};

function checkAnswer(bytes: Buffer, request: IncomingMessage): void {
  const split = bytes.indexOf('\r\n\r\n');
  must(split > 0, 'there is no head');
  const [line = '', ...lines] = bytes.subarray(0, split).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(line)?.[1]);
  const headers = new Map(
    lines.map((text) => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 2)]),
  );
  must(
    lines.every((text) => /^[A-Za-z-]+: [\x20-\x7e]*$/.test(text)),
    () => `a head of lines that are none: ${lines.join('|')}`,
  );
  const body = bytes.subarray(split + 4);
  must([200, 204, 206, 304, 400, 403, 404, 405, 416].includes(status), () => `HTTP ${status}`);
  if (request.method === 'HEAD' || status === 204 || status === 304) {
    mustEqual(body.length, 0, 'bytes of a body that there must not be');
    return;
  }
  mustEqual(Number(headers.get('content-length')), body.length, 'length of the body');
  if (status !== 206) {
    if (status === 200 && headers.get('content-disposition') !== undefined)
      mustEqual(new Uint8Array(body), CONTENT, 'the file');
    return;
  }
  const boundary = /^multipart\/byteranges; boundary=(.*)$/.exec(headers.get('content-type') ?? '')?.[1];
  if (boundary === undefined) {
    checkPart(headers.get('content-range'), body);
    return;
  }
  const parts = body.toString('latin1').split(`--${boundary}`);
  mustEqual([parts[0], parts.at(-1)], ['', '--\r\n'], 'what is around the parts');
  for (const part of parts.slice(1, -1)) {
    const end = part.indexOf('\r\n\r\n');
    checkPart(
      /Content-Range: (.*)/.exec(part.slice(0, end))?.[1],
      Buffer.from(part.slice(end + 4, -2), 'latin1'),
    );
  }
  must(body.length < CONTENT.length + 200 * parts.length, 'many ranges make more of a file than it is');
}

function checkPart(said: string | undefined, part: Uint8Array): void {
  const [, first, last] = /^bytes ([0-9]+)-([0-9]+)\/3000\r?$/.exec(said ?? '') ?? [];
  mustEqual(new Uint8Array(part), CONTENT.slice(Number(first), Number(last) + 1), `bytes ${said}`);
}
