/** The tracker on real lines. Argument: its address. Prints `ready`, then its counters for each line it reads. */

import { createInterface } from 'node:readline';
import { createTracker } from 'freshet-tracker';

const tracker = createTracker({
  host: process.argv[2]!,
  port: 8000,
  onError: (error) => process.stderr.write(`${error.message}\n`),
});
await tracker.listen();
process.stdout.write('ready\n');
createInterface({ input: process.stdin })
  .on('line', () => {
    const { messagesIn, messagesOut } = tracker.stats().totals;
    process.stdout.write(`${JSON.stringify({ received: messagesIn, sent: messagesOut })}\n`);
  })
  .on('close', () => process.exit(0));
