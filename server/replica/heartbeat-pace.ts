import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type Message, MessageType } from "../raft/message.ts";
import type { MessageSink, ReplicaTiming } from "./replica-parts.ts";

/** A heartbeat is late when more than so many intervals lie before it. */
const LATE_INTERVALS = 2;

export interface HeartbeatPaceOptions {
  readonly transport: MessageSink;
  readonly clock: Clock;
  readonly timing: ReplicaTiming;
  readonly log: Log;
}

/** Passes messages on, and notes when a leader that has too much to do sends heartbeats late. */
export class HeartbeatPace implements MessageSink {
  readonly #options: HeartbeatPaceOptions;
  readonly #sentMs = new Map<bigint, number>();
  #lateCount = 0;

  constructor(options: HeartbeatPaceOptions) {
    this.#options = options;
  }

  /** Heartbeats that were late. */
  get lateCount(): number {
    return this.#lateCount;
  }

  send(messages: readonly Message[]): void {
    for (const { type, to } of messages) if (type === MessageType.HEARTBEAT) this.#beat(to);
    this.#options.transport.send(messages);
  }

  activeSince(id: bigint): number | undefined {
    return this.#options.transport.activeSince(id);
  }

  /** Another member leads, or this one anew: silence before that was no lateness. */
  reset(): void {
    this.#sentMs.clear();
  }

  #beat(to: bigint): void {
    const { clock, timing, log } = this.#options;
    const nowMs = clock.monotonic();
    const expectedMs = LATE_INTERVALS * timing.heartbeatMs;
    const exceededMs = nowMs - (this.#sentMs.get(to) ?? nowMs) - expectedMs;
    this.#sentMs.set(to, nowMs);
    if (exceededMs <= 0) return;
    this.#lateCount++;
    log.warn(
      "leader failed to send out heartbeat on time; took too long, " +
        "leader is overloaded likely from slow disk",
      {
        to: hexId(to),
        "heartbeat-interval": `${timing.heartbeatMs}ms`,
        "expected-duration": `${expectedMs}ms`,
        "exceeded-duration": `${exceededMs.toFixed(3)}ms`,
      },
    );
  }
}
