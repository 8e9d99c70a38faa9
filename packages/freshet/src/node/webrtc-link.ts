import type { Link, LinkHandler, Transport } from '../engine/ports.ts';
import { formatAddress, type PeerAddress } from '../protocol/index.ts';
import type { NativeChannel, NativePeer } from './webrtc-native.ts';

/**
 * One block with its header in one message. 16 KiB is what every implementation takes; browsers and this library
 * take 256 KiB and their limit is asked for all the same.
 */
const MAX_MESSAGE = 16384 + 13;

/** A larger first burst made fresh channels of Chromium stall for 2 s: none of 8 with 64 KiB, half with 256 KiB. */
const HIGH_WATER = 64 * 1024;

/** How long a closed link may take to hand over what is queued, in ms. */
const LINGER = 2_000;

/** The buffer can fall below the threshold before the event for that is waited for; so it is looked at too, in ms. */
const DRAIN_CHECK = 50;

/** A paused link keeps what arrives. Whoever sends more than this was not asked for it. */
const MAX_KEPT = 32 * 1024 * 1024;

/**
 * Where messages are put together. The library copies what it sends, so one is enough for all links; it holds
 * the bytes of one link at a time.
 */
const scratch = new Uint8Array(MAX_MESSAGE);
let scratchUsed = 0;
let scratchOwner: WebRtcLink | undefined;

/** A data channel as a byte pipe. The boundaries of messages mean nothing. */
export class WebRtcLink implements Link {
  readonly transport: Transport = 'webrtc';
  readonly remote: PeerAddress | undefined;
  readonly highWater: number = HIGH_WATER;
  readonly #peer: NativePeer;
  readonly #channel: NativeChannel;
  readonly #maxMessage: number;
  #handler: LinkHandler | undefined;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #delivering = false;
  #paused = false;
  #ended = false;
  #closed = false;
  #error: Error | undefined;
  #aboveWater = false;
  #drainTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #flushPlanned = false;

