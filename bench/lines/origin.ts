/**
 * The site on real lines: a web server with one file. Arguments: address, file. Prints `ready`, then what it
 * has done as a line of JSON for each line it reads, until its input ends.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [address, file] = process.argv.slice(2) as [string, string];
const { size } = await stat(file);
let requests = 0;
let bytes = 0;

const server = createServer((request, response) => {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const first = Number(range?.[1] ?? 0);
  const last = Math.min(size - 1, range?.[2] ? Number(range[2]) : size - 1);
  requests++;
  response.writeHead(range === null ? 200 : 206, {
    'accept-ranges': 'bytes',
    'content-length': last - first + 1,
    'content-type': 'video/mp4',
    ...(range === null ? {} : { 'content-range': `bytes ${first}-${last}/${size}` }),
  });
  const body = createReadStream(file, { start: first, end: last });
  body.on('data', (chunk) => {
    bytes += chunk.length;
  });
  // A viewer who goes in the middle of an answer is nothing to speak of.
  response.on('close', () => body.destroy());
  body.pipe(response);
});
server.listen(80, address, () => process.stdout.write('ready\n'));
createInterface({ input: process.stdin })
  .on('line', () => process.stdout.write(`${JSON.stringify({ requests, bytes })}\n`))
  .on('close', () => process.exit(0));
