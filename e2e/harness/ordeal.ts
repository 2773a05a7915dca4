import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Bystander, visit, type Witness } from "./bystander.ts";
import { ClusterClient, must } from "./cluster-client.ts";
import { LiveMemory } from "./live-memory.ts";
import type { MemberProcess } from "./member-process.ts";
import { peakResidentBytes, residentBytes } from "./resident-memory.ts";

/** Longer than this nobody who reads may wait because of others. */
const HANG_MS = 1_000;
/** The same of who writes: how long that takes is up to the disk of the host, not to the member alone. */
const WRITE_HANG_MS = 5_000;
const ROUNDS = 2;
/** Honest questions of each kind before anything is measured: what they run is compiled by then. */
const WARM_UP_QUESTIONS = 300;
/** Of those that write, under way at once: one by one they would wait for the disk as often. */
const WARM_UP_AT_ONCE = 10;
/** How much more memory it may hold in the end. */
const GROWTH_MAX = 1.2;
/** And for each write of the honest, whose revision it has to remember. */
const PUT_BYTES = 300;
/** Those of its log and state come and go. */
const OWN_FILES_MORE = 10;
const RECOVERY_MS = 30_000;
const POLL_MS = 100;
const CALLER_KEY = "bystander";
const WRITER = "writer";

/** What a member holds before anybody does it harm. */
interface Holding {
  readonly openFiles: number;
  readonly liveBytes: number;
}

interface Attended {
  readonly witnesses: readonly Witness[];
  /** Writes of the honest. */
  readonly putCount: number;
}

/**
 * A member under attack. After each it has to be the same process; honest clients must have been
 * served all the while; and it may hold nothing that they did not write.
 */
export class Ordeal {
  readonly #member: MemberProcess;
  readonly #client: ClusterClient;
  readonly #memory: LiveMemory;
  readonly #visited: readonly string[];
  readonly #atFirst: Holding;
  /** Writes of the honest since then. */
  #putCount = 0;

  private constructor(
    member: MemberProcess,
    client: ClusterClient,
    memory: LiveMemory,
    visited: readonly string[],
    atFirst: Holding,
  ) {
    this.#member = member;
    this.#client = client;
    this.#memory = memory;
    this.#visited = visited;
    this.#atFirst = atFirst;
  }

  /**
   * Before anything else, for what the member holds now is the measure.
   * @param visited URLs to which honest newcomers come, each answered with 200
   * @param token of the honest caller, where nobody is served without one
   */
  static async begin(
    member: MemberProcess,
    visited: readonly string[],
    token?: string,
  ): Promise<Ordeal> {
    const client = new ClusterClient([member], token);
    const ask = async () => {
      must(await client.put(0, CALLER_KEY, "0"));
      must(await client.get(0, CALLER_KEY));
    };
    for (let count = 0; count < WARM_UP_QUESTIONS; count += WARM_UP_AT_ONCE) {
      await Promise.all(Array.from({ length: WARM_UP_AT_ONCE }, ask));
      // Newcomers one by one: there may be places for few.
      for (let i = 0; i < WARM_UP_AT_ONCE; i++) await Promise.all(visited.map(visit));
    }
    const memory = await LiveMemory.open(member);
    const atFirst = { liveBytes: await memory.bytes(), openFiles: openFiles(member) };
    return new Ordeal(member, client, memory, visited, atFirst);
  }

  close(): void {
    this.#client.close();
    this.#memory.close();
  }

