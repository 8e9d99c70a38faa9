/** Text for a terminal: what strangers wrote is made harmless, and cut to fit. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Names come from strangers: escape sequences would move the cursor, and direction marks hide endings. */
export function printable(text: string): string {
  return text.replace(CONTROLS, '\ufffd');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what the sequences begin with
const ESCAPES = /\u001b\[[0-9;?]*[a-zA-Z]/g;

/** Columns that a text takes, colours not counted. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text.replace(ESCAPES, '')) width += charWidth(char.codePointAt(0)!);
  return width;
}

/** Two for East Asian wide characters and emoji, none for what combines with the character before it. */
function charWidth(code: number): number {
  if (code < 0x300) return 1;
  if (code <= 0x36f || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

/** Cuts out the middle, as names differ at their ends. Without colours. */
export function shorten(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns <= 1) return columns === 1 ? '…' : '';
  const chars = [...text];
  const tail: string[] = [];
  const tailRoom = Math.floor((columns - 1) / 2);
  let room = tailRoom;
  for (let i = chars.length - 1; i >= 0; i--) {
    room -= charWidth(chars[i]!.codePointAt(0)!);
    if (room < 0) break;
    tail.unshift(chars[i]!);
  }
  const end = tail.join('');
  return `${cutPlain(chars, columns - 1 - displayWidth(end))}…${end}`;
}

function cutPlain(chars: readonly string[], columns: number): string {
  let kept = '';
  let room = columns;
  for (const char of chars) {
    room -= charWidth(char.codePointAt(0)!);
    if (room < 0) break;
    kept += char;
  }
  return kept;
}

/** Cuts off the end of a line that may have colours, which go on to their ends. */
export function cut(line: string, columns: number): string {
  if (displayWidth(line) <= columns) return line;
  let kept = '';
  let room = columns;
  let at = 0;
  for (const match of line.matchAll(ESCAPES)) {
    const part = cutPlain([...line.slice(at, match.index)], room);
    // A wide character that did not fit must not let a narrow one behind it through.
    room = part.length < match.index - at ? 0 : room - displayWidth(part);
    kept += part + match[0];
    at = match.index + match[0].length;
  }
  return kept + cutPlain([...line.slice(at)], room);
}

/** Fills up with spaces. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - displayWidth(text))) + text;
}
