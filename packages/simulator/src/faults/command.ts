import { FAULT_SETTINGS, runFaultPlan } from './fault-plan.ts';

/**
 * `npm run simulate -- faults [--seed N]`: fails every single call, once and for ever, and prints what came of it.
 * Returns the exit code.
 */
export async function faultsCommand(args: readonly string[], print: (line: string) => void): Promise<number> {
  const at = args.indexOf('--seed');
  const seed = at < 0 ? 1 : Number(args[at + 1]);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    print('--seed takes a whole number.');
    return 2;
  }
  let violations = 0;
  const total = { runs: 0, fired: 0 };
  const kinds: Record<string, number> = {};
  for (const setting of FAULT_SETTINGS) {
    for (const permanent of [false, true]) {
      const tally = await runFaultPlan({ setting, permanent, seed, stride: 1 });
      const ends = Object.entries(tally.ends).map(([end, count]) => `${end} ${count}`);
      const torrent = `version ${setting.version}${setting.magnet ? ', magnet' : ''}`;
      const how = permanent ? 'for ever' : 'once';
      print(
        `${torrent}, ${setting.subject}, ${how}: ${tally.calls} calls, ${tally.runs} runs, ${tally.fired} faults fired; ${ends.join(', ')}`,
      );
      for (const violation of tally.violations) print(`  ${violation}`);
      violations += tally.violations.length;
      total.runs += tally.runs;
      total.fired += tally.fired;
      for (const [kind, count] of Object.entries(tally.runsByKind)) kinds[kind] = (kinds[kind] ?? 0) + count;
    }
  }
  const byKind = Object.entries(kinds).map(([kind, count]) => `${kind} ${count}`);
  print(`All: ${total.runs} runs, ${total.fired} faults fired, ${violations} violations.`);
  print(`By kind: ${byKind.join(', ')}.`);
  return violations === 0 && total.fired === total.runs ? 0 : 1;
}
