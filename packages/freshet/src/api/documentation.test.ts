/** docs/api.md is the reference: nothing public may be missing from it, and its examples must be there. */

import { existsSync, readFileSync } from 'node:fs';
import * as library from 'freshet';
import Client, { File, Torrent, Wire } from 'freshet';
import { describe, expect, it } from 'vitest';

const docs = new URL('../../../../docs/', import.meta.url);
const text = readFileSync(new URL('api.md', docs), 'utf8');
const words = new Set(text.match(/[A-Za-z]\w*/g));

/** Public names of a class and of those it is made of, up to the emitter's. */
function membersOf(start: object): string[] {
  const names: string[] = [];
  for (let proto = start; proto !== library.Emitter.prototype; proto = Object.getPrototypeOf(proto) as object)
    names.push(...Object.getOwnPropertyNames(proto));
  return names;
}

/** Fields of the interfaces in a source file. */
function fieldsOf(source: string): string[] {
  const code = readFileSync(new URL(source, import.meta.url), 'utf8');
  return [...code.matchAll(/^ {2}(?:readonly )?(\w+)\??: /gm)].map((match) => match[1]!);
}

/** Marked `@internal`: what the parts of the API say to each other. */
const INTERNAL = new Set('constructor begun goesBy handle fail update closed'.split(' '));

describe('docs/api.md', () => {
  it.each([
    ['Client', membersOf(Client.prototype)],
    ['Torrent', membersOf(Torrent.prototype)],
    ['File', membersOf(File.prototype)],
    ['Wire', membersOf(Wire.prototype)],
    ['options', fieldsOf('options.ts')],
    ['torrent events', fieldsOf('torrent-events.ts')],
    ['errors', Object.keys(library).filter((name) => /^[A-Z].*Error$/.test(name))],
  ])('names everything of %s', (_, names) => {
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !words.has(name) && !INTERNAL.has(name))).toEqual([]);
  });

  it('links to what is there', () => {
    const prose = text.replace(/`[^`\n]*`/g, '');
    const targets = [...prose.matchAll(/\]\(([^)#][^)]*)\)/g)].map((match) => match[1]!);
    expect(targets.filter((target) => !existsSync(new URL(target, docs)))).toEqual([]);
    const anchors = new Set(
      [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
        match[1]!
          .toLowerCase()
          .replace(/[^\w\s-]/g, '')
          .replace(/ /g, '-'),
      ),
    );
    const wanted = [...text.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1]!);
    expect(wanted.filter((anchor) => !anchors.has(anchor))).toEqual([]);
  });
});
