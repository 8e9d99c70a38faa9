/** Real time and real chance have no place in a simulation: while one runs, who reaches for them gets an error. */

/** What there is of it: an object, and what it is reached by. */
export const TRAPPED: readonly (readonly [owner: object, names: readonly string[]])[] = [
  [
    globalThis,
    ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'fetch', 'WebSocket'],
  ],
  [Date, ['now']],
  [Math, ['random']],
  [performance, ['now']],
  [crypto, ['getRandomValues', 'randomUUID']],
];

/** What a part of a simulation reached for past its ports. */
export class TrapError extends Error {
  override readonly name: string = 'TrapError';
}

function refuse(name: string): never {
  throw new TrapError(`A simulation used the real ${name}: take it from a port.`);
}

/** Dates can be computed with; what the time is now cannot be asked. */
const TIMELESS_DATE: DateConstructor = new Proxy(Date, {
  apply: () => refuse('Date'),
  construct: (target, args: unknown[], newTarget: new () => Date) =>
    args.length === 0 ? refuse('Date') : Reflect.construct(target, args, newTarget),
});

/** Replaces them; returns what puts them back. The time between must not be left by an `await`. */
export function setTrap(): () => void {
  const undo = TRAPPED.flatMap(([owner, names]) =>
    names.map((name) => replace(owner, name, () => refuse(name))),
  );
  undo.push(replace(globalThis, 'Date', TIMELESS_DATE));
  return () => {
    for (const put of undo) put();
  };
}

function replace(owner: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, before);
  };
}
