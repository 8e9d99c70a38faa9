/** What one data channel between two pages carries when nothing but it is there: the ceiling of the pages benchmark. */

import type { TestPage } from '../tests/support/chromium.ts';

/** As peers send blocks: 16 KiB with a header. */
const MESSAGE = 16_384 + 13;
/** A first burst beyond this stalls channels in Chromium for seconds. */
const HIGH_WATER = 65_536;

interface RawEnd {
  raw: { connection: RTCPeerConnection; received?: Promise<number> };
}

/** Sends `size` bytes from one page to the other; resolves with the milliseconds from the first message to the last. */
export async function timeRawChannel(from: TestPage, to: TestPage, size: number): Promise<number> {
  // Both descriptions carry their candidates, so that two calls connect the pages.
  const offer = await from.page.evaluate(async () => {
    const connection = new RTCPeerConnection({ iceServers: [] });
    const channel = connection.createDataChannel('raw');
    channel.binaryType = 'arraybuffer';
    Object.assign(globalThis, { raw: { connection, channel } });
    await connection.setLocalDescription();
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (connection.iceGatheringState === 'complete') resolve();
      };
      connection.onicegatheringstatechange = look;
      look();
    });
    return connection.localDescription!.sdp;
  });
  const answer = await to.page.evaluate(
    async ([sdp, total]) => {
      const connection = new RTCPeerConnection({ iceServers: [] });
      const received = new Promise<number>((resolve) => {
        connection.ondatachannel = ({ channel }) => {
          channel.binaryType = 'arraybuffer';
          let began = 0;
          let arrived = 0;
          channel.onmessage = ({ data }) => {
            if (arrived === 0) began = performance.now();
            arrived += (data as ArrayBuffer).byteLength;
            if (arrived >= total) resolve(performance.now() - began);
          };
        };
      });
      Object.assign(globalThis, { raw: { connection, received } });
      await connection.setRemoteDescription({ type: 'offer', sdp });
      await connection.setLocalDescription();
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (connection.iceGatheringState === 'complete') resolve();
        };
        connection.onicegatheringstatechange = look;
        look();
      });
      return connection.localDescription!.sdp;
    },
    [offer, size] as const,
  );
  const sent = from.page.evaluate(
    async ([sdp, total, length, highWater]) => {
      const { raw } = globalThis as unknown as {
        raw: { connection: RTCPeerConnection; channel: RTCDataChannel };
      };
      const { connection, channel } = raw;
      const opened = new Promise<void>((resolve) => {
        channel.onopen = () => resolve();
      });
      await connection.setRemoteDescription({ type: 'answer', sdp });
      await opened;
      channel.bufferedAmountLowThreshold = highWater / 2;
      const message = crypto.getRandomValues(new Uint8Array(length));
      for (let left = total; left > 0; ) {
        while (left > 0 && channel.bufferedAmount < highWater) {
          channel.send(left < length ? message.subarray(0, left) : message);
          left -= length;
        }
        if (left <= 0) break;
        await new Promise<void>((resolve) => {
          channel.onbufferedamountlow = () => resolve();
          if (channel.bufferedAmount <= highWater / 2) resolve();
        });
      }
    },
    [answer, size, MESSAGE, HIGH_WATER] as const,
  );
  const took = await to.page.evaluate(() => (globalThis as unknown as RawEnd).raw.received!);
  await sent;
  for (const { page } of [from, to]) {
    await page.evaluate(() => (globalThis as unknown as RawEnd).raw.connection.close());
  }
  return took;
}
