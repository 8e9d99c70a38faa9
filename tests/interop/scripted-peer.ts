import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import {
  encodeBitfield,
  encodeHandshake,
  encodeHaveAll,
  encodePieceHeader,
  encodeUnchoke,
  type Handshake,
  WireDecoder,
  type WireHandler,
} from 'freshet/protocol';

/** One connection of a scripted peer, with what the other side has sent so far. */
export class ScriptedConnection {
  readonly socket: Socket;
  /** Messages received, by name. */
  readonly seen: string[] = [];
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {}); // Being cut off is what many of these peers ask for.
    socket.on('close', () => {
      this.closed = true;
    });
  }

  send(...parts: Uint8Array[]): void {
    if (!this.socket.destroyed) for (const part of parts) this.socket.write(part);
  }

  block(piece: number, begin: number, payload: Uint8Array): void {
    this.send(encodePieceHeader(piece, begin, payload.length), payload);
  }
}

/** What a scripted peer does; whatever is left out it does not do. */
export interface Script {
  /** At once when connected, before any handshake. */
  onConnect?(connection: ScriptedConnection): void;
  onHandshake?(connection: ScriptedConnection, handshake: Handshake): void;
  onRequest?(connection: ScriptedConnection, piece: number, begin: number, length: number): void;
}

/** A peer of a few raw sockets that follows a script, for what no real program does. */
export interface ScriptedPeer {
  readonly address: string;
  readonly connections: readonly ScriptedConnection[];
  close(): Promise<void>;
}

/** Listens on 127.0.0.1. */
export async function startScriptedPeer(script: Script): Promise<ScriptedPeer> {
  const connections: ScriptedConnection[] = [];
  const server = createServer((socket) => {
    const connection = new ScriptedConnection(socket);
    connections.push(connection);
    follow(connection, script);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    close: () =>
      new Promise((resolve) => {
        for (const { socket } of connections) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Connects to a peer and follows the script there. */
export function dialScripted(port: number, script: Script): ScriptedConnection {
  const connection = new ScriptedConnection(connect(port, '127.0.0.1'));
  connection.socket.once('connect', () => follow(connection, script));
  return connection;
}

function follow(connection: ScriptedConnection, script: Script): void {
  script.onConnect?.(connection);
  const see = (name: string) => (): void => void connection.seen.push(name);
  const handler: WireHandler = {
    onHandshake: (handshake) => {
      connection.seen.push('handshake');
      script.onHandshake?.(connection, handshake);
    },
    onKeepAlive: see('keep-alive'),
    onChoke: see('choke'),
    onUnchoke: see('unchoke'),
    onInterested: see('interested'),
    onNotInterested: see('not interested'),
    onHave: see('have'),
    onBitfield: see('bitfield'),
    onRequest: (piece, begin, length) => {
      connection.seen.push('request');
      script.onRequest?.(connection, piece, begin, length);
    },
    onCancel: see('cancel'),
    onReject: see('reject'),
    onHaveAll: see('have all'),
    onHaveNone: see('have none'),
    onSuggest: see('suggest'),
    onAllowedFast: see('allowed fast'),
    onPort: see('port'),
    onExtended: see('extended'),
    onUnknown: see('unknown'),
    onBlockStart: () => undefined,
    onBlockEnd: see('block'),
    onProtocolError: see('protocol error'),
  };
  const decoder = new WireDecoder(handler);
  connection.socket.on('data', (chunk) => decoder.push(chunk));
}

/** A handshake that fits the other side's, and a claim to have everything. */
export function claimEverything(
  connection: ScriptedConnection,
  { infoHash }: Handshake,
  peerId: Uint8Array = randomBytes(20),
): void {
  connection.send(
    encodeHandshake({ infoHash, peerId, reserved: { extension: false } }),
    encodeHaveAll(),
    encodeUnchoke(),
  );
}

/** The same with the first `count` pieces only, fewer than eight short of all. */
export function claimPieces(connection: ScriptedConnection, { infoHash }: Handshake, count: number): void {
  const bits = new Uint8Array(Math.ceil(count / 8)).fill(0xff);
  if (count % 8 !== 0) bits[bits.length - 1] = 0xff << (8 - (count % 8));
  connection.send(
    encodeHandshake({ infoHash, peerId: randomBytes(20), reserved: { extension: false, fast: false } }),
    encodeBitfield(bits),
    encodeUnchoke(),
  );
}
