import { createHmac } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Permission_Type as Permission } from "../../server/proto/gen/auth.ts";
import type {
  AuthenticateResponse,
  AuthStatusResponse,
  StatusResponse,
} from "../../server/proto/gen/rpc.ts";
import { RawCaller, type RawOutcome } from "../harness/raw-caller.ts";
import {
  ACCESS_CASES,
  DROP,
  PLAIN,
  PLAIN_ELECTION,
  PLAIN_END,
  PLAIN_KEY,
  PLAIN_LEASE,
  PLAIN_ROLE,
  SECRET,
  SECRET_LEASE,
  SECRET_VALUE,
} from "./access-cases.ts";
import type { Who } from "./access-holes.ts";
import type { Cell } from "./access-methods.ts";

export type TokenKind = "simple" | "jwt";

/** What a JWT is signed with, by members and, where it is to last, here. */
export const JWT_SECRET = "a shared secret of no particular length";
const DEADLINE_MS = 15_000;
/** A simple token outlives every call that it is sent with, also where the machine stands still. */
const TTL_SECONDS = { simple: DEADLINE_MS / 1_000, jwt: 3 };
/** A JWT ends on a whole second, a simple token up to so much later than its time. */
const GRAIN_MS = 1_000;
/** For timers of a busy machine. */
const SLACK_MS = 1_000;
const LASTING_SECONDS = 600;

/** Etcd looks users up in what it has committed and misses a changed one: a flag against it. */
export const COMMITS_AT_ONCE = "--backend-batch-limit=1";

export const PASSWORD = "the password of all users";
/** What differs from one time to the next although nothing was done. */
const VOLATILE = new Set(["header", "createRevision", "modRevision", "version", "TTL"]);
const LEADER_LOSS_MS = 20_000;
const LEADER_PAUSE_MS = 200;

/** @param jwtSecretFile holds JWT_SECRET */
export function tokenFlag(kind: TokenKind, jwtSecretFile: string): string {
  if (kind === "simple") return `--auth-token-ttl=${TTL_SECONDS.simple}`;
  return `--auth-token=jwt,sign-method=HS256,priv-key=${jwtSecretFile},ttl=${TTL_SECONDS.jwt}s`;
}

/** One member as those see it who call it. */
export class AccessSide {
  readonly url: string;
  readonly #kind: TokenKind;
  readonly #caller: RawCaller;
  readonly #home: AccessSide;
  readonly #tokens = new Map<Who, string>();

  /** @param home another member, where callers sign in, if not here */
  constructor(url: string, kind: TokenKind, home?: AccessSide) {
    this.url = url;
    this.#kind = kind;
    this.#caller = new RawCaller(url);
    this.#home = home ?? this;
  }

  close(): void {
    this.#caller.close();
  }

  /** Secrets, a user who may not know them, and auth. */
  async furnish(): Promise<void> {
    const enabling: readonly (readonly [string, object])[] = [
      ["LeaseGrant", { ID: SECRET_LEASE, TTL: 3600 }],
      ["LeaseGrant", { ID: PLAIN_LEASE, TTL: 3600 }],
      ["Put", { key: SECRET, value: Buffer.from(SECRET_VALUE), lease: SECRET_LEASE }],
      ["Put", { key: DROP, value: Buffer.from(SECRET_VALUE) }],
      ["Campaign", { name: SECRET, lease: SECRET_LEASE, value: Buffer.from(SECRET_VALUE) }],
      ["Campaign", { name: PLAIN_ELECTION, lease: PLAIN_LEASE, value: Buffer.from("1") }],
      ["UserAdd", { name: "root", password: PASSWORD }],
      ["UserAdd", { name: PLAIN, password: PASSWORD }],
      ["RoleAdd", { name: PLAIN_ROLE }],
      ["RoleGrantPermission", granted(Permission.READWRITE, PLAIN_KEY, PLAIN_END)],
      ["RoleGrantPermission", granted(Permission.WRITE, DROP)],
      ["UserGrantRole", { user: PLAIN, role: PLAIN_ROLE }],
      ["UserGrantRole", { user: "root", role: "root" }],
      ["AuthEnable", {}],
    ];
    for (const [method, request] of enabling) await this.must(method, request);
  }

