/** `freshet-opfs-worker.js`: the storage worker as a file of its own, for pages that forbid `blob:` workers. */

import { opfsWorkerMain } from './opfs-worker.ts';

opfsWorkerMain(self as unknown as Parameters<typeof opfsWorkerMain>[0]);