  /** `channel` is open, and its callbacks for messages and its end lead here. */
  constructor(peer: NativePeer, channel: NativeChannel) {
    this.#peer = peer;
    this.#channel = channel;
    this.remote = remoteOf(peer);
    this.#maxMessage = Math.min(MAX_MESSAGE, channel.maxMessageSize());
    channel.setBufferedAmountLowThreshold(HIGH_WATER / 2);
    channel.onBufferedAmountLow(this.#checkDrain);
  }

  get queuedBytes(): number {
    return (this.#ended ? 0 : this.#buffered()) + (scratchOwner === this ? scratchUsed : 0);
  }

  attach(handler: LinkHandler): void {
    if (this.#closed) return;
    this.#handler = handler;
    if (this.#kept.length > 0 || this.#ended) queueMicrotask(this.#deliver);
  }

  send(parts: readonly Uint8Array[]): void {
    if (this.#closed || this.#ended) return;
    let length = 0;
    for (const part of parts) length += part.length;
    if (length === 0) return;
    if (scratchOwner !== undefined && scratchOwner !== this) scratchOwner.#flush();
    // A block and its header stay together.
    else if (scratchUsed + length > this.#maxMessage) this.#flush();
    scratchOwner = this;
    for (const part of parts) {
      for (let at = 0; at < part.length; ) {
        const taken = Math.min(part.length - at, this.#maxMessage - scratchUsed);
        scratch.set(taken === part.length ? part : part.subarray(at, at + taken), scratchUsed);
        scratchUsed += taken;
        at += taken;
        if (scratchUsed === this.#maxMessage) {
          this.#flush();
          scratchOwner = this;
        }
      }
    }
    if (scratchUsed === 0) {
      scratchOwner = undefined;
    } else if (!this.#flushPlanned) {
      // Small messages of one turn share a packet.
      this.#flushPlanned = true;
      queueMicrotask(this.#onTurnEnd);
    }
  }

  readonly #onTurnEnd = (): void => {
    this.#flushPlanned = false;
    if (scratchOwner === this) this.#flush();
  };

  #flush(): void {
    const length = scratchUsed;
    scratchUsed = 0;
    scratchOwner = undefined;
    if (length === 0 || this.#ended) return;
    try {
      this.#channel.sendMessageBinary(scratch.subarray(0, length));
    } catch {
      // The channel has ended and its callback is on the way.
      return;
    }
    if (this.#aboveWater || this.#buffered() <= HIGH_WATER) return;
    this.#aboveWater = true;
    this.#drainTimer = setTimeout(this.#checkDrain, DRAIN_CHECK);
    // Another thread sends; it may be below the threshold again, in which case there is no event.
    if (this.#buffered() <= HIGH_WATER / 2) queueMicrotask(this.#checkDrain);
  }

  readonly #checkDrain = (): void => {
    if (!this.#aboveWater || this.#closed || this.#ended) return;
    clearTimeout(this.#drainTimer);
    if (this.queuedBytes > HIGH_WATER / 2) {
      this.#drainTimer = setTimeout(this.#checkDrain, DRAIN_CHECK);
      return;
    }
    this.#aboveWater = false;
    this.#handler?.onDrain();
  };

  #buffered(): number {
    try {
      return this.#channel.bufferedAmount();
    } catch {
      return 0;
    }
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#kept.length > 0 || this.#ended) queueMicrotask(this.#deliver);
  }

  /** A message has arrived. */
  readonly receive = (message: string | Uint8Array | ArrayBuffer): void => {
    // The wire is binary; no client sends text.
    if (this.#closed || this.#ended || typeof message === 'string') return;
    // Not a `Buffer`, whose `slice` would share its memory.
    const bytes =
      message instanceof ArrayBuffer
        ? new Uint8Array(message)
        : new Uint8Array(message.buffer, message.byteOffset, message.length);
    if (this.#handler !== undefined && !this.#paused && this.#kept.length === 0) {
      this.#handler.onData(bytes);
      return;
    }
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > MAX_KEPT) {
      this.end(new Error(`The peer ${this.#name()} has sent more than it was asked for`));
    }
  };

  readonly #deliver = (): void => {
    if (this.#delivering) return;
    this.#delivering = true;
    let index = 0;
    while (index < this.#kept.length && !this.#paused && this.#handler !== undefined) {
      const bytes = this.#kept[index++]!;
      this.#keptBytes -= bytes.length;
      this.#handler.onData(bytes);
    }
    this.#kept.splice(0, index);
    this.#delivering = false;
    // The end comes after the data, even if nobody reads at the moment.
    if (this.#ended && this.#kept.length === 0) this.#tellEnd();
  };

  /** The channel or the connection has ended, with `error` unless the other end closed it. */
  end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#error = error;
    this.#ended = true;
    clearTimeout(this.#drainTimer);
    if (scratchOwner === this) this.#flush();
    this.#release();
    if (this.#handler !== undefined) queueMicrotask(this.#deliver);
  }

  /** The channel has ended. Our own closing reports that at once, before anything has left. */
  channelClosed(): void {
    if (!this.#closed) this.end(undefined);
  }

  /** Ends the link because the connection broke. */
  fail(reason: string): void {
    this.end(new Error(`The WebRTC connection to ${this.#name()} has failed: ${reason}`));
  }

  #tellEnd(): void {
    const handler = this.#handler;
    if (handler === undefined || this.#closed) return;
    this.#closed = true;
    this.#handler = undefined;
    handler.onClose(this.#error);
  }

  close(): void {
    if (this.#closed) return;
    if (scratchOwner === this) this.#flush();
    this.#closed = true;
    this.#handler = undefined;
    this.#kept = [];
    clearTimeout(this.#drainTimer);
    if (!this.#ended) this.#linger(performance.now() + LINGER);
  }

  /** Closes the channel once the library has taken what is queued; its own close keeps the order. */
  #linger(deadline: number): void {
    if (this.#ended) return;
    if (this.#buffered() > 0 && performance.now() < deadline) {
      setTimeout(() => this.#linger(deadline), 5);
      return;
    }
    this.#channel.close();
    // What was sent is still on its way. The other end closes the connection when it sees the channel's end.
    this.#lingerTimer = setTimeout(() => this.end(undefined), LINGER);
  }

  /** Channel first, then connection, so that the other end is told of the channel's end. */
  #release(): void {
    clearTimeout(this.#lingerTimer);
    try {
      this.#channel.close();
      this.#peer.close();
    } catch {
      // It is closed already.
    }
  }

  #name(): string {
    return this.remote === undefined ? 'a browser' : formatAddress(this.remote);
  }
}

function remoteOf(peer: NativePeer): PeerAddress | undefined {
  try {
    const candidate = peer.getSelectedCandidatePair()?.remote;
    if (candidate === undefined || candidate.port === 0) return undefined;
    return { host: candidate.address, port: candidate.port };
  } catch {
    return undefined;
  }
}
