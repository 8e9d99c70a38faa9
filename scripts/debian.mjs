// Installs the Debian packages that the tests and the bench need, where they are missing.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Packages by name, with how to see that one is there: a program (on the PATH or by its path), or a command line
 * that succeeds.
 */
export const testPackages = [
  { name: 'chromium', probe: '/usr/bin/chromium' },
  { name: 'firefox-esr', probe: 'firefox-esr' },
  { name: 'transmission-daemon', probe: 'transmission-daemon' },
  { name: 'aria2', probe: 'aria2c' },
  { name: 'python3-libtorrent', probe: ['/usr/bin/python3', '-c', 'import libtorrent'] },
  { name: 'ffmpeg', probe: 'ffmpeg' },
];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether the package's probe finds it. */
export function isPresent({ probe }) {
  if (Array.isArray(probe)) return spawnSync(probe[0], probe.slice(1), { stdio: 'ignore' }).status === 0;
  if (probe.includes('/')) return isExecutable(probe);
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin'];
  return folders.some((folder) => isExecutable(join(folder, probe)));
}

/** Installs the missing ones of `packages` through apt-get, or throws a sentence that names them. */
export function ensureDebian(packages = testPackages) {
  const missing = () => packages.filter((entry) => !isPresent(entry)).map(({ name }) => name);
  const wanted = missing();
  if (wanted.length === 0) return;
  const list = wanted.join(' ');
  const advice = `The tests need these Debian packages: ${list}. Install them with: sudo apt-get install ${list}`;
  const prefix = commandPrefix();
  if (!isPresent({ probe: 'apt-get' }) || prefix === undefined) throw new Error(advice);

  console.log(`Installing the Debian packages ${list} ...`);
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=120', ...args];
    // Its output is kept for the failure; the services that packages start are of no use here.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    return spawnSync(command, rest, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
  };
  let result = apt('update');
  if (result.status === 0) result = apt('install', '-y', '--no-install-recommends', ...wanted);
  const left = missing();
  if (left.length > 0) {
    const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`.trim();
    throw new Error(`apt-get did not install ${left.join(' ')}.\n${output.slice(-2000)}\n${advice}`);
  }
}

/** How to become root without a question: nothing to do, sudo, or not at all. */
function commandPrefix() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0
    ? ['sudo', '-n', '-E']
    : undefined;
}
