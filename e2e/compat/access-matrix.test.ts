import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AlarmRequest_AlarmAction as AlarmAction } from "../../server/proto/gen/rpc.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";
import { MixedCluster } from "../harness/mixed-cluster.ts";
import type { RawOutcome } from "../harness/raw-caller.ts";
import { ACCESS_CASES } from "./access-cases.ts";
import {
  ACCESS_DIFFERENCES,
  type AccessDifference,
  accessDifference,
} from "./access-differences.ts";
import { CALLERS, type Who } from "./access-holes.ts";
import { allCells, type Cell, declaredMethods, WITHOUT_JSON, waysOf } from "./access-methods.ts";
import {
  AccessSide,
  COMMITS_AT_ONCE,
  JWT_SECRET,
  type TokenKind,
  tokenFlag,
} from "./access-side.ts";
import {
  faultOf,
  isUndecided,
  nameOf,
  refusalFor,
  type State,
  verdictOf,
} from "./access-verdict.ts";

// Every method of the proto files × who calls it × how the call comes × what state the member is
// in. Whoever may not is told so, or hears why nobody may now; he learns nothing, and nothing of
// what he asked for happens. The same is asked of Debian's etcd 3.5, and every difference is listed.

/** Where nothing can be agreed on members give up after 7 s, and all is asked for at once. */
const LEADERLESS_MS = 10_000;
const ALARM_OWNER = 5n;

const CELLS = allCells();

describe("the table", () => {
  test("has every method of the proto files, over gRPC and, but for four, over JSON", () => {
    const declared = declaredMethods();
    expect(declared.length).toBeGreaterThan(45);
    expect([...ACCESS_CASES.keys()].toSorted()).toEqual(declared.toSorted());
    const withoutJson = declared.filter((path) => waysOf(path).length < 2);
    expect(withoutJson.toSorted()).toEqual(WITHOUT_JSON);
  });

  test("knows who is refused every method, but for four that are open to everybody", () => {
    const open = [...ACCESS_CASES].filter(([, { cases }]) =>
      cases.every(({ need }) => need === "nobody" || need === "guest"),
    );
    expect(open.map(([path]) => path).toSorted()).toEqual([
      "/etcdserverpb.Auth/Authenticate",
      "/grpc.health.v1.Health/Check",
      "/grpc.health.v1.Health/List",
      "/grpc.health.v1.Health/Watch",
    ]);
  });

  test("has for root something to ask of every method that does the other cases no harm", () => {
    const harmful = [...ACCESS_CASES].filter(([, { cases }]) =>
      cases.every(({ disturbs }) => disturbs === true),
    );
    expect(harmful.map(([path]) => path)).toEqual(["/etcdserverpb.Auth/AuthDisable"]);
  });
});

/** Members of one make, each as its test needs it. */
interface Members {
  readonly lone: AccessSide;
  /** Of one cluster. */
  readonly voter: AccessSide;
  readonly learner: AccessSide;
  /** One of two, … */
  readonly left: AccessSide;
  /** … and how the other goes. */
  readonly leave: () => Promise<unknown>;
}

/** The same member of either make. */
interface Pair {
  readonly ours: AccessSide;
  readonly theirs: AccessSide;
}

describe.each<TokenKind>(["simple", "jwt"])("with tokens of the kind %s", (kind) => {
  // A JWT stays good when its user has changed, and then is of an old revision.
  const callers = CALLERS.filter((who) => kind === "simple" || who !== "voided");
  const folder = mkdtempSync(join(tmpdir(), "quorate-matrix-"));
  const flags = ["--bcrypt-cost=4"];
  const stops: (() => Promise<void> | void)[] = [];
  let ours: Members;
  let theirs: Members;

  function sideAt(url: string, from?: AccessSide): AccessSide {
    const side = new AccessSide(url, kind, from);
    stops.push(() => side.close());
    return side;
  }

  function flagsOf(make: Make): readonly string[] {
    return make === "etcd-3.5" ? [...flags, COMMITS_AT_ONCE] : flags;
  }

  async function cluster(make: Make, size: number): Promise<ClusterProcess> {
    const started = await ClusterProcess.start({ make, size, flags: flagsOf(make) });
    stops.push(() => started.stop());
    return started;
  }

  async function withLearner(make: Make): Promise<[voter: AccessSide, learner: AccessSide]> {
    const grown = new MixedCluster();
    stops.push(() => grown.stop());
    await grown.grow("voter", make, { flags: flagsOf(make) });
    await grown.grow("learner", make, { flags: flagsOf(make), isLearner: true });
    const side = sideAt(grown.member("voter").clientUrl);
    return [side, sideAt(grown.member("learner").clientUrl, side)];
  }

  async function open(make: Make): Promise<Members> {
    const [single, two, [voter, learner]] = await Promise.all([
      cluster(make, 1),
      cluster(make, 2),
      withLearner(make),
    ]);
    const lone = sideAt(single.member(0).clientUrl);
    const left = sideAt(two.member(0).clientUrl);
    const furnished = [lone, left, voter].map(async (side) => {
      await side.furnish();
      await side.spendTokens();
    });
    await Promise.all(furnished);
    return { lone, voter, learner, left, leave: () => two.member(1).stop("SIGKILL") };
  }

  beforeAll(async () => {
    const secret = join(folder, "jwt.key");
    writeFileSync(secret, JWT_SECRET);
    flags.push(tokenFlag(kind, secret));
    [ours, theirs] = await Promise.all([open("quorate"), open("etcd-3.5")]);
  });

  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("nobody does more than he may, with and without alarms", async () => {
    const lone = { ours: ours.lone, theirs: theirs.lone };
    await both(lone, (side) => side.signIn());
    // What may be done is done before, so that afterwards nothing changes.
    for (const who of ["plain", "root"] as const) {
      await both(lone, (side) => side.askAll(CELLS.filter(isDoneBy(who)), who));
    }
    for (const [alarm, state] of (["normal", "NOSPACE", "CORRUPT"] as const).entries()) {
      const before = await lone.ours.inventory();
      await both(lone, (side) => setAlarm(side, AlarmAction.ACTIVATE, alarm));
      await examine(lone, state, callers);
      await both(lone, (side) => setAlarm(side, AlarmAction.DEACTIVATE, alarm));
      expect(await lone.ours.inventory()).toBe(before);
      await both(lone, (side) => setAlarm(side, AlarmAction.ACTIVATE, alarm));
      await switchOff(lone, state);
      await both(lone, (side) => setAlarm(side, AlarmAction.DEACTIVATE, alarm));
    }
  });

  test("a learner judges what it answers", async () => {
    await ours.voter.signIn();
    const before = await ours.voter.inventory();
    await examine({ ours: ours.learner, theirs: theirs.learner }, "learner", callers);
    expect(await ours.voter.inventory()).toBe(before);
  });

  test("a member without a leader judges what it answers", async () => {
    const left = { ours: ours.left, theirs: theirs.left };
    await both(left, (side) => side.signIn());
    await Promise.all([ours.leave(), theirs.leave()]);
    await both(left, (side) => side.leaderLost());
    await examine(left, "leaderless", callers);
  });
});

