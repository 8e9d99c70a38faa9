/** A data channel as links use it, wherever the `RTCDataChannel` itself is. */

import type { ChannelFault } from './rtc-messages.ts';

/** From here on a channel says that its buffer has emptied. A larger first burst makes Chromium stall for two seconds. */
export const LOW_WATER = 32_768;
/** RFC 4960 section 3.3.10.12: the other end closed its connection. */
const SCTP_USER_ABORT = 12;

export interface ChannelHandler {
  onOpen(): void;
  /** Bytes as an `ArrayBuffer`; anything else is not the wire's. May come before `onOpen`. */
  onMessage(data: unknown): void;
  /** `bufferedAmount` has fallen to `LOW_WATER`. Missed when it falls while it is looked at. */
  onLow(): void;
  onFault(fault: ChannelFault): void;
  onClose(): void;
}

export interface LinkChannel {
  /** Bytes that have not left yet. */
  readonly bufferedAmount: number;
  readonly isOpen: boolean;
  /** Called once, before anything has arrived. */
  listen(handler: ChannelHandler): void;
  /** Copies the message. Throws when the channel is not open. */
  send(message: Uint8Array): void;
  /** What is buffered is sent before. */
  close(): void;
  /** The handler hears nothing any more. */
  mute(): void;
}

class RtcChannel implements LinkChannel {
  readonly #channel: RTCDataChannel;

  constructor(channel: RTCDataChannel) {
    this.#channel = channel;
  }

  get bufferedAmount(): number {
    return this.#channel.bufferedAmount;
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  listen(handler: ChannelHandler): void {
    const channel = this.#channel;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = LOW_WATER;
    channel.onopen = () => handler.onOpen();
    channel.onmessage = ({ data }: MessageEvent<unknown>) => handler.onMessage(data);
    channel.onbufferedamountlow = () => handler.onLow();
    channel.onerror = ({ error }) =>
      handler.onFault({ message: error.message, orderly: error.sctpCauseCode === SCTP_USER_ABORT });
    channel.onclose = () => handler.onClose();
  }

  send(message: Uint8Array): void {
    this.#channel.send(message as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.#channel.close();
  }

  mute(): void {
    const channel = this.#channel;
    channel.onopen = null;
    channel.onmessage = null;
    channel.onbufferedamountlow = null;
    channel.onerror = null;
    channel.onclose = null;
  }
}

export function linkChannel(channel: RTCDataChannel): LinkChannel {
  return new RtcChannel(channel);
}
