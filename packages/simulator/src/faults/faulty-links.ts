import type {
  Cancellable,
  Clock,
  Dialer,
  Link,
  LinkHandler,
  Listener,
  RtcConnector,
  RtcHandler,
  Timer,
} from 'freshet/engine';
import type { Calls } from './calls.ts';

export function faultyDialer(dialer: Dialer, clock: Clock, calls: Calls): Dialer {
  return {
    dial: (address, handler) => {
      if (calls.next('dial')) {
        return later(clock, () =>
          handler.onError(new Error(`${address.host}:${address.port} refuses the connection.`)),
        );
      }
      return dialer.dial(address, {
        onLink: (link) => handler.onLink(new FaultyLink(link, clock, calls)),
        onError: (error) => handler.onError(error),
      });
    },
  };
}

export function faultyListener(listener: Listener, clock: Clock, calls: Calls): Listener {
  return {
    listen: async (port, onLink) => {
      if (calls.next('listen')) throw new Error(`Port ${port} is taken: choose another one.`);
      return listener.listen(port, (link) => {
        const faulty = new FaultyLink(link, clock, calls);
        onLink(faulty);
        if (calls.next('accept')) faulty.break();
      });
    },
    close: () => listener.close(),
  };
}

export function faultyRtc(rtc: RtcConnector, clock: Clock, calls: Calls): RtcConnector {
  const wrapped = (handler: RtcHandler): RtcHandler => ({
    onDescription: (sdp) => handler.onDescription(sdp),
    onLink: (link) => handler.onLink(new FaultyLink(link, clock, calls)),
    onError: (error) => handler.onError(error),
  });
  const failed = (handler: RtcHandler): ReturnType<RtcConnector['offer']> => ({
    ...later(clock, () => handler.onError(new Error('WebRTC is not to be had at the moment.'))),
    accept: () => {},
  });
  return {
    offer: (handler) => (calls.next('offer') ? failed(handler) : rtc.offer(wrapped(handler))),
    answer: (sdp, handler) => (calls.next('answer') ? failed(handler) : rtc.answer(sdp, wrapped(handler))),
  };
}

function later(clock: Clock, action: () => void): Cancellable {
  const timer = clock.setTimer(0, action);
  return { cancel: () => timer.cancel() };
}

/** A link that breaks when a call fails: when it sends, or instead of data that has arrived. */
class FaultyLink implements Link {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #calls: Calls;
  #handler: LinkHandler | undefined;
  #breaking: Timer | undefined;
  #ended = false;

  constructor(link: Link, clock: Clock, calls: Calls) {
    this.#link = link;
    this.#clock = clock;
    this.#calls = calls;
  }

  get transport(): Link['transport'] {
    return this.#link.transport;
  }

  get remote(): Link['remote'] {
    return this.#link.remote;
  }

  get queuedBytes(): number {
    return this.#link.queuedBytes;
  }

  get highWater(): number {
    return this.#link.highWater;
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler;
    this.#link.attach({
      onData: (chunk) => {
        if (this.#ended) return;
        if (this.#calls.next('receive')) this.break();
        else handler.onData(chunk);
      },
      onDrain: () => {
        if (!this.#ended) handler.onDrain();
      },
      onClose: (error) => {
        if (this.#ended) return;
        this.#ended = true;
        handler.onClose(error);
      },
    });
  }

  send(parts: readonly Uint8Array[]): void {
    if (this.#ended) return;
    if (this.#calls.next('send')) this.break();
    else this.#link.send(parts);
  }

  pauseReading(): void {
    this.#link.pauseReading();
  }

  resumeReading(): void {
    this.#link.resumeReading();
  }

  close(): void {
    this.#ended = true;
    this.#breaking?.cancel();
    this.#link.close();
  }

  /** The connection is gone; its owner hears of it in a moment. */
  break(): void {
    this.#ended = true;
    this.#link.close();
    this.#breaking = this.#clock.setTimer(0, () =>
      this.#handler?.onClose(new Error('The connection was reset.')),
    );
  }
}
