/** Torrent files and info dictionaries (BEP 3, 12, 19, 47, 52). */

import {
  type BuildFile,
  buildInfo,
  encodeTorrent,
  type FileEntry,
  type Info,
  type Metainfo,
  MetainfoError,
  parseInfo,
  parseTorrent,
} from '../../packages/freshet/src/protocol/index.ts';
import { BENCODE_TOKENS, changeEncoded, writeTree } from '../grammar/bencode.ts';
import { anyInfo, anyTorrent } from '../grammar/torrent.ts';
import { must, mustEqual, type Target, weight } from '../target.ts';
import { attempt } from './bencode.ts';

const TOKENS: readonly string[] = [
  ...BENCODE_TOKENS,
  '4:name1:a',
  '5:filesl',
  '6:lengthi1e',
  '4:pathl1:ae',
  '12:piece lengthi16384e',
  '6:pieces20:',
  '12:meta versioni2e',
  '9:file treed',
  '11:pieces root32:',
  '4:attr1:p',
  '12:symlink path',
  '10:path.utf-8',
];

function checkInfo(info: Info, bytes: Uint8Array): void {
  const { files, length, pieceLength, pieceCount, lastPieceLength } = info;
  must(files.length > 0, 'there is no file');
  must(Number.isSafeInteger(length) && length >= 0, () => `a length of ${length}`);
  mustEqual(pieceCount, Math.ceil(length / pieceLength), 'number of pieces');
  mustEqual(
    pieceCount === 0 ? 0 : (pieceCount - 1) * pieceLength + lastPieceLength,
    length,
    'sum of the pieces',
  );
  if (info.hasV1) mustEqual(info.pieces?.length, 20 * pieceCount, 'bytes of SHA-1');
  mustEqual(info.hybrid, info.hasV1 && info.hasV2, 'it is a hybrid');
  must(info.hasV1 || info.hasV2, 'it is of no version');
  let offset = 0;
  const seen = new Set<string>();
  for (const file of files) {
    mustEqual(file.offset, offset, 'where a file begins');
    must(Number.isSafeInteger(file.length) && file.length >= 0, () => `a file of ${file.length} bytes`);
    offset += file.length;
    checkPath(file, info, seen);
    if (file.piecesRoot !== undefined) {
      mustEqual(file.piecesRoot.length, 32, 'bytes of a root');
      mustEqual(file.offset % pieceLength, 0, 'where a file of version 2 begins in a piece');
    }
  }
  mustEqual(offset, length, 'sum of the files');
  const some = [0, 1, pieceCount >> 1, pieceCount - 1].filter((piece) => piece >= 0 && piece < pieceCount);
  for (const piece of some) {
    const there = info.dataLength(piece);
    must(there >= 0 && there <= pieceLength, () => `piece ${piece} has ${there} bytes`);
    if (info.hasV2) {
      const file = info.fileOfPiece(piece);
      must(file !== undefined && file.offset <= piece * pieceLength, () => `no file has piece ${piece}`);
      // Only the piece behind a last file may be padding alone.
      must(there > 0, () => `piece ${piece} is of no file`);
    }
    if (info.hasV1) mustEqual(info.pieceHash(piece)?.length, 20, 'bytes of a hash');
  }
  const entries = files.map(({ path, pathText, length: size, offset: at, attr }) => ({
    path,
    pathText,
    size,
    at,
    attr,
  }));
  // A name of a few bytes can stand for a path of 64 folders in each file.
  must(weight(info, bytes) < 20_000 + 400 * bytes.length, 'it takes too much memory');
  must(weight(entries, bytes) < 20_000 + 70 * 600 * bytes.length, 'its paths take too much memory');
}

