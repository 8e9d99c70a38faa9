/** A data channel that has to stay in the page, seen from the engine's thread. */

import { type ChannelHandler, type LinkChannel, LOW_WATER } from './data-channel.ts';
import type { RtcReport, RtcRequest, WithoutId } from './rtc-messages.ts';

/** What a forwarded channel asks of the page, without the connection's number. */
export type ChannelRequest =
  | { readonly op: 'send'; readonly data: Uint8Array }
  | { readonly op: 'close channel' };

/** `bufferedAmount` is what the page's channel has not said to have sent, so links hold back as on one of their own. */
export class ForwardedChannel implements LinkChannel {
  readonly #request: (request: ChannelRequest, transfer: readonly unknown[]) => void;
  #handler: ChannelHandler | undefined;
  #sent = 0;
  #drained = 0;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';

  constructor(request: (request: ChannelRequest, transfer: readonly unknown[]) => void) {
    this.#request = request;
  }

  get bufferedAmount(): number {
    return this.#sent - this.#drained;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  listen(handler: ChannelHandler): void {
    this.#handler = handler;
  }

  send(message: Uint8Array): void {
    if (this.#state !== 'open') throw new Error('it is not open');
    // The caller reuses its memory; the copy moves.
    const data = message.slice();
    this.#sent += data.length;
    this.#request({ op: 'send', data }, [data.buffer]);
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#request({ op: 'close channel' }, []);
  }

  mute(): void {
    this.#handler = undefined;
  }

  /** The page tells something of the channel. */
  hear(report: RtcReport): void {
    const handler = this.#handler;
    switch (report.type) {
      case 'open':
        if (this.#state !== 'connecting') return;
        this.#state = 'open';
        handler?.onOpen();
        return;
      case 'data':
        handler?.onMessage(report.data);
        return;
      case 'drained': {
        const before = this.bufferedAmount;
        this.#drained = report.total;
        if (before > LOW_WATER && this.bufferedAmount <= LOW_WATER) handler?.onLow();
        return;
      }
      case 'fault':
        handler?.onFault(report.fault);
        return;
      case 'closed':
        this.#state = 'closed';
        handler?.onClose();
        return;
      default:
        return;
    }
  }
}

/** The page's end: carries between its channel and the pipe. */
export class ChannelForwarder {
  readonly #channel: LinkChannel;
  readonly #report: (report: ChannelReport, transfer: readonly unknown[]) => void;
  #sent = 0;
  #told = 0;

  constructor(channel: LinkChannel, report: (report: ChannelReport, transfer: readonly unknown[]) => void) {
    this.#channel = channel;
    this.#report = report;
    channel.listen({
      onOpen: () => report({ type: 'open' }, []),
      onMessage: (data) => report({ type: 'data', data }, data instanceof ArrayBuffer ? [data] : []),
      onLow: () => this.#tellDrained(),
      onFault: (fault) => report({ type: 'fault', fault }, []),
      onClose: () => report({ type: 'closed' }, []),
    });
    if (channel.isOpen) report({ type: 'open' }, []);
  }

  hear(request: RtcRequest): void {
    if (request.op === 'close channel') this.#channel.close();
    else if (request.op === 'send') {
      this.#sent += request.data.length;
      try {
        this.#channel.send(request.data);
      } catch {
        // It has closed, which its own event tells.
        return;
      }
      // Above that its event will come.
      if (this.#channel.bufferedAmount <= LOW_WATER) this.#tellDrained();
    }
  }

  /** The last of it is counted as gone too: there is no event for that, and a link that closes waits for nothing else. */
  #tellDrained(): void {
    const total = this.#sent;
    if (total === this.#told) return;
    this.#told = total;
    this.#report({ type: 'drained', total }, []);
  }
}

/** What the page tells of a forwarded channel, without the connection's number. */
export type ChannelReport = WithoutId<
  Extract<RtcReport, { type: 'open' | 'data' | 'drained' | 'fault' | 'closed' }>
>;
