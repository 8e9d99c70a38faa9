import { type LinkPair, linkContract } from '../../../freshet/src/engine/contracts/link.contract.ts';
import type { LineOptions } from './network.ts';
import { dial, meet, testNetwork } from './test-network.contract.ts';

function pairOver(transport: 'tcp' | 'webrtc', line: LineOptions): () => Promise<LinkPair> {
  return async () => {
    const test = testNetwork(7, { copyBytes: true });
    const { clock, network } = test;
    network.setHost('10.0.0.1', line);
    network.setHost('10.0.0.2', line);
    const advance = (ms: number): Promise<void> => clock.advanceAsync(ms);
    if (transport === 'tcp') return { ...dial(test, '10.0.0.1', '10.0.0.2'), advance, dispose: () => {} };
    const { a, b } = meet(test, '10.0.0.1', '10.0.0.2');
    for (let i = 0; i < 1000 && a.link === undefined; i++) clock.advance(1);
    return { a: a.link!, b: b.link!, advance, dispose: () => {} };
  };
}

const FAST: LineOptions = { latencyMs: 1 };
const SLOW: LineOptions = { latencyMs: 2, up: 2_500_000, down: 4_000_000, jitterMs: 1 };
const LOSSY: LineOptions = {
  latencyMs: 1,
  up: 12_500_000,
  down: 12_500_000,
  loss: 0.0005,
  queueBytes: 65_536,
};

linkContract('simulated TCP', pairOver('tcp', FAST));
linkContract('simulated TCP, slow and with jitter', pairOver('tcp', SLOW));
linkContract('simulated TCP with losses', pairOver('tcp', LOSSY));
linkContract('simulated WebRTC', pairOver('webrtc', FAST));
linkContract('simulated WebRTC, slow and with jitter', pairOver('webrtc', SLOW));
