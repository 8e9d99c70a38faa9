import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RtcHandler } from '../engine/ports.ts';
import { localPipe, type Port } from './port.ts';
import type { RtcReport, RtcRequest } from './rtc-messages.ts';
import { createBrowserRtc } from './webrtc.ts';

/** The page's end, and what it was asked for. */
function pageOf(port: Port): { asked: RtcRequest[]; tell: (report: RtcReport) => void } {
  const asked: RtcRequest[] = [];
  port.onMessage = (message) => asked.push(message as RtcRequest);
  return { asked, tell: (report) => port.post(report) };
}

function handler(): RtcHandler & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    onDescription: (sdp) => told.push(sdp),
    onLink: () => told.push('link'),
    onError: (error) => told.push(error.message),
  };
}

describe('the connection that a page has made before it was asked', () => {
  const later = (milliseconds = 1): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is the first offer, and only that', async () => {
    const [here, there] = localPipe();
    const page = pageOf(there);
    const rtc = createBrowserRtc(here);
    page.tell({ id: 0, type: 'description', sdp: 'early' });
    await later();
    const answered = handler();
    rtc.answer('theirs', answered);
    const first = handler();
    const attempt = rtc.offer(first);
    expect(first.told).toEqual([]);
    await later();
    expect(first.told).toEqual(['early']);
    const second = handler();
    rtc.offer(second);
    attempt.accept('an answer');
    await later();
    expect(page.asked).toEqual([
      { id: 1, op: 'answer', sdp: 'theirs' },
      { id: 0, op: 'offer' },
      { id: 2, op: 'offer' },
      { id: 0, op: 'accept', sdp: 'an answer' },
    ]);
    expect([answered.told, second.told]).toEqual([[], []]);
  });

  it('is described later when it is wanted at once', async () => {
    const [here, there] = localPipe();
    const page = pageOf(there);
    const rtc = createBrowserRtc(here);
    page.tell({ id: 0, type: 'forwarding' });
    await later();
    const first = handler();
    rtc.offer(first);
    page.tell({ id: 0, type: 'description', sdp: 'early' });
    page.tell({ id: 0, type: 'open' });
    await later();
    expect(first.told).toEqual(['early', 'link']);
  });

  it('is not waited for when the browser has refused it', async () => {
    const [here, there] = localPipe();
    const page = pageOf(there);
    const rtc = createBrowserRtc(here);
    page.tell({ id: 0, type: 'refused', reason: 'too many' });
    await later();
    const first = handler();
    rtc.offer(first);
    await later();
    expect(first.told).toEqual([]);
    expect(page.asked).toEqual([
      { id: 0, op: 'close' },
      { id: 1, op: 'offer' },
    ]);
  });

  it('is closed when nobody wants it while what was gathered is true', async () => {
    const [here, there] = localPipe();
    const page = pageOf(there);
    const rtc = createBrowserRtc(here);
    page.tell({ id: 0, type: 'description', sdp: 'early' });
    await later(29_000);
    expect(page.asked).toEqual([]);
    await later(2_000);
    expect(page.asked).toEqual([{ id: 0, op: 'close' }]);
    const first = handler();
    rtc.offer(first);
    await later();
    expect(first.told).toEqual([]);
    expect(page.asked.at(-1)).toEqual({ id: 1, op: 'offer' });
  });
});
