// The crowd itself: connections that do as they are told by `crowd.ts`, whose child this is. What
// thousands of them cost is not to be mistaken for what their member takes.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { CrowdOrder, CrowdPlan, CrowdReport } from "./crowd.ts";

/** How the answers to those that were closed may begin. */
const ANSWERS_MAX = 20;
/** Addresses of loopback that differ in their last byte. */
const HOSTS_IN_BLOCK = 250;

class Crowd {
  readonly #plan: CrowdPlan;
  /** By when they came. */
  readonly #open = new Map<number, Socket>();
  /** What those that are slow have left to say. */
  readonly #unsaid = new Map<Socket, Buffer>();
  readonly #answers = new Set<string>();
  #begunCount = 0;
  #openedCount = 0;
  #closedCount = 0;
  #failedCount = 0;
  #newestClosed = -1;
  #isOver = false;

  constructor(plan: CrowdPlan) {
    this.#plan = plan;
    for (let count = 0; count < plan.atOnce; count++) this.#begin();
    if (plan.slowly !== undefined) setInterval(() => this.#goOn(), plan.slowly.everyMs);
  }

  report(): CrowdReport {
    const [oldestOpen] = this.#open.keys();
    return {
      begun: this.#begunCount,
      opened: this.#openedCount,
      closed: this.#closedCount,
      failed: this.#failedCount,
      open: this.#open.size,
      oldestOpen: oldestOpen ?? this.#begunCount,
      newestClosed: this.#newestClosed,
      answers: [...this.#answers].sort(),
    };
  }

  leave(): void {
    this.#isOver = true;
    for (const socket of this.#open.values()) socket.destroy();
  }

  /** The next one comes when this one is in, or cannot be. */
  #begin(): void {
    const { size, port, hosts, isSecure, offers = ["h2", "http/1.1"] } = this.#plan;
    if (this.#isOver || this.#begunCount >= size) return;
    const at = this.#begunCount++;
    const raw = connect({ port, host: "127.0.0.1", localAddress: addressOf(at % hosts) });
    const tls = { socket: raw, rejectUnauthorized: false, ALPNProtocols: [...offers] };
    const socket = isSecure === true ? connectTls(tls) : raw;
    let isIn = false;
    socket.once(isSecure === true ? "secureConnect" : "connect", () => {
      isIn = true;
      this.#openedCount++;
      this.#open.set(at, socket);
      this.#greet(socket, at);
      this.#begin();
    });
    // How it ends is told by the close that follows.
    for (const each of [raw, socket]) each.on("error", () => each.destroy());
    this.#listen(socket);
    socket.on("close", () => {
      this.#open.delete(at);
      this.#unsaid.delete(socket);
      if (isIn && !this.#isOver) {
        this.#closedCount++;
        this.#newestClosed = Math.max(this.#newestClosed, at);
      }
      if (isIn) return;
      this.#failedCount++;
      this.#begin();
    });
  }

  #greet(socket: Socket, at: number): void {
    const { says, slowly } = this.#plan;
    const text = says[at % says.length] ?? Buffer.alloc(0);
    const first = text.subarray(0, Math.max(text.length - (slowly?.last ?? 0), 0));
    if (first.length > 0) socket.write(first);
    if (first.length < text.length) this.#unsaid.set(socket, text.subarray(first.length));
  }

  /** A byte from each that has one left. */
  #goOn(): void {
    for (const [socket, rest] of this.#unsaid) {
      socket.write(rest.subarray(0, 1));
      if (rest.length > 1) this.#unsaid.set(socket, rest.subarray(1));
      else this.#unsaid.delete(socket);
    }
  }

  #listen(socket: Socket): void {
    const { answerBytes } = this.#plan;
    if (answerBytes === undefined) return;
    let heard: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      if (heard.length < answerBytes) heard = Buffer.concat([heard, chunk]);
    });
    socket.on("close", () => {
      const text = heard.subarray(0, answerBytes).toString("latin1");
      if (!this.#isOver && this.#answers.size < ANSWERS_MAX) this.#answers.add(text);
    });
  }
}

/** None of them is 127.0.0.1, from which honest clients come. */
function addressOf(host: number): string {
  return `127.0.${1 + Math.floor(host / HOSTS_IN_BLOCK)}.${1 + (host % HOSTS_IN_BLOCK)}`;
}

let crowd: Crowd | undefined;
process.on("message", (order: CrowdOrder) => {
  if (order.kind === "come") crowd = new Crowd(order.plan);
  process.send?.(crowd?.report());
  if (order.kind === "leave") crowd?.leave();
});
process.on("disconnect", () => process.exit());
