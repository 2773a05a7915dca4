import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Guest, GuestList } from "../base/guest-list.ts";

/**
 * Connections that came before anybody is served. Nothing of them is looked at, so that a client
 * with other members to ask does not take this one for one that answers.
 */
export class WaitingRoom {
  readonly #guests: GuestList;
  readonly #clock: Clock;
  readonly #waiting = new Set<Comer>();

  constructor(guests: GuestList, clock: Clock) {
    this.#guests = guests;
    this.#clock = clock;
  }

  /** @param serve is called when the doors open, unless the connection has gone by then */
  take(socket: Socket, serve: () => void): void {
    const comer = new Comer(socket, this.#clock.monotonic(), serve, () => {
      this.#waiting.delete(comer);
      this.#guests.delete(comer);
    });
    if (this.#guests.admit(comer)) this.#waiting.add(comer);
    else comer.destroy();
  }

  /** Serves all who are here, in the order of their coming. */
  open(): void {
    for (const comer of this.#waiting) comer.enter();
  }

  destroy(): void {
    for (const comer of this.#waiting) comer.destroy();
  }
}

class Comer implements Guest {
  readonly arrivedMs: number;
  readonly hasAsked = false;
  readonly isWaiting = true;
  readonly #socket: Socket;
  readonly #serve: () => void;
  readonly #done: () => void;

  constructor(socket: Socket, arrivedMs: number, serve: () => void, done: () => void) {
    this.arrivedMs = arrivedMs;
    this.#socket = socket;
    this.#serve = serve;
    this.#done = done;
    socket.on("error", this.#failed);
    socket.on("close", this.#leave);
  }

  /** Nothing is heard of it here. */
  get heardMs(): number {
    return this.arrivedMs;
  }

  enter(): void {
    this.#leave();
    this.#serve();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#done();
  }

  readonly #failed = (): void => {
    this.#socket.destroy();
  };

  readonly #leave = (): void => {
    this.#socket.off("error", this.#failed);
    this.#socket.off("close", this.#leave);
    this.#done();
  };
}
