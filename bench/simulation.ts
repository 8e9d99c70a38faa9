import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client from 'freshet';
import { SeededRandom, writeFilm } from 'freshet/memory';
import { CABLE, filmOf, type Policy, type Scenario } from 'freshet-simulator';
import type { Watched } from './lines/felt.ts';
import { RealSwarms, SITE, TRACKER } from './lines/watch-real.ts';
import { watchSimulated } from './lines/watch-simulated.ts';
import type { BenchContext } from './main.ts';
import { addRound, median, type Result, type Row } from './report.ts';

/** Node's WebRTC leaves the first move to the offerer for 200 ms; a browser does not. */
const NODE_RTC_MS = 200;

const FAIR = 'real, fair queues';

/**
 * Bytes on the line for each byte of payload: a packet of 1,500 bytes holds 1,448 of TCP, and one of libdatachannel's
 * (1,280 bytes, with headers of UDP, DTLS and SCTP) 1,187 of a data channel.
 */
const TCP_SHARE = 1500 / 1448;
const WEBRTC_SHARE = 1280 / 1187;

/** Small enough for real processes on two cores, and with an origin that is too slow for all. */
const SCENARIO: Scenario = {
  name: 'side-by-side',
  about: 'a film of a minute, some viewers within half a minute, an origin for five of them',
  peers: 8,
  film: { seconds: 60, bytesPerSecond: 500_000, pieceLength: 262_144 },
  arrivals: { kind: 'poisson', minutes: 0.5 },
  lines: [{ weight: 1, line: { ...CABLE, rtcSetupMs: NODE_RTC_MS } }],
  origin: { webSeed: { up: 2_500_000, down: 2_500_000, latencyMs: 20 } },
};

/** The same lines with what headers leave of them; the simulator's carry payload only. */
function lessHeaders(scenario: Scenario): Scenario {
  const line = scenario.lines[0]!.line;
  const { webSeed } = scenario.origin;
  return {
    ...scenario,
    lines: [{ weight: 1, line: { ...line, up: line.up! / WEBRTC_SHARE, down: line.down! / TCP_SHARE } }],
    origin: { webSeed: { ...webSeed, up: webSeed!.up! / TCP_SHARE } },
  };
}

/** The same viewers of Freshet on simulated lines and on real ones. */
export function simulation(context: BenchContext): Promise<Result> {
  return sideBySide(context, 'freshet', {
    bench: 'simulation',
    title: 'A small swarm, simulated and real',
    how: 'an origin of 20 Mbit/s with a web seed, a tracker',
  });
}

/** The same without an engine: a player and a web server. */
export function simulationHttp(context: BenchContext): Promise<Result> {
  return sideBySide(context, 'http', {
    bench: 'simulation-http',
    title: 'Viewers over plain HTTP, simulated and real',
    how: 'a web server of 20 Mbit/s, and no engine: one request for the film',
  });
}

