import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const PROGRAM = join(import.meta.dirname, "crowd-process.ts");
const POLL_MS = 50;

/** Who comes, and what they do. */
export interface CrowdPlan {
  /** Connections in all. */
  readonly size: number;
  /** Of them on their way in at the same time. */
  readonly atOnce: number;
  readonly port: number;
  /** Addresses from which they come, in turn; none is that of honest clients. */
  readonly hosts: number;
  /** They shake hands before they say anything. */
  readonly isSecure?: boolean;
  /** What they offer to speak then: HTTP of either kind where nothing is named. */
  readonly offers?: readonly string[];
  /** How much of each answer is of interest; without it they read nothing. */
  readonly answerBytes?: number;
  /** What they say, in turn. Nothing where it is empty. */
  readonly says: readonly Buffer[];
  /** They say so many bytes at the end of it one by one, and the others at once. */
  readonly slowly?: { readonly last: number; readonly everyMs: number };
}

export interface CrowdReport {
  readonly begun: number;
  /** That came in. */
  readonly opened: number;
  /** By the other side, after they were in. */
  readonly closed: number;
  /** Before they were. */
  readonly failed: number;
  readonly open: number;
  /** They are counted as they came: the first that is still there, the last that is not. */
  readonly oldestOpen: number;
  readonly newestClosed: number;
  /** How different answers to those that were closed began, latin1. */
  readonly answers: readonly string[];
}

export type CrowdOrder =
  | { readonly kind: "come"; readonly plan: CrowdPlan }
  | { readonly kind: "report" }
  | { readonly kind: "leave" };

/** Many connections that mean no good, in a process of their own. */
export class Crowd {
  readonly #child: ChildProcess;

  private constructor() {
    this.#child = fork(PROGRAM, { serialization: "advanced" });
  }

  static async come(plan: CrowdPlan): Promise<Crowd> {
    const crowd = new Crowd();
    await crowd.#ask({ kind: "come", plan });
    return crowd;
  }

  report(): Promise<CrowdReport> {
    return this.#ask({ kind: "report" });
  }

  /** The first report of which this is so; the last one when it never is. */
  async until(isSo: (report: CrowdReport) => boolean, limitMs: number): Promise<CrowdReport> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const report = await this.report();
      if (isSo(report) || performance.now() > deadline) return report;
      await delay(POLL_MS);
    }
  }

  /** All of them go; resolves with how it was before. */
  async leave(): Promise<CrowdReport> {
    const ended = once(this.#child, "exit");
    const report = await this.#ask({ kind: "leave" });
    this.#child.disconnect();
    await ended;
    return report;
  }

  async #ask(order: CrowdOrder): Promise<CrowdReport> {
    this.#child.send(order);
    const [report] = (await once(this.#child, "message")) as [CrowdReport];
    return report;
  }
}
