import { describe, expect, it } from 'vitest';
import { RequestWindow } from './request-window.ts';

const KiB = 1024;

describe('RequestWindow', () => {
  it('starts with half a megabyte and grows by one with each block', () => {
    const window = new RequestWindow();
    expect(window.size).toBe(32);
    for (let i = 0; i < 32; i++) window.onBlock(50);
    expect(window.size).toBe(64);
    expect(window.minRoundTrip).toBe(50);
  });

  it('never asks for more than the peer queues, and not for more than 2000', () => {
    const window = new RequestWindow();
    for (let i = 0; i < 5000; i++) window.onBlock(50);
    expect(window.size).toBe(250);
    window.setLimit(10);
    expect(window.size).toBe(10);
    window.setLimit(1_000_000);
    for (let i = 0; i < 5000; i++) window.onBlock(50);
    expect(window.size).toBe(2000);
    window.setLimit(0);
    expect(window.size).toBe(1);
  });

  it('is rate times round trip and a second of queue once growth ends, less while somebody watches', () => {
    const window = new RequestWindow();
    window.setLimit(2000);
    window.onBlock(200);
    window.tick(1024 * KiB, false);
    expect(window.size).toBe(33);
    window.tick(1024 * KiB, false);
    expect(window.size).toBe(Math.ceil((1024 * KiB * 1.2) / 16_384));
    window.tick(1024 * KiB, true);
    expect(window.size).toBe(Math.ceil((1024 * KiB * 0.6) / 16_384));
    window.tick(0, false);
    expect(window.size).toBe(4);
  });

  it('falls to one request when nothing comes, and is back with the first block', () => {
    const window = new RequestWindow();
    window.snub();
    expect(window.size).toBe(1);
    expect(window.snubbed).toBe(true);
    window.onBlock(9000);
    expect(window.snubbed).toBe(false);
    expect(window.size).toBe(4);
    window.onUnchoke();
    expect(window.size).toBe(32);
  });
});
