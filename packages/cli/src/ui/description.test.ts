import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildInfo, encodeTorrent, parseTorrent, type TorrentVersion, toHex } from 'freshet/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashesOf, readInput } from '../source.ts';
import { describeInput, descriptionText } from './description.ts';
import { makeTheme } from './theme.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-description-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function torrentOf(version: TorrentVersion): Uint8Array {
  const infoBytes = buildInfo({
    version,
    name: 'film.mp4',
    pieceLength: 16_384,
    files: { length: 5, piecesRoot: new Uint8Array(32).fill(7) },
    pieces: new Uint8Array(20),
  });
  return encodeTorrent({ infoBytes, pieceLayers: version === 1 ? undefined : new Map() });
}

describe('a description', () => {
  it.each<[TorrentVersion, string]>([
    [1, 'v1'],
    [2, 'v2'],
    ['hybrid', 'hybrid'],
  ])('tells the format and every hash: %s', async (version, format) => {
    const bytes = torrentOf(version);
    const path = join(folder, `${format}.torrent`);
    await writeFile(path, bytes);
    const { v1, v2 } = hashesOf(parseTorrent(bytes));
    expect([v1 !== undefined, v2 !== undefined]).toEqual([version !== 2, version !== 1]);
    const long = v2 && toHex(v2);
    const short = v1 === undefined ? long!.slice(0, 40) : toHex(v1);

    const description = describeInput(await readInput(path));
    expect(description).toMatchObject({ infoHash: short, format });
    expect(description.infoHashV2).toBe(long);
    const lines = descriptionText(description, makeTheme({ colors: false, unicode: false }));
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^Format +${format}`)));
    expect(lines.some((line) => line === `Info-hash   ${short}`)).toBe(v1 !== undefined);
    expect(lines.some((line) => line === `v2 hash     ${long}`)).toBe(v2 !== undefined);

    // Its magnet link, and its longest hash alone, name the same torrent.
    const link = describeInput(await readInput(description.magnet));
    expect([link.infoHash, link.infoHashV2, link.magnet]).toEqual([short, long, description.magnet]);
    expect(describeInput(await readInput(long ?? short))).toMatchObject({
      infoHash: (long ?? short).slice(0, 40),
    });
  });
});
