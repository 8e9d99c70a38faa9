import { describe, expect, it } from 'vitest';
import { PeerTraffic } from './peer-traffic.ts';

const MiB = 1024 * 1024;

describe('PeerTraffic', () => {
  it('counts in all, by round, and since the last unchoke', () => {
    const traffic = new PeerTraffic();
    traffic.onReceived(10, 0);
    traffic.onSent(20, 0);
    expect([traffic.receivedLately, traffic.sentInRound, traffic.sentSinceUnchoke]).toEqual([10, 20, 20]);
    traffic.nextRound();
    traffic.onSent(5, 1000);
    expect([traffic.receivedLately, traffic.sentInRound, traffic.sentSinceUnchoke]).toEqual([0, 5, 25]);
    traffic.onUnchoked();
    expect([traffic.sentInRound, traffic.sentSinceUnchoke]).toEqual([5, 0]);
    expect([traffic.downloaded.total, traffic.uploaded.total]).toEqual([10, 25]);
  });

  it('halves what was received with each round, and forgets the rest', () => {
    const traffic = new PeerTraffic();
    traffic.onReceived(8192, 0);
    const lately: number[] = [];
    for (let round = 0; round < 5; round++) {
      lately.push(traffic.receivedLately);
      traffic.nextRound();
      if (round === 0) traffic.onReceived(4096, 10_000);
    }
    expect(lately).toEqual([8192, 8192, 4096, 2048, 1024]);
    traffic.nextRound();
    expect(traffic.receivedLately).toBe(0);
  });

  it('calls waste a flood only when it is much, and more than what was useful', () => {
    const traffic = new PeerTraffic();
    traffic.onWasted(16 * MiB);
    expect(traffic.isFlood).toBe(false);
    traffic.onWasted(1);
    expect(traffic.isFlood).toBe(true);
    traffic.onReceived(17 * MiB, 0);
    expect(traffic.isFlood).toBe(false);
  });
});
