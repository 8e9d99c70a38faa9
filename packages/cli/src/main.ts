#!/usr/bin/env node
/** The `freshet` command: what can be written on the command line, and nothing else. */

import { Command, CommanderError, Option } from 'commander';
import Client from 'freshet';
import { check } from './commands/check.ts';
import { create } from './commands/create.ts';
import { download } from './commands/download.ts';
import { info } from './commands/info.ts';
import { seed } from './commands/seed.ts';
import { serve } from './commands/serve.ts';
import { tracker } from './commands/tracker.ts';
import { EXIT_CODES_HELP, ExitCode, exitCodeOf, sentenceOf } from './exit.ts';
import { JSON_EVENTS, JSON_HELP } from './ui/json.ts';
import { printable } from './ui/text.ts';
import {
  readCount,
  readPeer,
  readPieceLength,
  readPort,
  readRate,
  readRatio,
  readSeconds,
  readTime,
  readTrackerUrl,
  readWebUrl,
  repeated,
} from './values.ts';

const text = (value: string): string => value;
const SOURCE = 'magnet link, info-hash, or path or http address of a torrent file';

const options = {
  json: () => new Option('--json', 'print one JSON object per line, for programs'),
  quiet: () => new Option('-q, --quiet', 'print results and errors only'),
  verbose: () => new Option('--verbose', 'show stack traces of errors'),
  port: () =>
    new Option('-p, --port <port>', 'TCP port for peers (default: any free one)').argParser(readPort),
  host: () => new Option('--host <address>', 'local address for peers (default: all of them)'),
  noWebRtc: () => new Option('--no-webrtc', 'no WebRTC, so no peers that are browsers'),
  maxPeers: () => new Option('--max-peers <n>', 'most peers at a time (default: 55)').argParser(readCount),
  limitDown: () =>
    new Option('--limit-down <rate>', 'bytes per second, such as 500k or 2M').argParser(readRate),
  limitUp: () => new Option('--limit-up <rate>', 'bytes per second, such as 500k or 2M').argParser(readRate),
  seedRatio: () =>
    new Option(
      '--seed-ratio <n>',
      'seed until so many bytes are given per byte received, or per byte of the torrent if that is more; earlier runs count',
    ).argParser(readRatio),
  seedTime: () =>
    new Option('--seed-time <time>', 'seed for so long, such as 30m or 12h, and end').argParser(readTime),
  tracker: () =>
    new Option('-t, --tracker <url>', 'announce there too; can be repeated').argParser(
      repeated(readTrackerUrl),
    ),
  peer: () =>
    new Option('--peer <host:port>', 'connect to this peer; can be repeated').argParser(repeated(readPeer)),
  webSeed: () =>
    new Option('--web-seed <url>', 'HTTP server that has the files (BEP 19); can be repeated').argParser(
      repeated(readWebUrl),
    ),
  name: () => new Option('--name <name>', 'name of the torrent (default: of the file or folder)'),
  comment: () => new Option('--comment <text>', 'comment in the torrent'),
  pieceLength: () =>
    new Option(
      '--piece-length <size>',
      'power of two from 16KiB, such as 1MiB (default: by the size)',
    ).argParser(readPieceLength),
  format: () =>
    new Option('--format <format>', 'for clients of BEP 3 (v1), of BEP 52 (v2), or both').choices([
      'v1',
      'v2',
      'hybrid',
    ]),
  private: () => new Option('--private', 'peers come from the trackers only (BEP 27)'),
};

type OptionName = keyof typeof options;

function addOptions(command: Command, names: readonly OptionName[]): Command {
  for (const name of names) command.addOption(options[name]());
  return command;
}

let verbose = false;

/** An action whose result is the exit code. */
function runs<A extends unknown[]>(action: (...args: A) => Promise<number>): (...args: A) => Promise<void> {
  return async (...args) => {
    // commander's last two arguments are the options and the command.
    verbose = (args.at(-2) as { verbose?: boolean } | undefined)?.verbose === true;
    process.exitCode = await action(...args);
  };
}