async function sideBySide(
  context: BenchContext,
  policy: Policy,
  text: { readonly bench: string; readonly title: string; readonly how: string },
): Promise<Result> {
  const rows: Row[] = [];
  const film = filmOf(SCENARIO.film.seconds, SCENARIO.film.bytesPerSecond);
  const file = join(context.folder, 'film.mp4');
  const bytes = new Uint8Array(film.length);
  new SeededRandom(1).fill(bytes);
  writeFilm(bytes, { seconds: film.seconds, moov: 'first', moovLength: film.head - 32 });
  await writeFile(file, bytes);
  const torrentFile = join(context.folder, 'film.torrent');
  await writeFile(torrentFile, await makeTorrent(file));
  const swarms = await RealSwarms.open();
  try {
    for (let round = 1; round <= context.rounds; round++) {
      const simulated = await watchSimulated(SCENARIO, policy, round);
      const real = async (fair: boolean): Promise<Watched> => {
        const folder = join(context.folder, `${round} ${fair}`);
        await mkdir(folder);
        const { arrivals } = simulated;
        const scenario = SCENARIO;
        return await swarms.watch({ scenario, policy, fair, arrivals, film, file, torrentFile, folder });
      };
      const contestants = {
        simulated,
        'simulated, headers taken off': await watchSimulated(lessHeaders(SCENARIO), policy, round),
        [FAIR]: await real(true),
        'real, first come first served': await real(false),
      };
      for (const [name, watched] of Object.entries(contestants)) {
        const values = figures(watched);
        addRound(rows, name, values);
        const { startup, slowest, stalls, stalled, offload } = values;
        context.say(
          `${round} ${name}: start-up ${startup!.toFixed(0)} ms, slowest ${slowest!.toFixed(0)} ms, ` +
            `${stalls} stalls of ${stalled!.toFixed(0)} ms, offload ${offload!.toFixed(2)}`,
        );
      }
      if (context.profile !== undefined) {
        await mkdir(context.profile, { recursive: true });
        const name = join(context.profile, `${text.bench}-${round}.json`);
        await writeFile(name, JSON.stringify(contestants, null, 1));
      }
    }
  } finally {
    await swarms.close();
  }
  return {
    bench: text.bench,
    title: text.title,
    about:
      `${SCENARIO.peers} viewers of a film of ${film.seconds} s at 4 Mbit/s, who come within half a minute and stay to its ` +
      `end, on lines of 20/5 Mbit/s and 80 ms; ${text.how}. Simulated, and as processes of Node in network namespaces with ` +
      `the same lines between them. Median of ${context.rounds} seeds (least to greatest); the same viewers come at the same ` +
      'times in both.',
    columns: [
      { key: 'startup', title: 'start-up, median, ms', digits: 0 },
      { key: 'slowest', title: 'slowest, ms', digits: 0 },
      { key: 'stalls', title: 'stalls in all', digits: 0 },
      { key: 'stalled', title: 'stalled in all, ms', digits: 0 },
      { key: 'received', title: 'received per viewer, MB', digits: 1, scale: 1e6 },
      { key: 'requests', title: 'HTTP requests', digits: 0 },
      ...(policy === 'http' ? [] : SWARM_COLUMNS),
      { key: 'dropped', title: 'packets dropped', digits: 0 },
      { key: 'cpu', title: 'part of a core per viewer', digits: 2 },
    ],
    rows,
    baseline: FAIR,
  };
}

const SWARM_COLUMNS: Result['columns'] = [
  { key: 'offload', title: 'offload', digits: 2 },
  { key: 'piece', title: 'first piece, median, ms', digits: 0 },
  { key: 'peer', title: 'first peer, median, ms', digits: 0 },
  { key: 'peers', title: 'connections per viewer', digits: 1 },
  { key: 'uploaded', title: 'most uploaded by one, MB', digits: 1, scale: 1e6 },
  { key: 'upload', title: 'uploaded per viewer, MB', digits: 1, scale: 1e6 },
  { key: 'sent', title: 'sent by a line per viewer, MB', digits: 1, scale: 1e6 },
  { key: 'tracker', title: 'messages to and from the tracker', digits: 0 },
];

function figures({ viewers, tracker, requests, sent, dropped }: Watched): Record<string, number> {
  const total = (of: (viewer: Watched['viewers'][number]) => number): number =>
    viewers.reduce((sum, viewer) => sum + of(viewer), 0);
  const startups = viewers.map((v) => v.startupMs ?? Number.POSITIVE_INFINITY);
  const received = total((v) => v.fromPeers + v.fromHttp);
  return {
    startup: median(startups),
    slowest: Math.max(...startups),
    stalls: total((v) => v.stalls),
    stalled: total((v) => v.stalledMs),
    offload: 1 - total((v) => v.fromHttp) / received,
    received: received / viewers.length,
    requests,
    piece: median(viewers.map((v) => v.pieceMs ?? 0)),
    // The first one waits for the second.
    peer: median(viewers.slice(1).map((v) => v.peerMs ?? Number.POSITIVE_INFINITY)),
    peers: total((v) => v.peers) / viewers.length,
    upload: total((v) => v.uploaded) / viewers.length,
    uploaded: Math.max(...viewers.map((v) => v.uploaded)),
    tracker: tracker.received + tracker.sent,
    ...(sent === undefined || dropped === undefined
      ? {}
      : {
          sent: sent / viewers.length,
          dropped,
          cpu: total((v) => v.cpuMs ?? 0) / total((v) => v.watchedMs + v.stalledMs),
        }),
  };
}

/** The API's own way of making a torrent file. */
async function makeTorrent(file: string): Promise<Uint8Array> {
  const client = new Client({ tcp: false, webrtc: false, tracker: false });
  try {
    const torrent = client.seed(file, {
      announce: [`ws://${TRACKER}:8000/announce`],
      urlList: [`http://${SITE}/film.mp4`],
      pieceLength: SCENARIO.film.pieceLength,
    });
    await torrent.untilReady();
    return torrent.torrentFile!;
  } finally {
    await client.destroy();
  }
}
