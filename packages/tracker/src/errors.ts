export type TrackerErrorCode =
  | 'ERR_PORT_IN_USE'
  | 'ERR_PORT_NOT_ALLOWED'
  | 'ERR_ADDRESS_NOT_AVAILABLE'
  | 'ERR_LISTEN'
  | 'ERR_CLOSED';

/** What can go wrong when a tracker is started. The message is one sentence for a person. */
export class TrackerError extends Error {
  readonly code: TrackerErrorCode;

  constructor(code: TrackerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TrackerError';
    this.code = code;
  }
}

/** Turns what `server.listen` reports into an error that says what to do. */
export function listenError(
  cause: NodeJS.ErrnoException,
  host: string | undefined,
  port: number,
): TrackerError {
  const where = host === undefined ? `port ${port}` : `port ${port} on ${host}`;
  switch (cause.code) {
    case 'EADDRINUSE':
      return new TrackerError(
        'ERR_PORT_IN_USE',
        `The tracker cannot listen on ${where} because another program uses it: stop that program or choose another port (0 takes any free one).`,
        { cause },
      );
    case 'EACCES':
      return new TrackerError(
        'ERR_PORT_NOT_ALLOWED',
        `The tracker may not listen on ${where}: choose a port above 1023 or run it with the right to use lower ones.`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new TrackerError(
        'ERR_ADDRESS_NOT_AVAILABLE',
        `The tracker cannot listen on ${where} because this machine has no such address.`,
        { cause },
      );
    default:
      return new TrackerError('ERR_LISTEN', `The tracker cannot listen on ${where}: ${cause.message}.`, {
        cause,
      });
  }
}