function makeProgram(): Command {
  const program = new Command('freshet')
    .description('A streaming BitTorrent client for the web: peers over TCP and WebRTC, and web seeds.')
    .version(Client.VERSION, '-V, --version')
    .showHelpAfterError('(freshet --help shows what can be written)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ freshet download film.torrent --out ~/Films
  $ freshet download 'magnet:?xt=urn:btih:...' --stream
  $ freshet seed holiday/ --tracker wss://tracker.example
  $ freshet serve film.mp4
${EXIT_CODES_HELP}`,
    );

  const downloadCommand = program
    .command('download')
    .summary('get the files of a torrent')
    .description('Gets the files of a torrent. Run again, it goes on where it was stopped.')
    .argument('<torrent>', SOURCE)
    .option('-o, --out <folder>', 'where the files go', '.')
    .addOption(
      new Option(
        '-s, --select <files>',
        'only these: numbers as freshet info shows them (1,3-5), names or globs; can be repeated',
      ).argParser(repeated(text)),
    )
    .addOption(
      new Option(
        '--stream [port]',
        'serve the files over HTTP to any player, and go on until Ctrl-C',
      ).argParser(readPort),
    )
    .option('--sequential', 'get the pieces in order; --stream alone gets first what is played')
    .option('--allocate', 'take the room on the disk first: one that is too small shows at once')
    .option('--exit-when-done', 'with --stream or --seed: end when everything is there')
    .option('--seed', 'go on seeding until Ctrl-C, or a goal, when everything is there')
    .addOption(
      new Option('--timeout <seconds>', 'give up when nothing has arrived for so long').argParser(
        readSeconds,
      ),
    );
  addOptions(downloadCommand, ['seedRatio', 'seedTime']);
  addOptions(downloadCommand, ['tracker', 'peer', 'webSeed', 'port', 'host', 'noWebRtc', 'maxPeers']);
  addOptions(downloadCommand, ['limitDown', 'limitUp', 'quiet', 'json', 'verbose'])
    .addHelpText(
      'after',
      `
Examples:
  $ freshet download film.torrent
  $ freshet download 'magnet:?xt=urn:btih:...' --select '*.mp4,2' --out ~/Films
  $ freshet download https://example.org/film.torrent --stream 9000
  $ freshet download film.torrent --seed-ratio 1.5 --seed-time 7d
  $ freshet download <info-hash> --peer 192.0.2.7:6881 --timeout 60 --json
${JSON_HELP}
${EXIT_CODES_HELP}`,
    )
    .action(runs(download));

  const seedCommand = program
    .command('seed')
    .summary('share files and folders where they are')
    .description(
      'Makes a torrent of files and folders and shares it, until Ctrl-C or a goal. Nothing is copied.',
    )
    .argument('<paths...>', 'files and folders, or with --data one torrent file')
    .option('--data <folder>', 'the folder that the files of the torrent file are in')
    .option('--save-torrent <file>', 'write the torrent file too')
    .option('-f, --force', 'replace a torrent file that is there already')
    .option('--super-seed', 'send each piece once until there is another seed (BEP 16)');
  addOptions(seedCommand, [
    'seedRatio',
    'seedTime',
    'tracker',
    'webSeed',
    'peer',
    'name',
    'comment',
    'pieceLength',
    'format',
    'private',
  ]);
  addOptions(seedCommand, ['port', 'host', 'noWebRtc', 'maxPeers', 'limitUp', 'quiet', 'json', 'verbose'])
    .addHelpText(
      'after',
      `
Examples:
  $ freshet seed film.mp4 --tracker wss://tracker.example
  $ freshet seed film.torrent --data ~/Films --seed-ratio 3
${JSON_EVENTS.seed}
${EXIT_CODES_HELP}`,
    )
    .action(runs(seed));

  const createCommand = program
    .command('create')
    .summary('make a torrent file')
    .description('Makes a torrent file of files and folders, and prints its info-hash and magnet link.')
    .argument('<paths...>', 'files and folders')
    .option('-o, --output <file>', 'the torrent file; - for standard output (default: <name>.torrent)')
    .option('-f, --force', 'replace a torrent file that is there already');
  addOptions(createCommand, ['tracker', 'webSeed', 'name', 'comment', 'pieceLength', 'format', 'private']);
  addOptions(createCommand, ['quiet', 'json', 'verbose'])
    .addHelpText(
      'after',
      `
Examples:
  $ freshet create film.mp4 --tracker wss://tracker.example
  $ freshet create holiday/ --name Holiday --piece-length 1MiB -o holiday.torrent
  $ freshet create film.mp4 --format hybrid
${JSON_EVENTS.create}
${EXIT_CODES_HELP}`,
    )
    .action(runs(create));

  const infoCommand = program
    .command('info')
    .summary('show what is in a torrent')
    .description('Shows what is in a torrent: name, files, trackers, web seeds, magnet link.')
    .argument('<torrent>', SOURCE)
    .option('--fetch', 'get the metadata of a magnet link or info-hash from peers')
    .addOption(
      new Option('--timeout <seconds>', 'with --fetch: how long to wait').default(60).argParser(readSeconds),
    );
  addOptions(infoCommand, ['tracker', 'peer', 'port', 'host', 'noWebRtc', 'json', 'verbose'])
    .addHelpText(
      'after',
      `
Examples:
  $ freshet info film.torrent
  $ freshet info 'magnet:?xt=urn:btih:...' --fetch --json
${EXIT_CODES_HELP}`,
    )
    .action(runs(info));

  const checkCommand = program
    .command('check')
    .summary('verify the files of a torrent')
    .description(
      'Reads the files of a torrent and says which are complete and right. Exits with 1 if not all are.',
    )
    .argument('<torrent>', 'path of a torrent file')
    .option('--data <folder>', 'the folder that the files are in', '.');
  addOptions(checkCommand, ['quiet', 'json', 'verbose'])
    .addHelpText(
      'after',
      `
Examples:
  $ freshet check film.torrent --data ~/Films
${JSON_EVENTS.check}
${EXIT_CODES_HELP}`,
    )
    .action(runs(check));

  const trackerCommand = program
    .command('tracker')
    .summary('introduce peers to each other')
    .description(
      'Runs a tracker for browsers (WebSocket) and classic clients (HTTP) on one port, until Ctrl-C.',
    )
    .addOption(
      new Option('-p, --port <port>', 'TCP port; 0 for any free one').default(8000).argParser(readPort),
    )
    .option('--host <address>', 'address to listen on (default: all of them)')
    .addOption(
      new Option('--interval <seconds>', 'between two announces of a peer').default(120).argParser(readCount),
    )
    .option('--no-http', 'no HTTP announces')
    .option('--no-ws', 'no WebSocket announces')
    .addOption(
      new Option(
        '--trust-proxy <address>',
        'address or network of a proxy that says where requests come from; can be repeated',
      ).argParser(repeated(text)),
    );
  addOptions(trackerCommand, ['quiet', 'json', 'verbose'])
    .addHelpText(
      'after',
      `
Examples:
  $ freshet tracker --port 8000
  $ freshet tracker --host 127.0.0.1 --trust-proxy 127.0.0.1
${JSON_EVENTS.tracker}
${EXIT_CODES_HELP}`,
    )
    .action(runs(tracker));

  const serveCommand = program
    .command('serve')
    .summary('everything at once: tracker, seeder, web seed and a page')
    .description(
      'Shows files on a page that plays them from peers: a tracker, a seeder (TCP and WebRTC), an HTTP web seed and ' +
        'the page, in one process and on one port, until Ctrl-C. Without paths it serves the sample film.',
    )
    .argument('[paths...]', 'files and folders; each becomes a torrent')
    .addOption(
      new Option('-p, --port <port>', 'HTTP port (default: 8080, or the next free one)').argParser(readPort),
    )
    .option('--host <address>', 'address to listen on; 0.0.0.0 lets others in', '127.0.0.1')
    .option('--no-web-seed', 'peers only');
  // Viewers on the site's page check every block for itself with v2; with v1 old clients can still join.
  serveCommand.addOption(options.format().default('hybrid'));
  addOptions(serveCommand, ['noWebRtc', 'limitUp', 'quiet', 'json', 'verbose'])
    .addHelpText(
      'after',
      `
Examples:
  $ freshet serve
  $ freshet serve film.mp4 holiday/ --host 0.0.0.0 --port 80
${JSON_EVENTS.serve}
${EXIT_CODES_HELP}`,
    )
    .action(runs(serve));

  // What a command says about its usage ends like the program's own.
  for (const command of program.commands)
    command.exitOverride().showHelpAfterError('(--help shows what can be written)');
  return program;
}

// Whoever read the help has gone, as `| head` does.
process.stdout.on('error', () => process.exit(0));
try {
  await makeProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version end here too, with 0.
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  } else {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`freshet: ${printable(sentenceOf(error))}\n`);
    if (verbose && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    if (process.argv.includes('--json')) {
      const code = (error as { code?: unknown }).code;
      const message = sentenceOf(error);
      const event = { event: 'error', message, code: typeof code === 'string' ? code : undefined };
      process.stdout.write(`${JSON.stringify({ ...event, exitCode: process.exitCode })}\n`);
    }
  }
}
// Everything is closed by now. A handle that a native library has forgotten must not keep the user waiting.
setTimeout(() => process.exit(), 2_000).unref();
