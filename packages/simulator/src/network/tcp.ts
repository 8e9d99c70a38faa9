import type { Cancellable, Dialer, Link, Listener, Timer } from 'freshet/engine';
import { formatAddress, type PeerAddress } from 'freshet/protocol';
import type { Fabric } from './fabric.ts';
import { GIVE_UP_MS, LinkConnection } from './link.ts';
import { canDial } from './nat.ts';
import type { SimHost } from './sim-host.ts';

const FIRST_EPHEMERAL_PORT = 49_152;

/** All listening ports of a network, and how they are connected to. */
export class TcpPorts {
  readonly #fabric: Fabric;
  readonly #hostOf: (address: string) => SimHost;
  readonly #listeners = new Map<string, (link: Link) => void>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(fabric: Fabric, hostOf: (address: string) => SimHost) {
    this.#fabric = fabric;
    this.#hostOf = hostOf;
  }

  dialer(from: SimHost): Dialer {
    return { dial: (address, handler) => this.#dial(from, address, handler) };
  }

  listener(host: SimHost): Listener {
    const open = new Set<string>();
    return {
      listen: async (port, onLink) => {
        const chosen = port === 0 ? this.#freePort() : port;
        const key = formatAddress({ host: host.address, port: chosen });
        if (this.#listeners.has(key))
          throw new Error(`Port ${chosen} of ${host.address} is in use: choose another one.`);
        this.#listeners.set(key, onLink);
        open.add(key);
        return chosen;
      },
      close: async () => {
        for (const key of open) this.#listeners.delete(key);
        open.clear();
      },
    };
  }

  #dial(from: SimHost, address: PeerAddress, handler: Parameters<Dialer['dial']>[1]): Cancellable {
    const { clock } = this.#fabric.agenda;
    const to = this.#hostOf(address.host);
    const name = formatAddress(address);
    const giveUp = (): Timer =>
      clock.setTimer(GIVE_UP_MS, () => handler.onError(new Error(`${name} did not answer within 30 s.`)));
    if (!canDial(from, to)) return giveUp();
    let timer = clock.setTimer(from.roundTrip(to), () => {
      const accept = this.#listeners.get(name);
      if (!canDial(from, to)) {
        timer = giveUp();
        return;
      }
      if (accept === undefined) {
        handler.onError(new Error(`Nobody listens on ${name}.`));
        return;
      }
      const fromAddress: PeerAddress = { host: from.address, port: this.#freePort() };
      const ends = { from, to, transport: 'tcp', fromAddress, toAddress: address } as const;
      const { a, b } = new LinkConnection(this.#fabric, ends);
      accept(b);
      handler.onLink(a);
    });
    return { cancel: () => timer.cancel() };
  }

  #freePort(): number {
    const port = this.#nextPort++;
    if (this.#nextPort > 65_535) this.#nextPort = FIRST_EPHEMERAL_PORT;
    return port;
  }
}
