import { encodeUint64 } from "../base/bytes.ts";
import { SORT_SLICE, sorting } from "../base/sorting.ts";
import type { Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import { Lease as LeaseRecord } from "../proto/gen/lease.ts";
import type { Engine } from "../storage/engine.ts";
import { compareText } from "../storage/sorted-table.ts";
import { ExpiryQueue, type Timed } from "./expiry-queue.ts";
import { spreadExpiries } from "./expiry-spread.ts";
import { keysNamed } from "./key-names.ts";
import { type Holder, KeyRights, type Right } from "./key-rights.ts";
import { LeaseCounts } from "./lease-counts.ts";

// Leases. Which there are, with which TTL and on which keys, is replicated state: the log alone
// changes it. When they expire is not: only the leader has a clock for them, in memory, and it can
// do no more than propose their revocation. A new leader therefore gives every lease its whole TTL
// again, and an election timeout on top. Where checkpoints are wanted the leader proposes from time
// to time what is left of long leases, so that a new leader need not begin with the whole TTL.

/** Seconds; about 285 years. */
const LEASE_TTL_MAX_SECONDS = 9_000_000_000;
/** An expired lease that is still there after this long is reported once more. */
const REVOKE_RETRY_MS = 3000;
/** A queue is swept when it holds more than so many that are gone, and more than are left. */
const STALE_ENTRIES_MAX = 1024;

interface HeldLease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** What a checkpoint left of the TTL; 0 is all of it. */
  remainingSeconds: number;
  /** Latin-1 strings of the keys' bytes. */
  readonly keys: Set<string>;
  /** Once anybody's were judged. */
  rights: KeyRights | undefined;
  /** Monotonic ms; infinite where no leader is. */
  expiresAt: number;
  /** Its only entry in the queue of expiries that counts. */
  queued: QueuedLease | undefined;
  /** Its only entry in the queue of checkpoints that counts. */
  queuedCheckpoint: QueuedLease | undefined;
}

/** A lease and when to look at it. */
interface QueuedLease extends Timed {
  readonly lease: HeldLease;
}

export interface LeaseRemainder {
  readonly id: bigint;
  readonly remainingSeconds: number;
}

export interface LeaseLife {
  /** Whole seconds left, cut off; below 1 when it has expired and is not yet revoked. */
  readonly remainingSeconds: number;
  readonly ttlSeconds: number;
}

export interface Renewal {
  /** Seconds from now; 0 when it was not renewed. */
  readonly ttlSeconds: number;
  /**
   * Why not: a checkpoint shortened this lease, and one with 0 remaining seconds must come from the
   * log before. Otherwise it has expired and is only waiting to be revoked.
   */
  readonly isShortened: boolean;
}

export class Lessor {
  readonly #engine: Engine;
  readonly #ttlMinSeconds: number;
  readonly #counts: LeaseCounts;
  readonly #leases = new Map<bigint, HeldLease>();
  readonly #leaseOfKey = new Map<string, HeldLease>();
  readonly #queue = new ExpiryQueue<QueuedLease>();
  readonly #checkpoints = new ExpiryQueue<QueuedLease>();
  #checkpointMs = Number.POSITIVE_INFINITY;
  #isPrimary = false;

  private constructor(engine: Engine, ttlMinSeconds: number, counts: LeaseCounts) {
    this.#engine = engine;
    this.#ttlMinSeconds = ttlMinSeconds;
    this.#counts = counts;
  }

  /**
   * Reads the `lease` table. The keys follow by `attach`, from the store's opening.
   * @param ttlMinSeconds shorter TTLs are raised to it
   */
  static open(engine: Engine, ttlMinSeconds: number, counts = new LeaseCounts()): Lessor {
    const lessor = new Lessor(engine, ttlMinSeconds, counts);
    for (const [, bytes] of engine.scan("lease")) {
      const { ID, TTL, RemainingTTL } = LeaseRecord.decode(bytes);
      lessor.#hold(ID, Math.max(TTL, ttlMinSeconds), RemainingTTL);
    }
    return lessor;
  }

  get count(): number {
    return this.#leases.size;
  }

  /** Whether any key has a lease. */
  get hasKeys(): boolean {
    return this.#leaseOfKey.size > 0;
  }

  /** Times that wait to be looked at, those of leases that are gone included. */
  get queuedCount(): number {
    return this.#queue.length + this.#checkpoints.length;
  }

  get isPrimary(): boolean {
    return this.#isPrimary;
  }

  has(id: bigint): boolean {
    return this.#leases.has(id);
  }

