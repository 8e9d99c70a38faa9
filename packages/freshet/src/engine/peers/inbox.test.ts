import { beforeEach, describe, expect, it } from 'vitest';
import {
  type BlockRequest,
  EXTENSION_ID,
  encodeAllowedFast,
  encodeBitfield,
  encodeChoke,
  encodeExtended,
  encodeExtendedHandshake,
  encodeHandshake,
  encodeHashes,
  encodeHashReject,
  encodeHashRequest,
  encodeHave,
  encodeHaveAll,
  encodeHaveNone,
  encodeInterested,
  encodeNotInterested,
  encodePieceHeader,
  encodeReject,
  encodeRequest,
  encodeSuggest,
  encodeUnchoke,
  encodeUploadOnly,
  type HashRequest,
  infoHashFromBytes,
  peerIdFromBytes,
} from '../../protocol/index.ts';
import { Inbox, type InboxHost } from './inbox.ts';

/** A connection without metadata, so without queues, that writes down what it is told. */
class Host implements InboxHost {
  fast = false;
  readonly pipeline = undefined;
  readonly upload = undefined;
  readonly told: string[] = [];
  readonly onHandshake = (): void => void this.told.push('handshake');
  readonly accepts = (): boolean => true;
  readonly onInterest = (): void => void this.told.push('interest');
  readonly onPieces = (): void => void this.told.push('pieces');
  readonly onExtendedHandshake = (): void => void this.told.push('extended handshake');
  readonly onMetadataMessage = (payload: Uint8Array): void =>
    void this.told.push(`metadata ${payload.length}`);
  readonly onUploadOnly = (): void => void this.told.push('upload only');
  readonly onWaste = (bytes: number): void => void this.told.push(`waste ${bytes}`);
  readonly onHashRequest = ({ index }: HashRequest): void => void this.told.push(`hash request ${index}`);
  readonly onHashes = ({ index }: HashRequest, hashes: Uint8Array): void =>
    void this.told.push(`hashes ${index} ${hashes.length}`);
  readonly onHashReject = ({ index }: HashRequest): void => void this.told.push(`hash reject ${index}`);
  readonly sendReject = ({ piece, begin }: BlockRequest): void =>
    void this.told.push(`reject ${piece} ${begin}`);
  readonly close = (reason: string): void => void this.told.push(reason);
}

let host: Host;
let inbox: Inbox;

beforeEach(() => {
  host = new Host();
  inbox = new Inbox(host, 5);
  const infoHash = infoHashFromBytes(new Uint8Array(20))!;
  hear(encodeHandshake({ infoHash, peerId: peerIdFromBytes(new Uint8Array(20))! }));
  expect(host.told.splice(0)).toEqual(['handshake']);
});

function hear(...messages: Uint8Array[]): void {
  for (const message of messages) inbox.push(message, 10);
}

describe('Inbox', () => {
  it('keeps what the peer says of itself, and when it said something', () => {
    expect([inbox.choking, inbox.interested, inbox.lastReceived]).toEqual([true, false, 10]);
    hear(encodeUnchoke(), encodeInterested());
    expect([inbox.choking, inbox.interested]).toEqual([false, true]);
    hear(encodeChoke(), encodeNotInterested());
    expect([inbox.choking, inbox.interested]).toEqual([true, false]);
    expect(host.told).toEqual(['interest', 'interest']);
    inbox.push(new Uint8Array(4), 99);
    expect(inbox.lastReceived).toBe(99);
  });

  it('tells of pieces, and ends a connection whose bitfield cannot be of this torrent', () => {
    hear(encodeHaveAll());
    expect([inbox.pieces.isSeed, host.told.splice(0)]).toEqual([true, ['pieces']]);
    // Too short to name a piece.
    hear(encodeExtended(EXTENSION_ID.lt_donthave, Uint8Array.of(1, 2)));
    expect([inbox.pieces.isSeed, host.told]).toEqual([true, []]);
    hear(encodeBitfield(Uint8Array.of(0x80)), encodeHave(1));
    expect([inbox.pieces.isSeed, host.told]).toEqual([false, ['pieces', 'pieces']]);
    inbox.setPieceCount(4);
    hear(encodeBitfield(new Uint8Array(2)));
    expect(host.told[2]).toMatch(/^the peer broke the protocol: /);
  });

  it('passes on what the extensions say, and not what cannot be read', () => {
    hear(encodeExtended(0, Uint8Array.of(1)));
    expect(host.told).toEqual([]);
    hear(
      encodeExtended(0, encodeExtendedHandshake({ m: { ut_metadata: 9 }, v: 'X' })),
      encodeExtended(EXTENSION_ID.ut_metadata, new Uint8Array(3)),
      encodeExtended(EXTENSION_ID.upload_only, encodeUploadOnly(true)),
      encodeExtended(200, new Uint8Array(3)),
    );
    expect(host.told).toEqual(['extended handshake', 'metadata 3', 'upload only']);
    expect([inbox.extensions.client, inbox.extensions.uploadOnly]).toEqual(['X', true]);
  });

  it('keeps what is allowed and suggested, of a peer that speaks the fast extension', () => {
    const words = [encodeAllowedFast(3), encodeAllowedFast(4), encodeSuggest(5)];
    hear(...words);
    expect([inbox.allowed.size, inbox.suggested.size]).toEqual([0, 0]);
    host.fast = true;
    hear(...words);
    expect([[...inbox.allowed], inbox.suggested.size]).toEqual([[3, 4], 1]);
    // It chokes us, and refuses what it allowed.
    hear(encodeReject(3, 0, 16_384));
    expect([...inbox.allowed]).toEqual([4]);
    expect(inbox.toldPieces).toBe(false);
    hear(encodeHaveNone());
    expect(inbox.toldPieces).toBe(true);
  });

  it('refuses requests and counts blocks as waste while there are no queues', () => {
    hear(encodeRequest(1, 0, 16), encodePieceHeader(1, 0, 3), new Uint8Array(3));
    expect(host.told).toEqual(['reject 1 0', 'waste 3']);
  });

  it('hands on what is said about hashes', () => {
    const piecesRoot = new Uint8Array(32);
    const request = { piecesRoot, baseLayer: 0, index: 4, length: 2, proofLayers: 0 };
    hear(encodeHashRequest(request), encodeHashes(request, new Uint8Array(64)), encodeHashReject(request));
    expect(host.told).toEqual(['hash request 4', 'hashes 4 64', 'hash reject 4']);
  });

  it('says why the connection must end when the peer breaks the protocol', () => {
    hear(Uint8Array.of(0, 0, 0, 3, 1, 0, 0));
    expect(host.told).toHaveLength(1);
    expect(host.told[0]).toMatch(/^the peer broke the protocol: /);
  });

  it('reads nothing any more once it is closed', () => {
    inbox.close();
    hear(encodeUnchoke(), encodeBitfield(Uint8Array.of(1)));
    expect([inbox.choking, host.told]).toEqual([true, []]);
  });
});
