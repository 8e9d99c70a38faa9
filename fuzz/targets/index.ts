/** Everything that is fuzzed. */

import type { Target } from '../target.ts';
import { addresses } from './addresses.ts';
import { bencode } from './bencode.ts';
import { magnet } from './magnet.ts';
import { info, metainfo } from './metainfo.ts';

export const TARGETS: readonly Target[] = [bencode, info, metainfo, magnet, addresses];
