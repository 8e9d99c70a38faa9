/** Everything that is fuzzed. */

import { peerSession } from '../sessions/peer.ts';
import { trackerClientSession } from '../sessions/tracker-client.ts';
import { trackerServerSession } from '../sessions/tracker-server.ts';
import { webSeedSession } from '../sessions/web-seed.ts';
import type { Target } from '../target.ts';
import { addresses } from './addresses.ts';
import { bencode } from './bencode.ts';
import { extension } from './extension.ts';
import { httpRange, rangeServer, seedAnswer } from './http.ts';
import { magnet } from './magnet.ts';
import { media } from './media.ts';
import { merkle } from './merkle.ts';
import { info, metainfo } from './metainfo.ts';
import { records } from './records.ts';
import { trackerQuery, trackerReply } from './tracker-http.ts';
import { wsClient, wsServer } from './tracker-ws.ts';
import { wire } from './wire.ts';

export const TARGETS: readonly Target[] = [
  bencode,
  info,
  metainfo,
  magnet,
  addresses,
  wire,
  extension,
  merkle,
  trackerReply,
  trackerQuery,
  wsClient,
  wsServer,
  httpRange,
  seedAnswer,
  rangeServer,
  media,
  records,
  peerSession,
  webSeedSession,
  trackerClientSession,
  trackerServerSession,
];