  /** Rejects when anybody or anything came to harm; else resolves with how it went. */
  async during(attack: () => Promise<void>): Promise<readonly Witness[]> {
    const revision = await this.#revision();
    const hash = await this.#client.hashKv(0, revision);
    const { witnesses, putCount } = await this.#attended(attack);
    const foreign = (await this.#revision()) - revision - putCount;
    if (foreign !== 0) throw this.#harmed(`${foreign} revisions were written by nobody honest`);
    if ((await this.#client.hashKv(0, revision)) !== hash) throw this.#harmed("the past changed");
    return witnesses;
  }

  /** The same of an attack that may write, compact and delete. */
  async duringWrites(attack: () => Promise<void>): Promise<readonly Witness[]> {
    const { witnesses } = await this.#attended(attack);
    return witnesses;
  }

  /**
   * Attacks again and again, and resolves when nothing stays open and memory is back: that which is
   * in use as it was at the very beginning. Of what the system gave, the allocator keeps as much as
   * it likes for the next time: more rounds may not make it more than the first one has.
   */
  async outlasts(attack: () => Promise<void>): Promise<void> {
    const heldMax = this.#atFirst.liveBytes * GROWTH_MAX + this.#putCount * PUT_BYTES;
    await this.#attacked(attack);
    await this.#alone();
    const peak = peakResidentBytes(this.#member);
    for (let round = 0; round < ROUNDS; round++) await this.#attacked(attack);
    await this.#alone();
    let heldNow = Number.POSITIVE_INFINITY;
    let residentNow = Number.POSITIVE_INFINITY;
    const isBack = async () => {
      heldNow = await this.#memory.bytes();
      residentNow = residentBytes(this.#member);
      return heldNow <= heldMax && residentNow <= peak * GROWTH_MAX;
    };
    await until(isBack, () => {
      return `it uses ${heldNow} bytes, not ${heldMax}, and has ${residentNow}, not ${peak}`;
    });
  }

  async #attended(attack: () => Promise<void>): Promise<Attended> {
    const { pid } = this.#member;
    const putsBefore = this.#putCount;
    const reader = new Bystander("reader", this.#member, async () =>
      must(await this.#client.get(0, CALLER_KEY)),
    );
    const writer = new Bystander(WRITER, this.#member, async () => {
      this.#putCount++;
      return must(await this.#client.put(0, CALLER_KEY, `${this.#putCount}`));
    });
    const newcomers = this.#visited.map((url) => Bystander.newcomer(this.#member, url));
    const bystanders = [reader, writer, ...newcomers];
    let failure: unknown;
    try {
      await this.#attacked(attack);
    } catch (error) {
      failure = error;
    }
    const witnesses = await Promise.all(bystanders.map((bystander) => bystander.leave()));
    if (failure !== undefined) throw failure;
    const harms = witnesses
      .filter(({ name, slowestMs }) => slowestMs >= (name === WRITER ? WRITE_HANG_MS : HANG_MS))
      .map(({ name, slowestMs }) => `the ${name} waited ${Math.round(slowestMs)} ms`);
    if (!this.#member.isRunning || this.#member.pid !== pid) harms.push("the member ended");
    if (harms.length > 0) throw this.#harmed(harms.join("; "));
    return { witnesses, putCount: this.#putCount - putsBefore };
  }

  /** An attack may fail because of what it has done to the member. */
  async #attacked(attack: () => Promise<void>): Promise<void> {
    try {
      await attack();
    } catch (error) {
      if (this.#member.isRunning) throw error;
      throw this.#harmed(`the member ended, after which ${String(error)}`);
    }
  }

  #harmed(harm: string): Error {
    return new Error(`${harm}:\n${this.#member.output}`);
  }

  /** Resolves when nobody is left but honest clients. */
  #alone(): Promise<void> {
    const { openFiles: atFirst } = this.#atFirst;
    return until(
      () => openFiles(this.#member) <= atFirst + OWN_FILES_MORE,
      () => `${openFiles(this.#member)} files are open, not ${atFirst}`,
    );
  }

  async #revision(): Promise<number> {
    const { header } = must(await this.#client.get(0, CALLER_KEY));
    return header?.revision ?? 0;
  }
}

/** Files and connections that it has open. */
function openFiles(member: MemberProcess): number {
  return readdirSync(`/proc/${member.pid}/fd`).length;
}

async function until(
  isSo: () => boolean | Promise<boolean>,
  otherwise: () => string,
): Promise<void> {
  const deadline = performance.now() + RECOVERY_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(otherwise());
    await delay(POLL_MS);
  }
}
