import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program on a machine of the slow lines, that is told lines and prints some. */
export class Program {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #waiting: ((line: string) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;
  #ended: Error | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting === undefined) this.#lines.push(line);
      else waiting(line);
    });
    child.on('exit', (code) => {
      this.#ended = new Error(`A program on a real line ended with ${code}.`);
      this.#failed?.(this.#ended);
    });
  }

  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** The next line that it prints. */
  line(): Promise<string> {
    const next = this.#lines.shift();
    if (next !== undefined) return Promise.resolve(next);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      this.#failed = reject;
    });
  }

  async ask(line: string): Promise<string> {
    this.tell(line);
    return await this.line();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