function checkPath(file: FileEntry, info: Info, seen: Set<string>): void {
  const { path, pathText, name } = file;
  mustEqual(path.join('/'), pathText, 'text of a path');
  mustEqual(path.at(-1), name, 'name of a file');
  must(path.length >= 1 && path.length <= 66, () => `a path of ${path.length} components`);
  for (const part of path) {
    must(part !== '' && !/^[. ]*$/.test(part), () => `a component "${part}"`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be in it
    must(!/[/\\\u0000-\u001f\u007f]/.test(part), () => `a component "${part}"`);
    must(Buffer.byteLength(part) <= 255, () => `a component of ${Buffer.byteLength(part)} bytes`);
  }
  if (info.multiFile) mustEqual(path[0], info.name, 'the folder of all files');
  if (file.padding) return;
  const key = pathText.normalize('NFC').toLowerCase();
  must(!seen.has(key), () => `two files are called ${pathText}`);
  seen.add(key);
}

/** No file lies where another one has a folder. */
function checkFolders(info: Info): void {
  const stored = info.files
    .filter((file) => !file.padding)
    .map((file) => file.path.map((part) => part.normalize('NFC').toLowerCase()));
  const files = new Set(stored.map((path) => path.join('/')));
  for (const path of stored) {
    for (let depth = 1; depth < path.length; depth++) {
      const folder = path.slice(0, depth).join('/');
      must(!files.has(folder), () => `${folder} is a file and a folder`);
    }
  }
}

/** Written anew from what was read it says the same. */
function checkRebuilt(info: Info): void {
  // What was changed to be safe, or is out of order, is written as it is then.
  const names = info.files.map(({ rawPath, path }) => ({
    raw: rawPath.map((part) => Buffer.from(part).toString()),
    path: path.slice(1),
  }));
  if (info.hasV2 || !info.multiFile || names.some(({ raw, path }) => raw.join('/') !== path.join('/')))
    return;
  const files: BuildFile[] = info.files.map(({ path, length, attr, mtime }) => ({
    path: path.slice(1),
    length,
    attr,
    mtime,
  }));
  const again = parseInfo(
    buildInfo({ name: info.name, pieceLength: info.pieceLength, files, pieces: info.pieces }),
  );
  mustEqual(
    again.files.map(({ pathText, length }) => [pathText, length]),
    info.files.map(({ pathText, length }) => [pathText, length]),
    'files of the torrent written anew',
  );
}

export const info: Target = {
  name: 'info',
  about:
    'info dictionaries of version 1, 2 and both: files, paths and pieces fit, paths are safe and distinct',
  shortRuns: 1500,
  tokens: TOKENS,
  generate: (dice) => writeTree(anyInfo(dice).info, dice, dice.pick([0, 0, 0, 5])),
  mutate: (input, dice) => changeEncoded(input, dice) ?? writeTree(anyInfo(dice).info),
  run: (input) => {
    const parsed = attempt(() => parseInfo(input), MetainfoError);
    if (parsed === undefined) return;
    checkInfo(parsed.value, input);
    checkFolders(parsed.value);
    checkRebuilt(parsed.value);
  },
};

export const metainfo: Target = {
  name: 'metainfo',
  about:
    'torrent files: as info dictionaries, with trackers, web seeds and piece layers; written again they are the same',
  shortRuns: 1500,
  tokens: [...TOKENS, '12:piece layersd', '8:announce', '13:announce-listll', '8:url-list'],
  generate: anyTorrent,
  mutate: (input, dice) => changeEncoded(input, dice) ?? anyTorrent(dice),
  run: (input) => {
    const parsed = attempt(() => parseTorrent(input), MetainfoError);
    if (parsed === undefined) return;
    const torrent = parsed.value;
    checkInfo(torrent.info, input);
    checkFolders(torrent.info);
    mustEqual(
      facts({ ...torrent, info: parseInfo(torrent.infoBytes) }),
      facts(torrent),
      'the info dictionary by itself',
    );
    checkSources(torrent, input);
    const { infoBytes, pieceLayers, announceTiers, urlList, httpSeeds, comment, createdBy, creationDate } =
      torrent;
    const again = parseTorrent(
      encodeTorrent({
        infoBytes,
        announceTiers,
        urlList,
        httpSeeds,
        comment,
        createdBy,
        creationDate,
        pieceLayers: torrent.info.hasV2 ? pieceLayers : undefined,
      }),
    );
    mustEqual(facts(again), facts(torrent), 'the torrent file written anew');
  },
};

function facts({
  info: content,
  pieceLayers,
  announceTiers,
  urlList,
  httpSeeds,
  comment,
  createdBy,
  creationDate,
}: Metainfo): unknown {
  const { name, pieceLength, length, files, private: isPrivate, source, hasV1, hasV2, multiFile } = content;
  return {
    name,
    pieceLength,
    length,
    isPrivate,
    source,
    hasV1,
    hasV2,
    multiFile,
    files: files.map(({ path, length: size, offset, padding, piecesRoot, sha1, mtime }) => ({
      path,
      size,
      offset,
      padding,
      piecesRoot,
      sha1,
      mtime,
    })),
    pieceLayers,
    announceTiers,
    urlList,
    httpSeeds,
    comment,
    createdBy,
    creationDate,
  };
}

function checkSources(
  { info: content, announceTiers, urlList, httpSeeds, nodes, pieceLayers }: Metainfo,
  input: Uint8Array,
): void {
  const urls = announceTiers.flat();
  mustEqual(new Set(urls).size, urls.length, 'number of different trackers');
  must(
    announceTiers.every((tier) => tier.length > 0),
    'an empty tier',
  );
  for (const url of [...urls, ...urlList, ...httpSeeds])
    must(url !== '' && url === url.trim(), () => `an address "${url}"`);
  for (const { port } of nodes) must(port >= 1 && port <= 65_535, () => `a node at port ${port}`);
  for (const file of content.files) {
    if (file.piecesRoot === undefined || file.length <= content.pieceLength) continue;
    const layer = pieceLayers.get(Buffer.from(file.piecesRoot).toString('hex'));
    mustEqual(layer?.length, 32 * Math.ceil(file.length / content.pieceLength), 'bytes of a piece layer');
  }
  must(
    weight([announceTiers, urlList, httpSeeds, nodes], input) < 10_000 + 200 * input.length,
    'addresses take too much memory',
  );
}