const both = <T>(pair: Pair, act: (side: AccessSide) => Promise<T>) =>
  Promise.all([act(pair.ours), act(pair.theirs)]);

/** @param alarm none where it is 0 */
async function setAlarm(side: AccessSide, action: AlarmAction, alarm: number): Promise<void> {
  await side.signIn();
  if (alarm > 0) await side.must("Alarm", { action, memberID: ALARM_OWNER, alarm }, "root");
}

/** What the caller may do and the other cases do not mind. */
function isDoneBy(who: Who): (cell: Cell) => boolean {
  return ({ need, disturbs }) => disturbs !== true && refusalFor(who, need) === undefined;
}

interface Answered {
  readonly cell: Cell;
  readonly who: Who;
  readonly mine: RawOutcome;
  /** Undefined where etcd was not asked. */
  readonly real: RawOutcome | undefined;
}

async function askBoth(pair: Pair, state: State, who: Who): Promise<readonly Answered[]> {
  const isIdle = state === "learner" || state === "leaderless";
  const cells = CELLS.filter(({ disturbs }) => isIdle || who !== "root" || disturbs !== true);
  const idleMs = state === "leaderless" ? LEADERLESS_MS : undefined;
  if (state !== "leaderless") await both(pair, (side) => side.signIn());
  const [mine, real] = await both(pair, (side) => {
    const asked = side === pair.ours ? cells : cells.filter((cell) => isHarmless(cell, state));
    return side.askAll(asked, who, idleMs);
  });
  return cells.map((cell) => {
    return { cell, who, mine: mine.get(cell) as RawOutcome, real: real.get(cell) };
  });
}

/** Asks everything as each of the callers, and compares the answers with what the tables say. */
async function examine(pair: Pair, state: State, callers: readonly Who[]): Promise<void> {
  const answered: Answered[] = [];
  if (state === "leaderless") {
    // Those first whose tokens go on living only while they are used.
    const asked = callers.toReversed().map((who) => askBoth(pair, state, who));
    answered.push(...(await Promise.all(asked)).flat());
  } else for (const who of callers) answered.push(...(await askBoth(pair, state, who)));
  const met = new Set<AccessDifference>();
  const faults = answered.flatMap(({ cell, who, mine, real }) => {
    const fault = faultOf(cell, who, state, mine);
    if (fault !== undefined) return [fault];
    if (real === undefined || verdictOf(mine) === verdictOf(real)) return [];
    if (state === "leaderless" && isUndecided(mine) && isUndecided(real)) return [];
    const difference = accessDifference(cell, who, state, real);
    if (difference !== undefined) met.add(difference);
    const verdicts = `"${verdictOf(mine)}", in etcd "${verdictOf(real)}"`;
    return difference === undefined ? [`${state}, ${who}, ${nameOf(cell)}: ${verdicts}`] : [];
  });
  expect(faults).toEqual([]);
  const unmet = ACCESS_DIFFERENCES.filter((each) => each.shows === state && !met.has(each));
  expect(unmet.map(({ reason }) => reason)).toEqual([]);
}

/** Etcd would do it, and the cases after it would be answered by another etcd. */
function isHarmless({ path, disturbs }: Cell, state: State): boolean {
  if (disturbs !== true || state === "learner" || state === "leaderless") return true;
  return state === "normal" && !path.endsWith("/Alarm");
}

/** The one thing that root can do only once. */
async function switchOff(pair: Pair, state: State): Promise<void> {
  for (const cell of CELLS.filter(({ path }) => path.endsWith("/AuthDisable"))) {
    const outcomes = await both(pair, (side) => side.ask(cell, "root"));
    expect(outcomes.map(verdictOf), `${state} ${nameOf(cell)}`).toEqual(["0 ", "0 "]);
    await both(pair, (side) => side.must("AuthEnable", {}));
    await both(pair, (side) => side.signIn());
  }
}
