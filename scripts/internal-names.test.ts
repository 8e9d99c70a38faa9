import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { internalNames } from './internal-names.mjs';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-names-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  strict: true,
  types: [],
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
  allowImportingTsExtensions: true,
  noEmit: true,
};

/** The names that can be shortened in a program of these sources, whose entry is `main`. */
async function namesOf(main: string, other = ''): Promise<string[]> {
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'other.ts'), `${other}\nexport {};`);
  const entry = join(folder, 'main.ts');
  await writeFile(entry, `${main}\nexport {};`);
  return internalNames([entry], OPTIONS);
}

describe('internalNames', () => {
  it('names what nobody outside spells', async () => {
    const other = `
      interface Inner { deepField: number }
      export class Worker2 {
        ownField: Inner = { deepField: 1 };
        ownMethod(): number { return this.ownField.deepField; }
        get ownAccessor(): number { return this.ownMethod(); }
      }`;
    const names = await namesOf(`import { Worker2 } from './other.ts'; new Worker2().ownMethod();`, other);
    expect(names).toEqual(['deepField', 'ownAccessor', 'ownField', 'ownMethod']);
  });

  it('keeps what the platform declares too', async () => {
    expect(
      await namesOf('const queue = { push: 1, addEventListener: 2, tagName: 3, mine: 4 }; queue.mine;'),
    ).toEqual(['mine']);
  });

  it('keeps all that can be reached from what an entry exports', async () => {
    const main = `
      interface Reached { inReturn: number }
      interface Given { inOption?: { inNested: string } }
      interface Unreached { alone: number }
      export class Api {
        private secret: Unreached = { alone: 1 };
        visible(given: Given): Promise<Reached> { return Promise.resolve({ inReturn: this.secret.alone }); }
      }
      export type Extra = Map<string, { inMap: number }>;`;
    expect(await namesOf(main)).toEqual(['alone', 'secret']);
  });

  it('keeps what is written as text', async () => {
    const main = `
      const state = { asKey: 1, asTest: 2, unquoted: 3, inType: 4 };
      declare const key: 'byUnion';
      const more = { byUnion: 1 };
      type Part = Pick<typeof state, 'inType'>;
      'asTest' in state && state['asKey'] && more[key];
      const part: Part = state;`;
    expect(await namesOf(main)).toEqual(['inType', 'unquoted']);
  });

  it('keeps what goes to where names are data', async () => {
    const main = `
      interface Sent { sentField: number; list: { innerField: number }[] }
      declare const sent: Sent;
      declare const port: MessagePort;
      const shorthand = 1;
      declare function encode(value: { readonly [key: string]: number }): void;
      declare function anything(...values: unknown[]): void;
      port.postMessage(sent);
      JSON.stringify({ literalKey: { deeper: 1 } });
      encode({ recordKey: 1 });
      const typed: { wrapped: unknown } = { wrapped: { wrappedField: 1 } };
      interface Short { shortField: number }
      declare const wrapped: Short;
      const short: { wrapped: unknown } = { wrapped };
      interface Spread { spreadField: number }
      declare const spread: Spread;
      anything(1, { ...spread }, { shorthand });
      interface Kept { untold: number }
      declare const kept: Kept;
      kept.untold;`;
    expect(await namesOf(main)).toEqual(['untold', 'wrapped']);
  });

  it('keeps what comes from where names are data', async () => {
    const main = `
      interface Asserted { assertedField: number }
      interface Guarded { guardedField: number }
      interface Other { otherField: number }
      declare const other: Other;
      function isGuarded(value: unknown): value is Guarded { return typeof value === 'object'; }
      addEventListener('message', ({ data }) => {
        (data as Asserted).assertedField;
        if (isGuarded(data)) data.guardedField;
        other.otherField;
      });
      const parsed: { parsedField: number } = JSON.parse('{}');
      function take(given: { takenField: number }): void {}
      take(JSON.parse('{}'));
      addEventListener('message', (event) => {
        event.data.readField;
        const { pickedField, renamedField: renamed } = event.data;
        const own = { readField: 1, pickedField: 2, renamedField: 3, lastField: 4 };
        own.lastField;
      });`;
    expect(await namesOf(main)).toEqual(['lastField', 'otherField']);
  });
});
