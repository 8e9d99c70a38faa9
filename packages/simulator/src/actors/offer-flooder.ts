import type { MessageSocket, RtcAttempt } from 'freshet/engine';
import {
  decodeWsServerMessage,
  encodeHaveNone,
  encodeInterested,
  encodeWsAnnounce,
  toHex,
  type WsOfferItem,
} from 'freshet/protocol';
import type { World } from '../world.ts';
import { type ActorOptions, type Script, type Wire, WireActor } from './wire.ts';

export interface OfferFlooderOptions extends ActorOptions {
  /** Of the WebSocket tracker. */
  readonly tracker: string;
}

/** Milliseconds between two announces, each by a new name, and offers in one: as many as trackers pass on. */
const INTERVAL = 500;
const OFFERS = 10;

/** A browser that makes hundreds of WebRTC offers through the tracker, by ever new names, and holds what comes of them. */
export class OfferFlooder extends WireActor {
  offers = 0;
  identities = 0;
  /** Offers that somebody answered. */
  answered = 0;
  readonly #tracker: string;
  readonly #attempts = new Map<string, RtcAttempt>();
  #socket: MessageSocket | undefined;

  constructor(world: World, options: OfferFlooderOptions) {
    super(world, { ...options, kind: 'browser' });
    this.#tracker = options.tracker;
  }

  start(): void {
    this.#socket = this.host.ports.sockets.connect(this.#tracker, {
      onOpen: () => this.#announce(),
      onMessage: (text) => this.#onMessage(text),
      onClose: () => this.after(INTERVAL, () => this.start()),
    });
  }

  override stop(): void {
    super.stop();
    this.#socket?.close();
    for (const attempt of this.#attempts.values()) attempt.cancel();
  }

  protected override begin(wire: Wire): void {
    wire.greet(this.newId(), { m: this.extensions });
    wire.say(encodeHaveNone(), encodeInterested());
  }

  protected override script(): Script {
    return {};
  }

  #onMessage(text: string): void {
    const message = decodeWsServerMessage(text);
    if (!('kind' in message) || message.kind !== 'answer') return;
    this.answered++;
    this.#attempts.get(toHex(message.offerId))?.accept(message.answer.sdp);
  }

  #announce(): void {
    this.after(INTERVAL, () => this.#announce());
    const { rtc } = this.host.ports;
    if (rtc === undefined) return;
    const items: WsOfferItem[] = [];
    for (let i = 0; i < OFFERS; i++) {
      const offerId = new Uint8Array(20);
      this.host.random.fill(offerId);
      const key = toHex(offerId);
      const attempt = rtc.offer({
        onDescription: (sdp) => {
          items.push({ offer: { type: 'offer', sdp }, offerId: offerId as WsOfferItem['offerId'] });
          if (items.length === OFFERS) this.#send(items);
        },
        onLink: (link) => {
          this.#attempts.delete(key);
          this.open(link);
        },
        onError: () => void this.#attempts.delete(key),
      });
      this.#attempts.set(key, attempt);
    }
  }

  #send(offers: readonly WsOfferItem[]): void {
    if (this.stopped) return;
    this.identities++;
    this.offers += offers.length;
    this.#socket?.send(
      encodeWsAnnounce({
        infoHash: this.content.infoHash,
        peerId: this.newId(),
        left: 1,
        numwant: OFFERS,
        offers,
      }),
    );
  }
}
