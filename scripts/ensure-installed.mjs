// Installs the npm packages when they are missing or older than the lockfile. Node's own modules only: this runs
// before anything is installed. `node scripts/ensure-installed.mjs [folder...]`, the repository's root by default.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const webtorrentFamily = join(root, 'tests/interop/webtorrent-family');

/** npm writes this file last, so its time is the time of the last complete installation. */
const STAMP = 'node_modules/.package-lock.json';

/** Whether `folder` has everything that its lockfile names. */
export function isInstalled(folder) {
  const stamp = join(folder, STAMP);
  if (!existsSync(stamp)) return false;
  const newest = ['package.json', 'package-lock.json']
    .map((name) => join(folder, name))
    .filter(existsSync)
    .map((path) => statSync(path).mtimeMs);
  return Math.max(...newest) <= statSync(stamp).mtimeMs;
}

/** Installs what `folder` needs, if anything; throws a sentence when that fails. */
export function ensureInstalled(folder = root) {
  if (isInstalled(folder)) return;
  const name = relative(root, folder) || 'the workspace';
  console.log(`Installing the npm packages of ${name} ...`);
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(`Node ${process.versions.node} is too old: Freshet needs Node 20.19 or newer.`);
  }
  // `npm ci` deletes node_modules first; where there is one, `npm install` mends it and other programs go on.
  const lockfile = existsSync(join(folder, 'package-lock.json'));
  const fresh = lockfile && !existsSync(join(folder, 'node_modules'));
  const args = [fresh ? 'ci' : 'install', '--no-fund', '--no-audit', '--loglevel=error'];
  // Windows has npm as a script, which only a shell starts.
  const options = {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  };
  const result = spawnSync('npm', args, options);
  if (result.error !== undefined) {
    throw new Error(`npm could not be started (${result.error.message}): install Node with npm.`);
  }
  if (result.status !== 0) {
    const command = `npm ${args[0]}`;
    throw new Error(
      `${command} failed in ${folder}: the lines above say why. Check the connection to the npm registry and try again.`,
    );
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const folders = process.argv.slice(2);
    for (const folder of folders.length > 0 ? folders : [root]) ensureInstalled(resolve(folder));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
