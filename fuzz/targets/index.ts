/** Everything that is fuzzed. */

import type { Target } from '../target.ts';
import { bencode } from './bencode.ts';

export const TARGETS: readonly Target[] = [bencode];
