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
  /** With what serves each; in the order of their coming. */
  readonly #waiting = new Map<Guest, () => void>();

  constructor(guests: GuestList, clock: Clock) {
    this.#guests = guests;
    this.#clock = clock;
  }

  /** @param serve is called when the doors open, unless the connection has gone by then */
  take(socket: Socket, serve: () => void): void {
    const arrivedMs = this.#clock.monotonic();
    const destroy = () => {
      leave();
      socket.destroy();
    };
    // Nothing is heard of it here.
    const guest = { arrivedMs, heardMs: arrivedMs, hasAsked: false, isWaiting: true, destroy };
    const leave = () => {
      socket.off("close", leave);
      this.#waiting.delete(guest);
      this.#guests.delete(guest);
    };
    socket.on("error", destroy);
    socket.on("close", leave);
    if (!this.#guests.admit(guest)) {
      destroy();
      return;
    }
    this.#waiting.set(guest, () => {
      socket.off("error", destroy);
      leave();
      serve();
    });
  }

  /** Serves all who are here, in the order of their coming. */
  open(): void {
    for (const enter of this.#waiting.values()) enter();
  }

  destroy(): void {
    for (const guest of this.#waiting.keys()) guest.destroy();
  }
}
