import { EPSILON, type Target } from './agenda.ts';
import { CongestionWindow } from './congestion.ts';
import { draw, type Fabric } from './fabric.ts';
import { type PipeSink, Receiver } from './receiver.ts';
import type { SimHost } from './sim-host.ts';
import { NO_BYTES, PACKET, QUANTUM, type Train } from './train.ts';

const RECEIVE_BUFFER = 256 * 1024;
/** A train with less is filled up with the beginning of the next part. */
const WELL_FILLED = QUANTUM / 2;

export interface PipeOptions {
  readonly from: SimHost;
  readonly to: SimHost;
  /** For the trace: one of `DELIVERED`. */
  readonly kind: number;
  /** `onDrained` is called when no more than this is queued, after more than twice as much was. */
  readonly lowWater: number;
  readonly onDrained: () => void;
  /** Bytes that are received for an end that does not read. Default 256 KiB. */
  readonly receiveBuffer?: number | undefined;
}

/**
 * One direction of a connection: bytes in order, as TCP and SCTP carry them. What is sent waits here until the
 * sender's line and the congestion window take it, travels as trains of packets, and is received by the other host.
 */
export class Pipe implements Target {
  readonly from: SimHost;
  readonly to: SimHost;
  readonly kind: number;
  /** Of the same connection: ends when the other end has said that it has gone. */
  reverse: Pipe | undefined;
  /** Accepted and not yet handed to the network. */
  queuedBytes = 0;
  /** Arrived, and waiting for the receiver's line. */
  waitingBytes = 0;
  /** Its turn there. */
  tag = 0;

  readonly #fabric: Fabric;
  readonly #lowWater: number;
  readonly #receiveBuffer: number;
  readonly #onDrained: () => void;
  readonly #window = new CongestionWindow();
  #queue: Uint8Array[] | undefined;
  #first = 0;
  #last = 0;
  #wasAbove = false;
  /** Among those that take turns on the sender's line. */
  #inRing = false;
  #ending: 'no' | 'queued' | 'sent' = 'no';
  /** `lost`: nothing arrives any more, and nobody knows. */
  #state: 'open' | 'lost' | 'dead' = 'open';

  // On the way.
  #trains = 0;
  #lastArrival = 0;
  /** Single packets, by the time at which they are received. */
  #packets: Train | undefined;
  #lastPacket: Train | undefined;
  #packetsDue = Number.POSITIVE_INFINITY;
  #wakeAt = Number.POSITIVE_INFINITY;

  // At the receiver.
  readonly #receiver: Receiver;
  #flushAt = Number.POSITIVE_INFINITY;

  constructor(fabric: Fabric, options: PipeOptions) {
    const { from, to, kind, lowWater, onDrained } = options;
    this.#fabric = fabric;
    this.from = from;
    this.to = to;
    this.kind = kind;
    this.#lowWater = lowWater;
    this.#receiveBuffer = options.receiveBuffer ?? RECEIVE_BUFFER;
    this.#onDrained = onDrained;
    this.#receiver = new Receiver(fabric.copies);
  }

  get isDead(): boolean {
    return this.#state !== 'open';
  }

  /** Something of it may still be without an acknowledgement. */
  get isUnacknowledged(): boolean {
    return this.queuedBytes > 0 || this.#trains > 0 || this.#packets !== undefined;
  }

