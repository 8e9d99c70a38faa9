/** Named errors with a `code`, and the plain form in which they cross a port. */

/** What an error is on its way through a session: plain values that a structured clone keeps. */
export interface ErrorValue {
  readonly name: string;
  /** Machine-readable, upper case. */
  readonly code: string;
  /** One sentence that names the thing concerned. */
  readonly message: string;
  /** Of a torrent that is there already. */
  readonly infoHash?: string | undefined;
}

/** Base of every error that Freshet hands to a program. */
export class FreshetError extends Error {
  override readonly name: string = 'FreshetError';
  /** Machine-readable, upper case, such as `DUPLICATE_TORRENT`. */
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The client already has a torrent with this info-hash. */
export class DuplicateTorrentError extends FreshetError {
  override readonly name: string = 'DuplicateTorrentError';
  /** What the torrent that is there goes by, 40 hexadecimal characters, where that is known. */
  readonly infoHash: string | undefined;
  constructor(message: string, options?: { cause?: unknown; infoHash?: string | undefined }) {
    super('DUPLICATE_TORRENT', message, options);
    this.infoHash = options?.infoHash;
  }
}

/** What was given as a torrent is none: a magnet link without a hash, a damaged torrent file, an unknown kind of value. */
export class InvalidTorrentError extends FreshetError {
  override readonly name: string = 'InvalidTorrentError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('INVALID_TORRENT', message, options);
  }
}

/** A torrent file or a file to seed could not be fetched or read. */
export class SourceError extends FreshetError {
  override readonly name: string = 'SourceError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('SOURCE', message, options);
  }
}

/** The client, torrent or file has been destroyed. */
export class DestroyedError extends FreshetError {
  override readonly name: string = 'DestroyedError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('DESTROYED', message, options);
  }
}

/** No torrent of the client fits. */
export class TorrentNotFoundError extends FreshetError {
  override readonly name: string = 'TorrentNotFoundError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('TORRENT_NOT_FOUND', message, options);
  }
}

/** The program or person that asked has changed its mind: an `AbortSignal` fired. */
export class AbortedError extends FreshetError {
  override readonly name: string = 'AbortError';
  constructor(message: string = 'The operation was aborted.', options?: { cause?: unknown }) {
    super('ABORTED', message, options);
  }
}

/** An argument or option is out of range, or not available on this platform. */
export class ArgumentError extends FreshetError {
  override readonly name: string = 'ArgumentError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('ARGUMENT', message, options);
  }
}

/**
 * Storage failed. `code` says how: `FULL`, `READ_ONLY`, `NOT_FOUND`, `EXISTS`, `UNSAFE_PATH`, `CHANGED`, `IO` or
 * `CLOSED`; or `NOT_KEPT`, as a warning, when a page keeps a download in memory instead of OPFS.
 */
export class StorageError extends FreshetError {
  override readonly name: string = 'StorageError';
}

/** The byte stream of a file ended before its time. */
export class StreamError extends FreshetError {
  override readonly name: string = 'StreamError';
  constructor(message: string, options?: { cause?: unknown }) {
    super('STREAM', message, options);
  }
}

const byCode: ReadonlyMap<string, new (message: string, options?: { cause?: unknown }) => FreshetError> =
  new Map<string, new (message: string, options?: { cause?: unknown }) => FreshetError>([
    ['INVALID_TORRENT', InvalidTorrentError],
    ['SOURCE', SourceError],
    ['DESTROYED', DestroyedError],
    ['TORRENT_NOT_FOUND', TorrentNotFoundError],
    ['ABORTED', AbortedError],
    ['ARGUMENT', ArgumentError],
    ['STREAM', StreamError],
  ]);

/** The plain form of anything thrown. */
export function toErrorValue(error: unknown): ErrorValue {
  if (error instanceof Error) {
    const code: unknown = 'code' in error ? error.code : undefined;
    const infoHash: unknown = 'infoHash' in error ? error.infoHash : undefined;
    return {
      name: error.name,
      code: typeof code === 'string' ? code : 'INTERNAL',
      message: error.message,
      ...(typeof infoHash === 'string' && { infoHash }),
    };
  }
  return { name: 'Error', code: 'INTERNAL', message: String(error) };
}

/** The error that programs see: an instance of the class that fits its name and code. */
export function fromErrorValue(value: ErrorValue, cause?: unknown): FreshetError {
  const options = cause === undefined ? undefined : { cause };
  if (value.name === 'DiskError' || value.name === 'StorageError') {
    return new StorageError(value.code, value.message, options);
  }
  if (value.name === 'MetainfoError' || value.name === 'MagnetError') {
    return new InvalidTorrentError(value.message, options);
  }
  if (value.code === 'DUPLICATE_TORRENT') {
    return new DuplicateTorrentError(value.message, { ...options, infoHash: value.infoHash });
  }
  if (value.name === 'ReaderError') return new StreamError(value.message, options);
  const Class = byCode.get(value.code);
  return Class === undefined
    ? new FreshetError(value.code, value.message, options)
    : new Class(value.message, options);
}

/** Anything thrown, as an error with a name and a code. */
export function toFreshetError(error: unknown): FreshetError {
  return error instanceof FreshetError ? error : fromErrorValue(toErrorValue(error), error);
}