  /** Tokens that are none, and such as were good and are good no more. */
  async spendTokens(): Promise<void> {
    const forged = () => jwt("another secret", "root", 1);
    this.#tokens.set("forger", this.#kind === "jwt" ? forged() : "abcdefghijklmnop.1");
    if (this.#kind === "simple") await this.#void();
    await this.#expire();
  }

  /** Gives the callers that are known a token of now. */
  async signIn(): Promise<void> {
    if (this.#home !== this) return this.#home.signIn();
    for (const who of ["plain", "root"] as const) {
      const token = this.#kind === "jwt" ? this.#signed(who) : this.#given(who);
      this.#tokens.set(who, await token);
    }
  }

  async ask(
    cell: Pick<Cell, "service" | "method" | "request" | "way">,
    who: Who,
    deadlineMs = DEADLINE_MS,
  ): Promise<RawOutcome> {
    const token = this.tokenOf(who);
    const { service, method, request, way } = cell;
    const call = { service, method, request, token, deadlineMs };
    return way === "grpc" ? this.#caller.grpc(call) : this.#caller.json(way, call);
  }

  /** @param name of a method that no two services have */
  call(name: string, request: object, who: Who): Promise<RawOutcome> {
    const [path] = [...ACCESS_CASES.keys()].filter((each) => each.endsWith(`/${name}`));
    const found = ACCESS_CASES.get(path ?? "");
    if (found === undefined) throw new RangeError(`no method ${name}`);
    return this.ask({ ...found, request, way: "grpc" }, who);
  }

  /** @throws Error with what was said instead of an answer */
  async must(name: string, request: object, who: Who = "stranger"): Promise<unknown> {
    const outcome = await this.call(name, request, who);
    if ("text" in outcome) throw new Error(`${name}: ${outcome.text}`);
    return outcome.answer;
  }

  /**
   * All at once, but changes of the members one after the other where something is changed: the log
   * takes one at a time.
   * @param idleMs nothing is, and nobody waits for it longer
   */
  async askAll(
    cells: readonly Cell[],
    who: Who,
    idleMs?: number,
  ): Promise<ReadonlyMap<Cell, RawOutcome>> {
    let turn: Promise<unknown> = Promise.resolve();
    const asked = cells.map(async (cell) => {
      const ask = () => this.ask(cell, who, idleMs);
      const isInTurn = idleMs === undefined && cell.path.startsWith("/etcdserverpb.Cluster/");
      if (!isInTurn) return [cell, await ask()] as const;
      const answer = turn.then(ask);
      turn = answer;
      return [cell, await answer] as const;
    });
    return new Map(await Promise.all(asked));
  }

  /** Resolves when the member knows of no leader; meanwhile tokens are used, so that they last. */
  async leaderLost(): Promise<void> {
    const limitMs = performance.now() + LEADER_LOSS_MS;
    for (;;) {
      const { leader } = (await this.must("Status", {}, "root")) as StatusResponse;
      const request = { key: PLAIN_KEY, serializable: true };
      for (const who of ["plain", "root"] as const) await this.must("Range", request, who);
      if (leader === 0n) return;
      if (performance.now() > limitMs) throw new Error("there still is a leader");
      await delay(LEADER_PAUSE_MS);
    }
  }

  /** Everything that a call could have changed; of keys their values and leases. */
  async inventory(): Promise<string> {
    const parts: readonly (readonly [string, object])[] = [
      ["Range", { key: Buffer.alloc(1), rangeEnd: Buffer.alloc(1) }],
      ["LeaseLeases", {}],
      ["LeaseTimeToLive", { ID: SECRET_LEASE, keys: true }],
      ["UserList", {}],
      ["UserGet", { name: PLAIN }],
      ["RoleList", {}],
      ["RoleGet", { role: PLAIN_ROLE }],
      ["AuthStatus", {}],
      ["Alarm", {}],
      ["MemberList", {}],
    ];
    const answers = parts.map(async ([method, request]) => {
      const answer = (await this.must(method, request, "root")) as object;
      return JSON.stringify({ method, ...answer }, (name, value: unknown) => {
        if (VOLATILE.has(name)) return undefined;
        return typeof value === "bigint" ? String(value) : value;
      });
    });
    return (await Promise.all(answers)).join("\n");
  }

  /** @throws Error when a caller who should have one has none yet */
  tokenOf(who: Who): string | undefined {
    const token = this.#home.#tokens.get(who);
    if (token === undefined && who !== "stranger") throw new Error(`${who} has no token`);
    return token;
  }

  /** A simple token is void when its user has changed. */
  async #void(): Promise<void> {
    this.#tokens.set("voided", await this.#given("root"));
    await this.must("Range", { key: SECRET }, "voided");
    const request = { name: "root", password: PASSWORD };
    await this.must("UserChangePassword", request, "voided");
  }

  async #expire(): Promise<void> {
    this.#tokens.set("expired", await this.#given("root"));
    await this.must("Range", { key: SECRET }, "expired");
    await delay(TTL_SECONDS[this.#kind] * 1_000 + GRAIN_MS + SLACK_MS);
  }

  async #given(name: string): Promise<string> {
    const answer = await this.must("Authenticate", { name, password: PASSWORD });
    return (answer as AuthenticateResponse).token;
  }

  /** As a member would give it that gives them more time. */
  async #signed(username: string): Promise<string> {
    this.#tokens.set("root", await this.#given("root"));
    const status = (await this.must("AuthStatus", {}, "root")) as AuthStatusResponse;
    return jwt(JWT_SECRET, username, status.authRevision);
  }
}

/** @param username none: the token names nobody */
export function jwt(secret: string, username: string | undefined, revision: number): string {
  const exp = Math.floor(Date.now() / 1000) + LASTING_SECONDS;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ username, revision, exp })}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

function granted(permType: Permission, key: Buffer, rangeEnd = Buffer.alloc(0)) {
  return { name: PLAIN_ROLE, perm: { permType, key, rangeEnd } };
}
