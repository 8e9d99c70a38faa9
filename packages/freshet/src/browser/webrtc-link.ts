/** A byte pipe over one WebRTC data channel. */

import type { Link, LinkHandler } from '../engine/ports.ts';
import { type LinkChannel, LOW_WATER } from './data-channel.ts';
import { MessageQueue } from './message-queue.ts';

/** A larger first burst makes Chromium stall for two seconds: 4 of 8 fresh channels at 256 KiB, none at 64. */
const HIGH_WATER = 65_536;
/** The event for a falling `bufferedAmount` is missed when the fall comes before it is armed. */
const DRAIN_POLL = 100;
/** A data channel cannot be told to wait, so this is what a peer may send into a pause: twice a full request window. */
const MAX_INBOX = 16 * 1024 * 1024;
/** How long `close()` waits for what is queued to reach the other end. */
const CLOSE_LIMIT = 5_000;
/** How long a connection's end waits for its channel's, so that no message is overtaken. */
const CLOSED_PATIENCE = 1_000;
/** How long the end of a channel waits for messages that came before it. */
const MESSAGES_PATIENCE = 50;
/** How long the last messages travel before their channel is closed. */
const HEAD_START = 100;
/** How long a connection outlives its closed channel, so that what the channel has accepted reaches the other end. */
const LINGER = 500;

/** What a link needs of its connection, which is the page's. */
export interface LinkConnection {
  /** Set by the link. */
  onState: ((state: 'failed' | 'closed') => void) | undefined;
  close(): void;
}

export class WebRtcLink implements Link {
  readonly transport = 'webrtc';
  readonly remote: undefined = undefined;
  readonly highWater: number = HIGH_WATER;

  readonly #connection: LinkConnection;
  readonly #channel: LinkChannel;
  readonly #outbox = new MessageQueue();
  #handler: LinkHandler | undefined;
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #delivering = false;
  #paused = true;
  #aboveHighWater = false;
  #poll: ReturnType<typeof setTimeout> | undefined;
  #state: 'open' | 'closing' | 'ended' = 'open';
  /** Set when the other end is gone: told to the owner after the data that came before. */
  #ending: { readonly error: Error | undefined } | undefined;
  #fault: Error | undefined;
  #closeLimit: ReturnType<typeof setTimeout> | undefined;
  #closedTimer: ReturnType<typeof setTimeout> | undefined;
  #headStart: ReturnType<typeof setTimeout> | undefined;

