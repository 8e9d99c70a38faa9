/** Node's error codes as sentences for people. */

/** The `code` of a Node error (`ECONNREFUSED`), or the empty string. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { code, errors } = error as { code?: unknown; errors?: readonly unknown[] };
  if (typeof code === 'string' && code !== '') return code;
  // Several addresses were tried; the first failure stands for all.
  return Array.isArray(errors) && errors.length > 0 ? errorCode(errors[0]) : '';
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing accepts connections there',
  ECONNRESET: 'the other end broke the connection off',
  ECONNABORTED: 'the connection was broken off',
  EPIPE: 'the other end has closed the connection',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to this host',
  EHOSTDOWN: 'this host is down',
  ENETUNREACH: 'there is no way to this network',
  ENETDOWN: 'the network is down',
  EADDRNOTAVAIL: 'this machine has no address that can reach it',
  EACCES: 'this machine does not permit it',
  EPERM: 'this machine does not permit it',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'names cannot be looked up at the moment',
  EMFILE: 'too many files and connections are open; raise the limit with "ulimit -n"',
  ENFILE: 'the machine has too many files open',
  ENOBUFS: 'the machine is out of network buffers',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** Half a sentence that says why a network operation failed. */
export function networkReason(error: unknown): string {
  const code = errorCode(error);
  const reason = REASONS[code];
  if (reason !== undefined) return reason;
  const message = error instanceof Error ? error.message : String(error);
  return message === '' ? code || 'the reason is not known' : message;
}

/** Why `port` cannot be listened on, and what to do. */
export function listenSentence(port: number, host: string, error: unknown): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return `Port ${port} is in use by another program; choose another port, or 0 for any free one`;
    case 'EACCES':
      return `Port ${port} may not be used by this user; choose one above 1023`;
    case 'EADDRNOTAVAIL':
      return `Port ${port} cannot be listened on: this machine does not have the address ${host}`;
    case 'ERR_SOCKET_BAD_PORT':
      return `Port ${port} cannot be listened on: a port is a whole number from 0 to 65535`;
    default:
      return `Port ${port} cannot be listened on: ${networkReason(error)}`;
  }
}
