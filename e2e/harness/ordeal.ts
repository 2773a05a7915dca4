import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Bystander, type Witness } from "./bystander.ts";
import { ClusterClient, must } from "./cluster-client.ts";
import type { MemberProcess } from "./member-process.ts";
import { residentBytes } from "./resident-memory.ts";

/** Longer than this nobody may wait because of others. */
const HANG_MS = 1_000;
const ROUNDS = 2;
/** How much more memory it may hold than after the first round. */
const GROWTH_MAX = 1.2;
/** Those of its log and state come and go. */
const OWN_FILES_MORE = 10;
const RECOVERY_MS = 30_000;
const POLL_MS = 100;
const CALLER_KEY = "bystander";

/**
 * A member under attack. After each it has to be the same process; honest clients must have been
 * served all the while; and it may hold nothing that they did not write.
 */
export class Ordeal {
  readonly #member: MemberProcess;
  readonly #client: ClusterClient;
  readonly #visited: readonly string[];

  /** @param visited URLs to which honest newcomers come, each answered with 200 */
  constructor(member: MemberProcess, visited: readonly string[]) {
    this.#member = member;
    this.#client = new ClusterClient([member]);
    this.#visited = visited;
  }

  close(): void {
    this.#client.close();
  }

  /** Rejects when anybody or anything came to harm; else resolves with how it went. */
  async during(attack: () => Promise<void>): Promise<readonly Witness[]> {
    const { pid } = this.#member;
    const revision = await this.#revision();
    const hash = await this.#client.hashKv(0, revision);
    let putCount = 0;
    let callCount = 0;
    const caller = new Bystander("caller", this.#member, async () => {
      if (callCount++ % 2 === 1) return must(await this.#client.get(0, CALLER_KEY));
      putCount++;
      return must(await this.#client.put(0, CALLER_KEY, `${putCount}`));
    });
    const newcomers = this.#visited.map((url) => Bystander.newcomer(this.#member, url));
    const bystanders = [caller, ...newcomers];
    let failure: unknown;
    try {
      await attack();
    } catch (error) {
      failure = error;
    }
    const witnesses = await Promise.all(bystanders.map((bystander) => bystander.leave()));
    if (failure !== undefined) throw failure;
    const harms = witnesses
      .filter(({ slowestMs }) => slowestMs >= HANG_MS)
      .map(({ name, slowestMs }) => `the ${name} waited ${Math.round(slowestMs)} ms`);
    if (!this.#member.isRunning || this.#member.pid !== pid) harms.push("the member ended");
    const foreign = (await this.#revision()) - revision - putCount;
    if (foreign !== 0) harms.push(`${foreign} revisions were written by nobody honest`);
    if ((await this.#client.hashKv(0, revision)) !== hash) harms.push("the past has changed");
    if (harms.length > 0) throw new Error(`${harms.join("; ")}:\n${this.#member.output}`);
    return witnesses;
  }

  /**
   * Attacks again and again, and resolves when memory is as it was after the first time and nothing
   * stays open. Rejects when that does not come to be.
   */
  async outlasts(attack: () => Promise<void>): Promise<void> {
    const filesAtFirst = this.#openFiles();
    const isAlone = () => this.#openFiles() <= filesAtFirst + OWN_FILES_MORE;
    await attack();
    await until(isAlone, () => `${this.#openFiles()} files are open, not ${filesAtFirst}`);
    const before = residentBytes(this.#member);
    for (let round = 0; round < ROUNDS; round++) await attack();
    await until(isAlone, () => `${this.#openFiles()} files are open, not ${filesAtFirst}`);
    const isLean = () => residentBytes(this.#member) <= before * GROWTH_MAX;
    await until(isLean, () => `it holds ${residentBytes(this.#member)} bytes, not ${before}`);
  }

  /** Files and connections that it has open. */
  #openFiles(): number {
    return readdirSync(`/proc/${this.#member.pid}/fd`).length;
  }

  async #revision(): Promise<number> {
    const { header } = must(await this.#client.get(0, CALLER_KEY));
    return header?.revision ?? 0;
  }
}

async function until(isSo: () => boolean, otherwise: () => string): Promise<void> {
  const deadline = performance.now() + RECOVERY_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(otherwise());
    await delay(POLL_MS);
  }
}