  get #roundTrip(): number {
    return this.from.roundTrip(this.to);
  }

  // --- the sender's end

  /** Sends the views in order. */
  write(parts: readonly Uint8Array[]): void {
    if (this.#state === 'dead' || this.#ending !== 'no') return;
    let length = 0;
    for (let i = 0; i < parts.length; i++) length += parts[i]!.length;
    if (length === 0) return;
    const now = this.#fabric.agenda.clock.now();
    if (length <= PACKET && this.#canExpress(now)) {
      this.#sendPacket(parts, length, now, false);
      return;
    }
    this.#queue ??= [];
    for (let i = 0; i < parts.length; i++) {
      if (parts[i]!.length > 0) this.#queue[this.#last++] = parts[i]!;
    }
    this.queuedBytes += length;
    if (this.queuedBytes > 2 * this.#lowWater) this.#wasAbove = true;
    this.#join(now);
  }

  /** Ends the pipe after what is queued. */
  end(): void {
    if (this.#state !== 'open' || this.#ending !== 'no') return;
    this.#ending = 'queued';
    this.#wasAbove = false;
    const now = this.#fabric.agenda.clock.now();
    if (this.queuedBytes === 0) this.#sendEnd(now);
  }

  /** What is queued is not sent any more, as nobody wants it. What is under way arrives. */
  abandon(): void {
    this.#queue = undefined;
    this.#first = 0;
    this.#last = 0;
    this.queuedBytes = 0;
    this.#wasAbove = false;
    if (this.#ending === 'no') this.#ending = 'sent';
  }

  /** What is on its way is lost, and what is sent later too. */
  lose(): void {
    if (this.#state === 'open') this.#state = 'lost';
  }

  /** Nothing happens any more at either end. */
  kill(): void {
    this.abandon();
    this.#state = 'dead';
    this.#receiver.ignore();
  }

  /** Whether it takes part in the next round of the sender's line. */
  get isReady(): boolean {
    return this.#inRing;
  }

  /** Hands one train to the network; returns its length, 0 when there is nothing or it may not. */
  transmit(now: number): number {
    this.#inRing = false;
    if (this.#state !== 'open' || this.queuedBytes === 0) return 0;
    const room = this.#room(now);
    if (room === 0) {
      this.#sleep(this.#window.nextAck);
      return 0;
    }
    const train = this.#fabric.yard.take(this, now);
    this.#load(train, Math.min(room, QUANTUM));
    const { length } = train;
    this.from.sent += length;
    this.#window.onSent(now, length);
    const start = now + Math.min(PACKET, length) * this.from.up.msPerByte;
    const end = now + length * this.from.up.msPerByte;
    // The receiver's line begins when the first packet is there, but cannot have received the last one before it came.
    const slack = Math.max(0, length - PACKET) * this.to.down.msPerByte;
    this.#dispatch(train, Math.max(start, end - slack) + this.#delay(train));
    if (this.queuedBytes > 0) this.#inRing = true;
    else if (this.#ending === 'queued') this.#sendEnd(now);
    return length;
  }

  /** Tells the owner if there is room again; returns whether it did. */
  tellDrain(): boolean {
    if (!this.#wasAbove || this.queuedBytes > this.#lowWater) return false;
    this.#wasAbove = false;
    this.#onDrained();
    return true;
  }

  /** A queue on its way was full. */
  onQueueFull(now: number): void {
    this.#window.onCongestion(now, this.#roundTrip);
  }

  #join(now: number): void {
    if (this.#inRing || this.queuedBytes === 0 || this.#state !== 'open') return;
    this.#inRing = true;
    this.from.up.join(this, now);
  }

  /** Until an acknowledgement lets it go on; the receiver wakes it when none is due yet. */
  #sleep(until: number): void {
    if (until >= this.#wakeAt || until === Number.POSITIVE_INFINITY) return;
    this.#wakeAt = until;
    this.#fabric.agenda.add(until, this);
  }

  #room(now: number): number {
    const room = this.#window.room(now, this.#roundTrip, this.queuedBytes);
    return this.#isFull(0) ? 0 : room;
  }

  /** The receiver does not read and its buffer cannot take more. */
  #isFull(more: number): boolean {
    const { reads, heldBytes } = this.#receiver;
    return !reads && this.#window.underWay + heldBytes + more >= this.#receiveBuffer;
  }

  #canExpress(now: number): boolean {
    return (
      this.queuedBytes === 0 &&
      this.#trains === 0 &&
      this.#state === 'open' &&
      !this.#isFull(PACKET) &&
      this.from.up.hasExpress(now) &&
      this.to.down.hasExpress(now)
    );
  }

  /** Single packets do not wait for the trains of other pipes, and cost one event. */
  #sendPacket(parts: readonly Uint8Array[], length: number, now: number, end: boolean): void {
    this.from.sent += length;
    const left = this.from.up.express(now, length);
    const last = this.#lastPacket;
    if (last !== undefined && last.sentAt === now && !last.end && !end && last.length + length <= PACKET) {
      // What is said at the same moment travels in the same packet.
      this.#append(last, parts, length);
      return;
    }
    const packet = this.#fabric.yard.take(this, now);
    packet.end = end;
    this.#append(packet, parts, length);
    const arrival = Math.max(this.#lastArrival, left + this.#delay(packet));
    this.#lastArrival = arrival;
    packet.time = Math.max(arrival + this.to.down.express(now, length), last?.time ?? 0);
    if (last === undefined) this.#packets = packet;
    else last.next = packet;
    this.#lastPacket = packet;
    if (packet.lost) this.#window.onCongestion(now, this.#roundTrip);
    this.#awaitPacket(packet.time);
  }

  #append(train: Train, parts: readonly Uint8Array[], length: number): void {
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      if (part.length > 0) train.parts[train.count++] = this.#fabric.copies ? part.slice() : part;
    }
    train.length += length;
  }

  #sendEnd(now: number): void {
    this.#ending = 'sent';
    if (this.#trains === 0) {
      this.#sendPacket([], 0, now, true);
      return;
    }
    const train = this.#fabric.yard.take(this, now);
    train.end = true;
    this.#dispatch(train, now);
  }

  #dispatch(train: Train, arrival: number): void {
    // Whatever happens to it on the way, it does not overtake.
    train.time = Math.max(arrival, this.#lastArrival);
    this.#lastArrival = train.time;
    this.#trains++;
    this.to.down.expect(train);
  }

  /** Takes parts off the queue: whole ones where they fit, as cutting makes views. */
  #load(train: Train, most: number): void {
    let length = 0;
    const queue = this.#queue!;
    while (length < most && this.#first < this.#last) {
      let part = queue[this.#first]!;
      if (length + part.length > most) {
        if (length >= WELL_FILLED) break;
        queue[this.#first] = part.subarray(most - length);
        part = part.subarray(0, most - length);
      } else {
        queue[this.#first++] = NO_BYTES;
      }
      train.parts[train.count++] = this.#fabric.copies ? part.slice() : part;
      length += part.length;
      if (length >= 16_384) break;
    }
    train.length = length;
    this.queuedBytes -= length;
    if (this.#first === this.#last) {
      this.#first = 0;
      this.#last = 0;
    } else if (this.#first > 1024) {
      this.#queue = queue.slice(this.#first, this.#last);
      this.#last -= this.#first;
      this.#first = 0;
    }
  }

  /** The way from line to line, by chance longer. */
  #delay(train: Train): number {
    const { from, to } = this;
    const { loss, jitter } = this.#fabric.chance;
    let delay = from.latencyMs + to.latencyMs;
    const most = from.jitterMs + to.jitterMs;
    if (most > 0) delay += draw(jitter) * most;
    if (from.loss > 0 || to.loss > 0) {
      const arrives = (1 - from.loss) * (1 - to.loss);
      let chance = 1 - arrives ** Math.ceil(Math.max(1, train.length) / PACKET);
      while (draw(loss) < chance && delay < 64 * this.#roundTrip + 60_000) {
        train.lost = true;
        delay += Math.max(1, this.#roundTrip);
        chance = 1 - arrives;
      }
    }
    return delay;
  }

  // --- the way

  fire(now: number): boolean {
    let called = false;
    if (this.#flushAt <= now + EPSILON) {
      this.#flushAt = Number.POSITIVE_INFINITY;
      called = this.#receiver.flush();
    }
    if (this.#packetsDue <= now + EPSILON) {
      this.#packetsDue = Number.POSITIVE_INFINITY;
      called = this.#receivePackets(now) || called;
      if (this.#packets !== undefined) this.#awaitPacket(this.#packets.time);
    }
    if (this.#wakeAt <= now + EPSILON) {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#wake(now);
    }
    return called;
  }

  #wake(now: number): void {
    if (this.#inRing || this.queuedBytes === 0) return;
    if (this.#room(now) > 0) this.#join(now);
    else this.#sleep(this.#window.nextAck);
  }

  #awaitPacket(time: number): void {
    if (time >= this.#packetsDue) return;
    this.#packetsDue = time;
    this.#fabric.agenda.add(time, this);
  }

  /** @param now those that are later come now too when it is infinite. */
  #receivePackets(now: number): boolean {
    let called = false;
    for (;;) {
      const packet = this.#packets;
      if (packet === undefined || packet.time > now + EPSILON) return called;
      this.#packets = packet.next;
      if (packet.next === undefined) this.#lastPacket = undefined;
      called = this.#receive(packet, this.#fabric.agenda.clock.now()) || called;
      this.#fabric.yard.give(packet);
    }
  }

  /** The receiver's line has received it. Returns whether code outside was called. */
  receiveTrain(train: Train, now: number): boolean {
    this.#trains--;
    // Sent before it, and late only because of the queue.
    if (this.#packets !== undefined) this.#receivePackets(Number.POSITIVE_INFINITY);
    if (train.length > 0) {
      const time = now + this.from.latencyMs + this.to.latencyMs;
      this.#window.acknowledge(time, train.length, train.lost);
      if (!this.#inRing && this.queuedBytes > 0) this.#sleep(time);
    }
    return this.#receive(train, now);
  }

  // --- the receiver's end

  attach(sink: PipeSink): void {
    this.#receiver.attach(sink);
    this.#flushSoon();
  }

  pause(): void {
    this.#receiver.pause();
  }

  resume(): void {
    if (this.#receiver.resume()) this.#flushSoon();
  }

  /** What comes is thrown away. */
  ignore(): void {
    this.#receiver.ignore();
    this.#openWindow();
  }

  #receive(train: Train, now: number): boolean {
    if (this.#state !== 'open') return false;
    const { to } = this;
    to.received += train.length;
    const { trace, tracesBytes } = this.#fabric;
    trace?.note(now, this.kind, to.number, train.end ? -1 : train.length);
    const { parts, count } = train;
    let called = false;
    for (let i = 0; i < count; i++) {
      const part = parts[i]!;
      if (tracesBytes) trace?.bytes(part);
      if (!this.isDead && this.#receiver.receive(part)) called = true;
    }
    if (train.end) {
      this.reverse?.abandon();
      called = this.#receiver.end() || called;
    }
    return called;
  }

  #flushSoon(): void {
    this.#openWindow();
    if (!this.#receiver.waits) return;
    const now = this.#fabric.agenda.clock.now();
    if (this.#flushAt === now) return;
    this.#flushAt = now;
    this.#fabric.agenda.add(now, this);
  }

  /** The sender learns that there is room. */
  #openWindow(): void {
    if (this.queuedBytes === 0 || this.#inRing) return;
    const now = this.#fabric.agenda.clock.now();
    this.#sleep(now + this.from.latencyMs + this.to.latencyMs);
  }
}
