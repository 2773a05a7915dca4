import { readFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import type { MemberProcess } from "./member-process.ts";

const PAUSE_MS = 20;
const ANSWER_LIMIT_MS = 20_000;
const NS_PER_MS = 1e6;
/** Addresses that newcomers come from. */
const HOSTS = 250;

/** How it went for an honest client. */
export interface Witness {
  readonly name: string;
  readonly answers: number;
  /** What a process waited for its turn on a busy machine is nobody's fault, and left out. */
  readonly slowestMs: number;
}

/** An honest client that asks again and again while others do harm. */
export class Bystander {
  readonly #name: string;
  readonly #pids: readonly number[];
  readonly #ended: Promise<void>;
  #answers = 0;
  #slowestMs = 0;
  #isLeaving = false;

  /** @param ask one question, answered when it resolves */
  constructor(name: string, member: MemberProcess, ask: () => Promise<unknown>) {
    this.#name = name;
    this.#pids = [process.pid, member.pid];
    this.#ended = this.#goOn(ask);
    // Told by `leave`.
    this.#ended.catch(() => undefined);
  }

  /** Comes anew for every question to this URL. */
  static newcomer(member: MemberProcess, url: string): Bystander {
    return new Bystander(`newcomer to ${url}`, member, () => visit(url));
  }

  /** Rejects when an answer failed. */
  async leave(): Promise<Witness> {
    this.#isLeaving = true;
    await this.#ended;
    return { name: this.#name, answers: this.#answers, slowestMs: this.#slowestMs };
  }

  async #goOn(ask: () => Promise<unknown>): Promise<void> {
    while (!this.#isLeaving || this.#answers === 0) {
      const [askedAt, queuedBefore] = [performance.now(), this.#queuedMs()];
      await ask();
      const queuedMs = this.#queuedMs() - queuedBefore;
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - askedAt - queuedMs);
      this.#answers++;
      await delay(PAUSE_MS);
    }
  }

  /** What the first threads of client and member have ever waited for a processor. */
  #queuedMs(): number {
    let sum = 0;
    for (const pid of this.#pids) {
      const [, waitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ");
      sum += Number(waitedNs) / NS_PER_MS;
    }
    return sum;
  }
}

let visits = 0;

/**
 * One GET on a connection of its own, from one address after the other: to a pair of ports that was
 * used a moment ago the kernel may not answer, and the client waits a second before it asks again.
 * Rejects for any status but 200.
 */
export function visit(url: string): Promise<void> {
  const localAddress = `127.0.2.${1 + (visits++ % HOSTS)}`;
  const common = { agent: false, timeout: ANSWER_LIMIT_MS, localAddress } as const;
  return new Promise((resolve, reject) => {
    const request = url.startsWith("https:")
      ? requestHttps(url, { ...common, rejectUnauthorized: false })
      : requestHttp(url, common);
    request.on("timeout", () => request.destroy(new Error(`no answer from ${url}`)));
    request.on("error", reject);
    request.on("response", (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${response.statusCode} from ${url}`));
      });
    });
    request.end();
  });
}
