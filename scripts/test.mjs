// `npm test`: installs what is missing, runs every check, and ends with one line that counts them all.
// `npm test -- unit interop` runs only the stages named. Node's own modules only: a fresh clone has nothing else.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDebian } from './debian.mjs';
import { ensureInstalled, root, webtorrentFamily } from './ensure-installed.mjs';

/** A stage is an npm script that passes or fails as a whole, or a suite of vitest whose tests are counted. */
const STAGES = [
  { name: 'types', script: 'types' },
  { name: 'lint', script: 'lint' },
  { name: 'build', script: 'build' },
  { name: 'unit', suite: true },
  { name: 'interop', suite: true, others: true },
  { name: 'browser', suite: true, others: true },
];

const total = { passed: 0, failed: 0 };
let running;
let interrupted = false;

function run(command, args, env) {
  return new Promise((resolve) => {
    // A group of its own, so that an interrupt takes the whole stage down and nothing outside it.
    running = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
      detached: true,
    });
    running.once('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      resolve(1);
    });
    running.once('close', (code) => resolve(code ?? 1));
  });
}

function endRunning(signal) {
  try {
    if (running?.pid !== undefined && running.exitCode === null) process.kill(-running.pid, signal);
  } catch {
    // It was gone already.
  }
}

function interrupt(signal) {
  if (interrupted) {
    endRunning('SIGKILL');
    return;
  }
  interrupted = true;
  endRunning(signal);
  setTimeout(() => endRunning('SIGKILL'), 5000).unref();
}

function fail(stage, reason) {
  total.failed++;
  console.error(`${stage}: ${reason}`);
}

async function runScript(stage) {
  const code = await run('npm', ['run', '--silent', stage.script]);
  if (code === 0) total.passed++;
  else fail(stage.name, `ended with code ${code}`);
}

async function runSuite(stage, folder) {
  const report = join(folder, `${stage.name}.json`);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await run(process.execPath, [vitest, 'run', '--project', stage.name, ...reporters], {
    FRESHET_TEST_TMP: join(folder, 'data'),
  });
  let result;
  try {
    result = JSON.parse(await readFile(report, 'utf8'));
  } catch {
    fail(stage.name, `ended with code ${code} and left no report`);
    return;
  }
  const tests = result.testResults.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === 'passed').length;
  const failed = tests.filter((test) => test.status === 'failed').length;
  const skipped = tests.length - passed - failed;
  total.passed += passed;
  total.failed += failed;
  if (skipped > 0) fail(stage.name, `${skipped} tests were skipped, and a skipped test proves nothing`);
  // A file that does not load has no tests of its own to fail.
  for (const file of result.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
      fail(stage.name, `${file.name} failed as a whole: ${(file.message ?? '').split('\n')[0]}`);
    }
  }
  if (tests.length === 0) fail(stage.name, 'ran no tests');
  else if (code !== 0 && result.success && failed === 0) fail(stage.name, `ended with code ${code}`);
}

function chosenStages(names) {
  const known = STAGES.map((stage) => stage.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`There is no stage ${unknown.join(', ')}. The stages are: ${known.join(', ')}.`);
  }
  return STAGES.filter((stage) => names.length === 0 || names.includes(stage.name));
}

async function main() {
  const stages = chosenStages(process.argv.slice(2));
  ensureInstalled(root);
  if (stages.some((stage) => stage.others)) {
    ensureInstalled(webtorrentFamily);
    ensureDebian();
  }
  const folder = await mkdtemp(join(tmpdir(), 'freshet-npm-test-'));
  try {
    for (const stage of stages) {
      if (interrupted) break;
      const began = Date.now();
      console.log(`\n== ${stage.name}`);
      if (stage.suite) await runSuite(stage, folder);
      else await runScript(stage);
      console.log(`== ${stage.name}: ${((Date.now() - began) / 1000).toFixed(0)} s`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
  if (interrupted) fail('tests', 'interrupted before the end');
}

process.on('SIGINT', () => interrupt('SIGINT'));
process.on('SIGTERM', () => interrupt('SIGTERM'));
try {
  await main();
} catch (error) {
  fail('tests', error.message);
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
