import { describe, expect, it } from 'vitest';
import { LiveScreen } from './screen.ts';

/** A terminal of a few rows that understands what the screen writes. */
class FakeTerminal {
  columns: number;
  rows: number;
  readonly lines: string[] = [''];
  row = 0;
  cursor = true;

  constructor(columns = 30, rows = 8) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal reads escape sequences
    for (const part of text.match(/\u001b\[\??[0-9;]*[a-zA-Z]|\n|\r|[^\u001b\n\r]+/g) ?? []) {
      const up = /^.\[([0-9]+)A$/.exec(part);
      if (up !== null) this.row = Math.max(0, this.row - Number(up[1]));
      else if (part === '\u001b[J') this.lines.splice(this.row, this.lines.length, '');
      else if (part === '\u001b[?25l') this.cursor = false;
      else if (part === '\u001b[?25h') this.cursor = true;
      else if (part === '\n') {
        this.row++;
        this.lines[this.row] ??= '';
      } else if (!part.startsWith('\u001b') && part !== '\r') this.lines[this.row] = part;
    }
  }
}

describe('LiveScreen', () => {
  it('redraws in place, with fewer lines too, and hides the cursor meanwhile', () => {
    const terminal = new FakeTerminal();
    const screen = new LiveScreen(terminal);
    screen.draw(['one', 'two', 'three']);
    expect(terminal.lines).toEqual(['one', 'two', 'three', '']);
    expect(terminal.cursor).toBe(false);
    screen.draw(['uno', 'due']);
    expect(terminal.lines).toEqual(['uno', 'due', '']);
    screen.close();
    expect(terminal.cursor).toBe(true);
  });

  it('prints above what it draws, and below it after the end', () => {
    const terminal = new FakeTerminal();
    const screen = new LiveScreen(terminal);
    screen.draw(['state']);
    screen.print('message');
    expect(terminal.lines).toEqual(['message', 'state', '']);
    screen.close();
    screen.draw(['never']);
    screen.print('bye');
    expect(terminal.lines).toEqual(['message', 'state', 'bye', '']);
  });

  it('stays within the terminal', () => {
    const terminal = new FakeTerminal(20, 4);
    const screen = new LiveScreen(terminal);
    screen.draw(Array.from({ length: 10 }, (_, i) => `line ${i} that is longer than the terminal`));
    expect(terminal.lines).toHaveLength(4);
    expect(terminal.lines[0]).toHaveLength(19);
  });

  it('goes up by as many rows as its lines take after the terminal was made narrower', () => {
    const written: string[] = [];
    const stream = { columns: 60, rows: 10, write: (text: string) => written.push(text) };
    const screen = new LiveScreen(stream);
    screen.draw(['x'.repeat(50), 'y']);
    stream.columns = 25;
    screen.draw(['z']);
    expect(written[1]).toContain('\u001b[3A');
  });
});
