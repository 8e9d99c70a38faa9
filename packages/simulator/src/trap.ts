/** Real time and real chance have no place in a simulation: while one runs, who reaches for them gets an error. */

const TRAPPED: readonly (readonly [object, readonly string[]])[] = [
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

/** Replaces them; returns what puts them back. The time between must not be left by an `await`. */
export function setTrap(): () => void {
  const undo: (() => void)[] = [];
  for (const [owner, names] of TRAPPED) {
    for (const name of names) {
      const before = Object.getOwnPropertyDescriptor(owner, name);
      const trap = (): never => {
        throw new TrapError(`A simulation used the real ${name}: take it from a port.`);
      };
      Object.defineProperty(owner, name, { value: trap, configurable: true, writable: true });
      undo.push(() => {
        if (before === undefined) Reflect.deleteProperty(owner, name);
        else Object.defineProperty(owner, name, before);
      });
    }
  }
  return () => {
    for (const put of undo) put();
  };
}