  /** `channel` is open or about to be, and has not delivered anything yet: messages are kept from here on. */
  constructor(connection: LinkConnection, channel: LinkChannel, onOpen: (link: WebRtcLink) => void) {
    this.#connection = connection;
    this.#channel = channel;
    channel.listen({
      onOpen: () => onOpen(this),
      onMessage: (data) => this.#receive(data),
      onLow: () => this.#pump(),
      onFault: ({ message, orderly }) => {
        if (!orderly) this.#fault = new Error(`The WebRTC data channel failed: ${message}`);
      },
      // Its last messages are events of their own, seen now and then to come after it.
      onClose: () => {
        if (this.#state === 'closing') this.#ended(this.#fault);
        else setTimeout(() => this.#ended(this.#fault), MESSAGES_PATIENCE);
      },
    });
    connection.onState = (state) => this.#onState(state);
  }

  get queuedBytes(): number {
    return this.#outbox.length + this.#channel.bufferedAmount;
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler;
    this.resumeReading();
  }

  send(parts: readonly Uint8Array[]): void {
    if (this.#state !== 'open' || this.#ending) return;
    this.#outbox.push(parts);
    this.#pump();
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    this.#paused = false;
    if (this.#inbox.length > 0 || this.#ending) queueMicrotask(() => this.#deliver());
  }

  close(): void {
    this.#handler = undefined;
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#dropInbox();
    if (this.#ending) {
      this.#release();
      return;
    }
    this.#closeLimit = setTimeout(() => this.#release(), CLOSE_LIMIT);
    this.#pump();
  }

  /** Hands messages to the channel up to the high-water mark. */
  #pump(): void {
    if (this.#state === 'ended' || this.#ending) return;
    try {
      while (this.#outbox.length > 0 && this.#channel.bufferedAmount < HIGH_WATER) {
        // `send` copies, so the queue may reuse the message's memory.
        this.#channel.send(this.#outbox.shift() as Uint8Array);
      }
    } catch (error) {
      // The channel has closed under us and its event has not come yet.
      const reason = error instanceof Error ? error.message : String(error);
      queueMicrotask(() => this.#ended(new Error(`The WebRTC data channel takes no more data: ${reason}`)));
      return;
    }
    if (this.#state === 'closing') {
      // The closing handshake should wait for what the channel has accepted. Under load Chromium now and then lost a
      // message that was sent in the turn of the close, so it gets a head start.
      if (this.#outbox.length > 0 || this.#channel.bufferedAmount > 0) this.#pollSoon();
      else this.#headStart ??= setTimeout(() => this.#channel.close(), HEAD_START);
      return;
    }
    const queued = this.queuedBytes;
    if (queued > HIGH_WATER) this.#aboveHighWater = true;
    if (!this.#aboveHighWater) return;
    if (queued > LOW_WATER || this.#outbox.length > 0) {
      this.#pollSoon();
      return;
    }
    this.#aboveHighWater = false;
    // Never from inside `send`.
    queueMicrotask(() => this.#handler?.onDrain());
  }

  #pollSoon(): void {
    this.#poll ??= setTimeout(() => {
      this.#poll = undefined;
      this.#pump();
    }, DRAIN_POLL);
  }

  #receive(data: unknown): void {
    if (this.#state !== 'open') return;
    if (!(data instanceof ArrayBuffer)) {
      this.#ended(new Error('The peer has sent text over its data channel where bytes belong.'));
      return;
    }
    const chunk = new Uint8Array(data);
    if (!this.#paused && this.#inbox.length === 0 && this.#handler && !this.#delivering) {
      this.#handler.onData(chunk);
      return;
    }
    this.#inbox.push(chunk);
    this.#inboxBytes += chunk.length;
    if (this.#inboxBytes > MAX_INBOX) {
      this.#dropInbox();
      this.#ended(new Error('The peer has sent more than was asked for while reading was paused.'));
    }
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    let at = 0;
    while (at < this.#inbox.length && !this.#paused && this.#handler) {
      const chunk = this.#inbox[at++]!;
      this.#inboxBytes -= chunk.length;
      this.#handler.onData(chunk);
    }
    this.#inbox.splice(0, at);
    this.#delivering = false;
    if (this.#ending && this.#inbox.length === 0 && !this.#paused) this.#tellEnd();
  }

  #onState(state: 'failed' | 'closed'): void {
    if (state === 'failed') this.#ended(new Error('The WebRTC connection to the peer was lost.'));
    // What the channel has received may still be on its way to us; its own `close` event comes after that.
    else this.#closedTimer ??= setTimeout(() => this.#ended(this.#fault), CLOSED_PATIENCE);
  }

  #ended(error: Error | undefined): void {
    if (this.#state === 'ended' || this.#ending) return;
    if (this.#state === 'closing') {
      this.#release();
      return;
    }
    this.#ending = { error };
    this.#outbox.clear();
    if (this.#inbox.length === 0 && this.#handler && !this.#delivering) this.#tellEnd();
    else if (this.#handler && !this.#paused) queueMicrotask(() => this.#deliver());
  }

  #tellEnd(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#release();
    handler?.onClose(this.#ending?.error);
  }

  #dropInbox(): void {
    this.#inbox = [];
    this.#inboxBytes = 0;
  }

  #release(): void {
    if (this.#state === 'ended') return;
    const lingers = this.#state === 'closing' && !this.#ending;
    this.#state = 'ended';
    clearTimeout(this.#poll);
    clearTimeout(this.#closeLimit);
    clearTimeout(this.#closedTimer);
    clearTimeout(this.#headStart);
    this.#outbox.clear();
    this.#dropInbox();
    this.#connection.onState = undefined;
    this.#channel.mute();
    this.#channel.close();
    if (lingers) setTimeout(() => this.#connection.close(), LINGER);
    else this.#connection.close();
  }
}
