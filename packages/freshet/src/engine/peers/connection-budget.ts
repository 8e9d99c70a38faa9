/** Connections of the whole client: outgoing, incoming, WebRTC offers and answers, all out of one budget. */
export class ConnectionBudget {
  readonly max: number;
  readonly maxDialing: number;
  #open = 0;
  #dialing = 0;

  /**
   * @param max connections of all kinds at a time.
   * @param maxDialing outgoing ones that are not open yet: home routers choke on more.
   */
  constructor(max: number, maxDialing: number) {
    this.max = max;
    this.maxDialing = maxDialing;
  }

  get open(): number {
    return this.#open;
  }

  get dialing(): number {
    return this.#dialing;
  }

  /** Whether one more connection may be made or accepted. */
  get hasRoom(): boolean {
    return this.#open + this.#dialing < this.max;
  }

  /** Takes a place for an outgoing connection that is about to be dialled. */
  tryDial(): boolean {
    if (!this.hasRoom || this.#dialing >= this.maxDialing) return false;
    this.#dialing++;
    return true;
  }

  dialEnded(): void {
    this.#dialing--;
  }

  /** Takes a place for a connection that is open. */
  tryOpen(): boolean {
    if (!this.hasRoom) return false;
    this.#open++;
    return true;
  }

  closed(): void {
    this.#open--;
  }
}
