import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CABLE, ORIGIN, World } from 'freshet-simulator';
import { bundleChild, type ChildScript } from '../tests/support/child-script.ts';
import { within } from '../tests/support/wait.ts';
import { machineOf, startLines } from './lines/lines.ts';
import { offerLink, serveLink, type Times, timeHttp, timeLink } from './lines/measure.ts';
import { Program } from './lines/program.ts';
import type { Order, Report } from './lines/transfers.ts';
import type { BenchContext } from './main.ts';
import { addRound, type Result, type Row } from './report.ts';

const SIZES = [
  ['150 KB', 150_000],
  ['1 MB', 1_000_000],
  ['5 MB', 5_000_000],
] as const;
/** The small answer is asked for when the large one has filled the line. */
const BESIDE_BYTES = 10_000_000;
const BESIDE_AFTER = 2000;
const SITE = '10.9.0.1';
const VIEWERS = ['10.9.1.1', '10.9.1.2'] as const;

/** Single transfers, on a simulated line and on a real one: the model of the network without engines. */
export async function simulationTransfers(context: BenchContext): Promise<Result> {
  const rows: Row[] = [];
  for (let round = 0; round < context.rounds; round++) {
    const contestants = {
      simulated: await simulated(),
      'real, fair queues': await real(context.folder, true),
      'real, first come first served': await real(context.folder, false),
    };
    for (const [name, values] of Object.entries(contestants)) {
      addRound(rows, name, values);
      const shown = Object.entries(values).map(
        ([key, value]) => `${key} ${value.toFixed(value < 10 ? 3 : 0)}`,
      );
      context.say(`${round + 1} ${name}: ${shown.join(', ')}`);
    }
  }
  return {
    bench: 'simulation-transfers',
    title: 'Single transfers, simulated and real',
    about:
      'Milliseconds from the request to the last byte, each over a new connection, on lines of 20/5 Mbit/s and 80 ms: over ' +
      'HTTP from a server of 50 Mbit/s, and over WebRTC from another viewer, without and with what it takes until the link ' +
      'is open; an answer of 1 KB while another one of 10 MB fills the line. Simulated, and between processes of Node in ' +
      `network namespaces. Median of ${context.rounds} (least to greatest).`,
    columns: [
      ...SIZES.map(([title, bytes]) => ({ key: `http ${bytes}`, title: `HTTP, ${title}`, digits: 0 })),
      { key: 'beside', title: '1 KB beside 10 MB', digits: 0 },
      { key: 'open', title: 'WebRTC, until open', digits: 0 },
      ...SIZES.map(([title, bytes]) => ({ key: `link ${bytes}`, title: `WebRTC, ${title}`, digits: 0 })),
      { key: 'http share', title: 'HTTP, bytes on the line per byte', digits: 3 },
      { key: 'link share', title: 'WebRTC, bytes on the line per byte', digits: 3 },
    ],
    rows,
    baseline: 'real, fair queues',
  };
}

