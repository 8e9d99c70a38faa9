import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { createNodePorts } from './platform.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Runs a program that imports from this folder in a process of its own; resolves with what it says. */
async function run(program: string, limit: number): Promise<{ code: number | null; output: string }> {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: here, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
  });
  const child = spawn(process.execPath, ['--input-type=module', '-'], { cwd: here });
  child.stdin.end(outputFiles[0]!.text);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output += String(chunk);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), limit);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, output };
}

describe('createNodePorts', () => {
  it('leaves out what is not wanted', async () => {
    const bare = createNodePorts({ tcp: false, webrtc: false });
    expect([bare.dialer, bare.listener, bare.rtc]).toEqual([undefined, undefined, undefined]);
    await bare.close();
    const full = createNodePorts({ host: '127.0.0.1', iceServers: [] });
    expect(full.dialer && full.listener && full.rtc).toBeDefined();
    await full.close();
    await full.close();
  });

  it('does not keep the process alive after close, links and connections in the making included', async () => {
    const { code, output } = await run(
      `
      import { createNodePorts } from './platform.ts';
      const ports = createNodePorts({ host: '127.0.0.1', iceServers: [] });
      const others = createNodePorts({ host: '127.0.0.1', iceServers: [] });
      const port = await ports.listener.listen(0, (link) => link.attach({ onData() {}, onDrain() {}, onClose() {} }));
      const dialled = await new Promise((onLink, onError) => others.dialer.dial({ host: '127.0.0.1', port }, { onLink, onError }));
      const link = await new Promise((resolve, reject) => {
        const attempt = ports.rtc.offer({
          onDescription(offer) {
            others.rtc.answer(offer, { onDescription: (answer) => attempt.accept(answer), onLink() {}, onError: reject });
          },
          onLink: resolve,
          onError: reject,
        });
      });
      ports.rtc.offer({ onDescription() {}, onLink() {}, onError() {} });
      console.log(link.transport, dialled.transport);
      dialled.close();
      await Promise.all([ports.close(), others.close()]);
      console.log('closed');
      `,
      10_000,
    );
    expect({ code, output }).toEqual({ code: 0, output: 'webrtc tcp\nclosed\n' });
  });

  it('can begin again after everything was closed', async () => {
    const { code, output } = await run(
      `
      import { createNodePorts } from './platform.ts';
      for (let round = 0; round < 3; round++) {
        const ports = createNodePorts({ host: '127.0.0.1', iceServers: [] });
        const sdp = await new Promise((resolve, reject) => {
          ports.rtc.offer({ onDescription: resolve, onLink() {}, onError: reject });
        });
        console.log(sdp.slice(0, 3));
        await ports.close();
      }
      `,
      10_000,
    );
    expect({ code, output }).toEqual({ code: 0, output: 'v=0\nv=0\nv=0\n' });
  });
});
