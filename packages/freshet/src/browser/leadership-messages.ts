/**
 * What the clients of a site say to its engine on the channel that all of them share, and the names of channels and
 * locks. Names hold a version: builds that would not understand each other do not meet, and each has its engine.
 */

/** Raised when the messages here change. */
const VERSION = 1;

/** What a client says. */
export type ClientMessage =
  /** Let me in. `attempt` counts what a client has asked for; `engine` is the only one that is meant, where one is known. */
  | {
      readonly type: 'hello';
      readonly client: string;
      readonly attempt: number;
      readonly engine: string | undefined;
      /** How the client would have made its engine. */
      readonly settings: unknown;
    }
  | { readonly type: 'goodbye'; readonly client: string };

/** What an engine says. */
export type EngineMessage =
  /** I am the engine now. */
  | { readonly type: 'engine'; readonly engine: string }
  /** This client's channel is open. `differing` names settings of the engine that are not those the client wanted. */
  | {
      readonly type: 'welcome';
      readonly engine: string;
      readonly client: string;
      readonly attempt: number;
      readonly differing: readonly string[];
    }
  /** I end: hold everything until there is another one. */
  | { readonly type: 'leaving'; readonly engine: string };

/** Names of channels and locks for clients and engines that have a prefix in common. */
export interface LeadershipNames {
  /** Channel: where everybody hears everybody. */
  readonly common: string;
  /** Lock: whoever holds it is the leader. */
  readonly leader: string;
  /** Lock: held by the thread in which the engine runs, as long as that lives, so that there are never two. */
  readonly running: string;
  /** Lock: held as long as one certain engine lives. */
  engine(engine: string): string;
  /** Lock: held as long as a client lives. */
  client(client: string): string;
  /** Channel: between a client and the engine. */
  pipe(client: string, attempt: number): string;
}

/**
 * What the clients that share an engine have in common.
 * @param folder where they keep their data.
 * @param sessionVersion that of the messages which clients and engine exchange once they have met.
 */
export function leadershipPrefix(folder: string, sessionVersion: number): string {
  return `freshet ${VERSION}.${sessionVersion} ${folder}`;
}

export function leadershipNames(prefix: string): LeadershipNames {
  return {
    common: prefix,
    leader: `${prefix} leader`,
    running: `${prefix} engine`,
    engine: (engine) => `${prefix} engine ${engine}`,
    client: (client) => `${prefix} client ${client}`,
    pipe: (client, attempt) => `${prefix} ${client} ${attempt}`,
  };
}

/** A message of this protocol; `undefined` for anything else that somebody posts on the channel. */
export function readLeadershipMessage(message: unknown): ClientMessage | EngineMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { type, client, engine, attempt, differing } = message as Record<string, unknown>;
  switch (type) {
    case 'hello':
      if (typeof client !== 'string' || !isAttempt(attempt)) return undefined;
      return engine === undefined || typeof engine === 'string' ? (message as ClientMessage) : undefined;
    case 'goodbye':
      return typeof client === 'string' ? (message as ClientMessage) : undefined;
    case 'welcome':
      if (typeof client !== 'string' || !isAttempt(attempt) || !Array.isArray(differing)) return undefined;
      return typeof engine === 'string' ? (message as EngineMessage) : undefined;
    case 'engine':
    case 'leaving':
      return typeof engine === 'string' ? (message as EngineMessage) : undefined;
    default:
      return undefined;
  }
}

function isAttempt(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Names of the settings that are not alike, in alphabetical order. */
export function differingSettings(ours: unknown, theirs: unknown): readonly string[] {
  const [one, other] = [asRecord(ours), asRecord(theirs)];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => !alike(one[name], other[name])).sort();
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function alike(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  return differingSettings(one, other).length === 0;
}