async function simulated(): Promise<Record<string, number>> {
  const world = new World({ seed: 1 });
  const now = (): number => world.clock.now();
  const body = new Uint8Array(BESIDE_BYTES);
  const site = world.host({ address: SITE, line: ORIGIN });
  world.network.serveHttp(site.address, `http://${SITE}`, ({ range }) => ({
    status: 206,
    body: body.subarray(range!.first, range!.last + 1),
  }));
  let hosts = 0;
  // A new one each time: hosts keep their connections.
  const viewer = (): ReturnType<World['host']> =>
    world.host({ kind: 'browser', line: CABLE, address: `10.9.2.${++hosts}` });
  const until = async <T>(begin: (done: (value: T) => void) => void): Promise<T> => {
    let result: { readonly value: T } | undefined;
    begin((value) => {
      result = { value };
    });
    await world.run({ until: () => result !== undefined, limit: 60_000 });
    if (result === undefined) throw new Error('A simulated transfer did not end.');
    return result.value;
  };
  const times = (value: Times | Error): Times => {
    if (value instanceof Error) throw value;
    return value;
  };
  const url = `http://${SITE}/film.mp4`;
  const values: Record<string, number> = {};
  for (const [, bytes] of SIZES) {
    const { http } = viewer().ports;
    values[`http ${bytes}`] = times(await until((done) => timeHttp(http, { url, bytes }, now, done))).last;
  }
  const { http } = viewer().ports;
  const small = await until<Times | Error>((done) => {
    timeHttp(http, { url, bytes: BESIDE_BYTES }, now, () => {});
    world.clock.setTimer(BESIDE_AFTER, () => timeHttp(http, { url, bytes: 1000 }, now, done));
  });
  values['beside'] = times(small).last;
  for (const [, bytes] of SIZES) {
    const [asking, giving] = [viewer(), viewer()];
    let accepted = 0;
    const moved = await until<Times | Error>((done) => {
      const accept = offerLink(asking.ports.rtc!, undefined, {
        describe: (offer) => {
          offerLink(giving.ports.rtc!, offer, {
            describe: (answer) => {
              accepted = now();
              accept(answer);
            },
            open: serveLink,
            fail: done,
          });
        },
        open: (link) => {
          values['open'] = now() - accepted;
          timeLink(link, bytes, now, done);
        },
        fail: done,
      });
    });
    values[`link ${bytes}`] = times(moved).last;
  }
  await world.close();
  return values;
}

async function real(folder: string, fair: boolean): Promise<Record<string, number>> {
  const file = join(folder, 'film.mp4');
  await writeFile(file, new Uint8Array(BESIDE_BYTES));
  const lines = await startLines([
    machineOf(SITE, ORIGIN, fair),
    ...VIEWERS.map((address): ReturnType<typeof machineOf> => machineOf(address, CABLE, fair)),
  ]);
  const programs: Program[] = [];
  const scripts: ChildScript[] = [];
  const bundle = async (name: string): Promise<string> => {
    const script = await bundleChild(new URL(`./lines/${name}.ts`, import.meta.url));
    scripts.push(script);
    return script.path;
  };
  const start = async (machine: number, ...args: string[]): Promise<Program> => {
    const program = new Program(lines.node(machine, args));
    programs.push(program);
    await program.line();
    return program;
  };
  const ask = async (program: Program, order: Order): Promise<Report> =>
    JSON.parse(await within(program.ask(JSON.stringify(order)), 60_000, order.what)) as Report;
  try {
    await start(0, await bundle('origin'), SITE, file);
    const transfers = await bundle('transfers');
    const asking = await start(1, transfers);
    const giving = await start(2, transfers);
    const url = `http://${SITE}/film.mp4`;
    const values: Record<string, number> = {};
    // What is loaded at the first use is not the network's.
    await ask(asking, { what: 'http', url, bytes: 1000 });
    for (const [, bytes] of SIZES) {
      values[`http ${bytes}`] = (await ask(asking, { what: 'http', url, bytes })).times!.last;
    }
    const large = { what: 'beside', url, bytes: BESIDE_BYTES, after: BESIDE_AFTER } as const;
    values['beside'] = (await ask(asking, large)).beside!.last;
    for (const [, bytes] of SIZES) {
      const { sdp: offer = '' } = await ask(asking, { what: 'offer' });
      const { sdp = '' } = await ask(giving, { what: 'answer', sdp: offer });
      const { open = 0, times } = await ask(asking, { what: 'link', sdp, bytes });
      values['open'] = open;
      values[`link ${bytes}`] = times!.last;
    }
    const [site, , giver] = await lines.close();
    const sent = SIZES.reduce((sum, [, bytes]) => sum + bytes, 0);
    values['http share'] = site!.sent / (sent + BESIDE_BYTES + 2000);
    values['link share'] = giver!.sent / sent;
    return values;
  } finally {
    for (const program of programs) program.kill();
    await lines.close();
    for (const script of scripts) await script.remove();
  }
}