  /**
   * @param ttlSeconds as asked for; the answer is the TTL it got
   * @param nowMs monotonic
   * @throws EtcdError LeaseNotFound for id 0, LeaseTTLTooLarge, LeaseExist
   */
  grant(id: bigint, ttlSeconds: number, nowMs: number): number {
    if (id === 0n) throw new EtcdError("LeaseNotFound");
    if (ttlSeconds > LEASE_TTL_MAX_SECONDS) throw new EtcdError("LeaseTTLTooLarge");
    if (this.#leases.has(id)) throw new EtcdError("LeaseExist");
    const lease = this.#hold(id, Math.max(ttlSeconds, this.#ttlMinSeconds), 0);
    this.#store(lease);
    if (this.#isPrimary) {
      this.#restart(lease, nowMs, 0);
      this.#queueCheckpoint(lease, nowMs);
    }
    this.#counts.granted++;
    this.#counts.ttlSeconds.observe(lease.ttlSeconds);
    return lease.ttlSeconds;
  }

  /**
   * Forgets a lease whose keys were just deleted.
   * @throws EtcdError LeaseNotFound
   */
  revoke(id: bigint): void {
    const lease = this.#known(id);
    for (const key of lease.keys) this.#leaseOfKey.delete(key);
    this.#leases.delete(id);
    lease.queued = undefined;
    lease.queuedCheckpoint = undefined;
    this.#counts.revoked++;
    const keptMax = this.#leases.size * 2 + STALE_ENTRIES_MAX;
    if (this.#queue.length > keptMax) {
      this.#queue.retain((queued) => queued.lease.queued === queued);
    }
    if (this.#checkpoints.length > keptMax) {
      this.#checkpoints.retain((queued) => queued.lease.queuedCheckpoint === queued);
    }
    this.#engine.delete("lease", encodeUint64(id));
  }

  /**
   * From the log: what is left of a lease's TTL, to survive a change of leader. Nothing for a lease
   * that has been revoked since the leader looked.
   */
  checkpoint(id: bigint, remainingSeconds: number, nowMs: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.remainingSeconds = remainingSeconds;
    this.#store(lease);
    if (this.#isPrimary) this.#queueCheckpoint(lease, nowMs);
  }

  /**
   * What is left of up to `limit` leases whose last checkpoint is long enough ago; each that is
   * returned is due again only once a checkpoint of it came from the log.
   */
  checkpointsDue(nowMs: number, limit: number): LeaseRemainder[] {
    const due: LeaseRemainder[] = [];
    while (due.length < limit) {
      const queued = this.#checkpoints.popDue(nowMs);
      if (queued === undefined) break;
      const { lease } = queued;
      if (lease.queuedCheckpoint !== queued) continue;
      lease.queuedCheckpoint = undefined;
      if (lease.expiresAt <= nowMs) continue;
      const remainingSeconds = Math.ceil((lease.expiresAt - nowMs) / 1000);
      if (remainingSeconds < lease.ttlSeconds) due.push({ id: lease.id, remainingSeconds });
      else this.#queueCheckpoint(lease, nowMs);
    }
    return due;
  }

  /** Puts a key on a lease, and off the one it was on. An unknown lease leaves it without. */
  attach(id: bigint, key: Buffer): void {
    const name = key.toString("latin1");
    const before = this.#leaseOfKey.get(name);
    if (before !== undefined) {
      if (before.id === id) return;
      before.keys.delete(name);
      before.rights?.removed(name);
    }
    const lease = this.#leases.get(id);
    if (lease === undefined) {
      this.#leaseOfKey.delete(name);
      return;
    }
    lease.keys.add(name);
    lease.rights?.added(name);
    this.#leaseOfKey.set(name, lease);
  }

  detach(key: Buffer): void {
    if (this.#leaseOfKey.size > 0) this.attach(0n, key);
  }

  /** 0 for a key without one. */
  leaseOf(key: Buffer): bigint {
    if (this.#leaseOfKey.size === 0) return 0n;
    return this.#leaseOfKey.get(key.toString("latin1"))?.id ?? 0n;
  }

  /**
   * The keys on a lease in byte order, as their revocation deletes them.
   * @throws EtcdError LeaseNotFound
   */
  *sortedKeys(id: bigint): Steps<Buffer[]> {
    return yield* keysNamed(yield* sorting([...this.#known(id).keys], compareText));
  }

  /**
   * The keys on a lease, as they are now; of many the order is any, as in etcd.
   * @throws EtcdError LeaseNotFound
   */
  *keys(id: bigint): Steps<Buffer[]> {
    const names = [...this.#known(id).keys];
    if (names.length <= SORT_SLICE) names.sort(compareText);
    return yield* keysNamed(names);
  }

  /**
   * Of the keys on a lease those to which the holder is not known to have the right, and one more,
   * by which he himself is judged; none for a lease that is not there.
   */
  *unjudged(id: bigint, right: Right, holder: Holder): Iterable<Buffer> {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    const names = lease.rights?.unjudged(right, holder) ?? lease.keys;
    for (const name of names) yield Buffer.from(name, "latin1");
  }

  /** The holder has the right to all keys that are on the lease now. */
  judged(id: bigint, right: Right, holder: Holder): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.rights ??= new KeyRights(lease.keys);
    lease.rights.judged(right, holder);
  }

  /** Every lease, the next to expire first; by id where there is no clock. */
  *leases(): Steps<bigint[]> {
    const sorted = yield* sorting([...this.#leases.values()], byExpiry);
    return sorted.map((lease) => lease.id);
  }

  /**
   * Starts the clocks: every lease has its TTL, or what a checkpoint left of it, and `extendMs`; a
   * little more where too many would expire together.
   * @param checkpointMs between two checkpoints of a lease; infinite: none
   */
  promote(nowMs: number, extendMs: number, checkpointMs = Number.POSITIVE_INFINITY): void {
    this.#isPrimary = true;
    this.#checkpointMs = checkpointMs;
    this.#queue.clear();
    this.#checkpoints.clear();
    for (const { lease, delayMs } of spreadExpiries(this.#leases.values(), secondsLeft)) {
      lease.queuedCheckpoint = undefined;
      this.#restart(lease, nowMs, extendMs + delayMs);
      this.#queueCheckpoint(lease, nowMs);
    }
  }

  /** Stops the clocks: nothing expires here. */
  demote(): void {
    this.#isPrimary = false;
    this.#queue.clear();
    this.#checkpoints.clear();
    for (const lease of this.#leases.values()) {
      lease.expiresAt = Number.POSITIVE_INFINITY;
      lease.queuedCheckpoint = undefined;
    }
  }

  /** Up to `limit` leases to propose the revocation of. Each is reported again if it stays. */
  expired(nowMs: number, limit: number): bigint[] {
    const ids: bigint[] = [];
    while (ids.length < limit) {
      const queued = this.#queue.popDue(nowMs);
      if (queued === undefined) break;
      const { lease } = queued;
      if (lease.queued !== queued) continue;
      const isExpired = lease.expiresAt <= nowMs;
      if (isExpired) ids.push(lease.id);
      queued.dueAt = isExpired ? nowMs + REVOKE_RETRY_MS : lease.expiresAt;
      this.#queue.push(queued);
    }
    return ids;
  }

  /** @throws EtcdError NotPrimaryLessor, LeaseNotFound */
  renew(id: bigint, nowMs: number): Renewal {
    if (!this.#isPrimary) throw new EtcdError("NotPrimaryLessor");
    const lease = this.#known(id);
    if (lease.expiresAt <= nowMs) return { ttlSeconds: 0, isShortened: false };
    if (lease.remainingSeconds > 0) return { ttlSeconds: 0, isShortened: true };
    lease.expiresAt = nowMs + lease.ttlSeconds * 1000;
    this.#counts.renewed++;
    return { ttlSeconds: lease.ttlSeconds, isShortened: false };
  }

  /**
   * Only the leader knows.
   * @throws EtcdError NotPrimaryLessor, LeaseNotFound
   */
  timeToLive(id: bigint, nowMs: number): LeaseLife {
    if (!this.#isPrimary) throw new EtcdError("NotPrimaryLessor");
    const lease = this.#known(id);
    const remainingSeconds = Math.trunc((lease.expiresAt - nowMs) / 1000) + 0;
    return { remainingSeconds, ttlSeconds: lease.ttlSeconds };
  }

  #known(id: bigint): HeldLease {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw new EtcdError("LeaseNotFound");
    return lease;
  }

  #hold(id: bigint, ttlSeconds: number, remainingSeconds: number): HeldLease {
    const expiresAt = Number.POSITIVE_INFINITY;
    const keys = new Set<string>();
    const lease = {
      id,
      ttlSeconds,
      remainingSeconds,
      keys,
      rights: undefined,
      expiresAt,
      queued: undefined,
      queuedCheckpoint: undefined,
    };
    this.#leases.set(id, lease);
    return lease;
  }

  #store(lease: HeldLease): void {
    const { id: ID, ttlSeconds: TTL, remainingSeconds: RemainingTTL } = lease;
    const bytes = LeaseRecord.encode({ ID, TTL, RemainingTTL }).finish();
    this.#engine.put("lease", encodeUint64(ID), Buffer.from(bytes));
  }

  /** A lease that is over before the next checkpoint needs none, and one that has its turn no other. */
  #queueCheckpoint(lease: HeldLease, nowMs: number): void {
    if (lease.queuedCheckpoint !== undefined) return;
    if (secondsLeft(lease) * 1000 <= this.#checkpointMs) return;
    lease.queuedCheckpoint = { lease, dueAt: nowMs + this.#checkpointMs };
    this.#checkpoints.push(lease.queuedCheckpoint);
  }

  /** A renewal leaves the queued time too early; the queue puts that right when it comes up. */
  #restart(lease: HeldLease, nowMs: number, extendMs: number): void {
    lease.expiresAt = nowMs + extendMs + secondsLeft(lease) * 1000;
    lease.queued = { lease, dueAt: lease.expiresAt };
    this.#queue.push(lease.queued);
  }
}

/** When its clock starts. */
function secondsLeft({ remainingSeconds, ttlSeconds }: HeldLease): number {
  return remainingSeconds > 0 ? remainingSeconds : ttlSeconds;
}

function byExpiry(a: HeldLease, b: HeldLease): number {
  if (a.expiresAt !== b.expiresAt) return a.expiresAt - b.expiresAt;
  return a.id < b.id ? -1 : 1;
}
