import { type ChildProcess, spawn } from 'node:child_process';
import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { within } from './wait.ts';

/** Fails with a sentence that names the Debian package when `program` is not on the PATH (or not at its path). */
export async function needProgram(program: string, debianPackage: string): Promise<void> {
  const places = program.includes('/')
    ? [program]
    : (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, program));
  for (const place of places) {
    try {
      await access(place, constants.X_OK);
      return;
    } catch {
      // Not here; the next place may have it.
    }
  }
  throw new Error(`${program} is not installed: apt-get install ${debianPackage}`);
}

/** What a process has used so far, from /proc. */
export interface Usage {
  /** User and system time, in seconds. */
  readonly cpuSeconds: number;
  /** The most memory that was resident at once, in bytes. */
  readonly peakResidentBytes: number;
}

const alive = new Set<Program>();

process.once('exit', () => {
  for (const program of alive) program.child.kill('SIGKILL');
});

/** One child process: its last words are kept for errors, and only its own pid is ever signalled. */
export class Program {
  readonly name: string;
  readonly child: ChildProcess;
  /** Resolves with the exit code (or the signal's name) and never rejects. */
  readonly exited: Promise<number | string>;
  #tail = '';
  #ended: number | string | undefined;

  constructor(
    name: string,
    command: string,
    args: readonly string[],
    options: { env?: Record<string, string> | undefined; cwd?: string | undefined } = {},
  ) {
    this.name = name;
    this.child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.#note(`${error.message}\n`);
        this.#ended ??= 'could not be started';
        resolve(this.#ended);
      });
      this.child.once('close', (code, signal) => {
        this.#ended ??= code ?? signal ?? 'unknown';
        resolve(this.#ended);
      });
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#note(text));
    this.child.stdin?.on('error', () => {}); // The exit says more than the broken pipe.
    alive.add(this);
    void this.exited.then(() => alive.delete(this));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw this.error('could not be started');
    return this.child.pid;
  }

  /** Set once the process is gone. */
  get ended(): number | string | undefined {
    return this.#ended;
  }

  /** Calls `listener` for every line of standard output; without one the output joins the last words. */
  onLine(listener: (line: string) => void): void {
    if (this.child.stdout !== null) createInterface({ input: this.child.stdout }).on('line', listener);
  }

  /** Keeps standard output for error messages. */
  keepOutput(): void {
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#note(text));
  }

  /** An error that carries the program's name and what it last printed. */
  error(message: string): Error {
    const words = this.#tail.trim();
    return new Error(`${this.name}: ${message}${words === '' ? '' : `\n${words}`}`);
  }

  /** Rejects when the program ends before `promise` settles, or after `ms`. */
  async orEnd<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
    const end = this.exited.then((code) => {
      throw this.error(`ended (${code}) before it ${what}`);
    });
    end.catch(() => {});
    try {
      return await within(Promise.race([promise, end]), ms, `${this.name}, ${what}`);
    } catch (error) {
      if (error instanceof Error && error.message.includes(': nothing after'))
        throw this.error(error.message);
      throw error;
    }
  }

  /** What the process has used until now; ask before it is stopped. Linux only. */
  async usage(): Promise<Usage> {
    const stat = await readFile(`/proc/${this.pid}/stat`, 'utf8');
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Fields 14 and 15 of proc(5), in ticks of 1/100 s; the first two fields are cut off above.
    const ticks = Number(fields[11]) + Number(fields[12]);
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? '0';
    return { cpuSeconds: ticks / 100, peakResidentBytes: Number(peak) * 1024 };
  }

  /** Asks the process to end, and kills it when it has not after `patience` milliseconds. */
  async stop(patience = 3000): Promise<void> {
    if (this.#ended === undefined) {
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), patience);
      await this.exited;
      clearTimeout(timer);
    }
  }

  /** Kills the process at once, as a crash would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  #note(text: string): void {
    this.#tail = (this.#tail + text).slice(-4000);
  }
}

interface Waiting {
  resolve(value: Record<string, unknown>): void;
  reject(error: Error): void;
}

/** A program that takes one JSON request per line and answers each by its `id`; other lines are events. */
export class JsonProgram extends Program {
  #waiting = new Map<number, Waiting>();
  #listeners = new Set<(event: Record<string, unknown>) => void>();
  #nextId = 1;

  constructor(...args: ConstructorParameters<typeof Program>) {
    super(...args);
    this.onLine((line) => this.#receive(line));
    void this.exited.then((code) => {
      for (const waiting of this.#waiting.values()) waiting.reject(this.error(`ended (${code})`));
      this.#waiting.clear();
    });
  }

  /** Sends a request and resolves with its answer; rejects with the `error` that the program answers. */
  request(command: string, fields: object = {}, ms = 60_000): Promise<Record<string, unknown>> {
    if (this.ended !== undefined) return Promise.reject(this.error(`ended (${this.ended})`));
    const id = this.#nextId++;
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.child.stdin?.write(`${JSON.stringify({ ...fields, id, command })}\n`);
    return within(answer, ms, `${this.name}, ${command}`);
  }

  onEvent(listener: (event: Record<string, unknown>) => void): void {
    this.#listeners.add(listener);
  }

  #receive(line: string): void {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(line) as Record<string, unknown>;
    } catch {
      return; // A library's own chatter.
    }
    const id = message['id'];
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined;
    if (waiting === undefined) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    this.#waiting.delete(id as number);
    if (typeof message['error'] === 'string') waiting.reject(this.error(message['error']));
    else waiting.resolve(message);
  }
}
