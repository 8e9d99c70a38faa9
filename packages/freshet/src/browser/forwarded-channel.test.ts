import { describe, expect, it } from 'vitest';
import type { ChannelHandler, LinkChannel } from './data-channel.ts';
import { LOW_WATER } from './data-channel.ts';
import { ChannelForwarder, ForwardedChannel } from './forwarded-channel.ts';
import type { RtcReport, RtcRequest } from './rtc-messages.ts';

/** The page's channel: it sends when it is told to. */
class PageChannel implements LinkChannel {
  handler: ChannelHandler | undefined;
  bufferedAmount = 0;
  isOpen = false;
  closed = false;
  readonly sent: number[] = [];

  listen(handler: ChannelHandler): void {
    this.handler = handler;
  }

  send(message: Uint8Array): void {
    if (!this.isOpen) throw new Error('not open');
    this.sent.push(message.length);
    this.bufferedAmount += message.length;
  }

  drain(to: number): void {
    const low = this.bufferedAmount > LOW_WATER && to <= LOW_WATER;
    this.bufferedAmount = to;
    if (low) this.handler?.onLow();
  }

  close(): void {
    this.closed = true;
  }

  mute(): void {
    this.handler = undefined;
  }
}

/** Both ends, with what the engine's hears. */
function forwarded(open = false) {
  const page = new PageChannel();
  page.isOpen = open;
  const heard: string[] = [];
  const kept: Omit<RtcReport, 'id'>[] = [];
  let engine: ForwardedChannel | undefined;
  const forwarder = new ChannelForwarder(page, (report) => {
    if (engine === undefined) kept.push(report);
    else engine.hear({ ...report, id: 1 } as RtcReport);
  });
  engine = new ForwardedChannel((request) => forwarder.hear({ ...request, id: 1 } as RtcRequest));
  engine.listen({
    onOpen: () => heard.push('open'),
    onMessage: (data) => heard.push(data instanceof ArrayBuffer ? `${data.byteLength} bytes` : `${data}`),
    onLow: () => heard.push('low'),
    onFault: ({ message }) => heard.push(message),
    onClose: () => heard.push('close'),
  });
  for (const report of kept) engine.hear({ ...report, id: 1 } as RtcReport);
  return { page, engine, heard };
}

describe('a forwarded channel', () => {
  it('opens with the channel of the page, or is open from the beginning', () => {
    const { page, engine, heard } = forwarded();
    expect(engine.isOpen).toBe(false);
    expect(() => engine.send(new Uint8Array(1))).toThrow('not open');
    page.handler?.onOpen();
    expect(engine.isOpen).toBe(true);
    expect(heard).toEqual(['open']);
    expect(forwarded(true).engine.isOpen).toBe(true);
  });

  it('tells messages, faults and the end', () => {
    const { page, heard } = forwarded(true);
    page.handler?.onMessage(new ArrayBuffer(7));
    page.handler?.onMessage('text');
    page.handler?.onFault({ message: 'broken', orderly: false });
    page.handler?.onClose();
    expect(heard).toEqual(['open', '7 bytes', 'text', 'broken', 'close']);
  });

  it('counts as buffered what the page has not sent, and tells when that has become little', () => {
    const { page, engine, heard } = forwarded(true);
    const message = new Uint8Array(16_384).fill(7);
    engine.send(message);
    engine.send(message);
    // Sent at once, as far as the engine's end is concerned.
    expect(engine.bufferedAmount).toBe(0);
    for (let i = 0; i < 3; i++) engine.send(message);
    expect(page.bufferedAmount).toBe(5 * 16_384);
    expect(engine.bufferedAmount).toBe(3 * 16_384);
    expect(heard).toEqual(['open']);
    page.drain(LOW_WATER + 1);
    expect(engine.bufferedAmount).toBe(3 * 16_384);
    page.drain(LOW_WATER);
    expect(engine.bufferedAmount).toBe(0);
    expect(heard).toEqual(['open', 'low']);
    // The caller's memory is its own again.
    expect(message[0]).toBe(7);
  });

  it('sends nothing more once it is closed, and says nothing once it is muted', () => {
    const { page, engine, heard } = forwarded(true);
    engine.mute();
    engine.close();
    engine.close();
    expect(page.closed).toBe(true);
    expect(() => engine.send(new Uint8Array(1))).toThrow();
    page.handler?.onClose();
    expect(heard).toEqual(['open']);
  });

  it('bears that the channel of the page has closed when a message comes', () => {
    const { page, engine } = forwarded(true);
    page.isOpen = false;
    engine.send(new Uint8Array(100));
    expect(page.sent).toEqual([]);
    expect(engine.bufferedAmount).toBe(100);
  });
});
