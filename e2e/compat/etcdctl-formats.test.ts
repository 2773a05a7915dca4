import { type ChildProcess, spawn } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  helpCommands,
  masked,
  maskedWire,
  runEtcdctl,
  type Shown,
} from "../harness/etcdctl-terminal.ts";
import { ETCD_34, ETCD_35, type EtcdTools } from "../harness/tools.ts";
import {
  ADDED_STEPS,
  commandOf,
  FORMATLESS,
  FULL_REFUSED_STEPS,
  FULL_STEPS,
  GROWN_STEPS,
  REFUSED_STEPS,
  SERVERLESS,
  STEPS,
  type Step,
} from "./etcdctl-commands.ts";
import { Side } from "./etcdctl-side.ts";

// Every command of etcdctl in every output format, run against our member and against Debian's:
// the same bytes on the terminal, but for ids, ports, sizes and durations.

const FORMATS = ["simple", "json", "fields", "table", "protobuf"] as const;
type Format = (typeof FORMATS)[number];

const SUCCEEDING = [...STEPS, ...FULL_STEPS, ...ADDED_STEPS, ...GROWN_STEPS];
/**
 * How the tool itself fails where it has no such form for an answer, of a command that was done.
 * `--count-only` is for one form alone, and 3.5 brought it.
 */
const NO_SUCH_FORM = /not supported as output format|marshal unsupported|count-only|^panic: /m;

/** What stands between two members, or behind the last: in protobuf the tag of the next. */
const MEMBER_END = /(?:[\]}]|[^!-~])+$/;

let ours: Side;
let theirs: Side;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([Side.start("quorate"), Side.start("etcd-3.5")]);
});

const bothDo = (action: (side: Side) => Promise<void>) => Promise.all([ours, theirs].map(action));

afterAll(async () => {
  await ours?.stop();
  await theirs?.stop();
});

afterEach(() => bothDo((side) => side.clear()));

/** Of a member as etcd lists it: in the order of their ids, which are chance. */
function inAnyOrder(text: string): string {
  return text
    .replace(/"\w+=http:\/\/HOST,\w+=http:\/\/HOST"/, '"BOTH"')
    .split(/[[,]?\{"ID":0,|ID/)
    .map((piece) => piece.replace(MEMBER_END, ""))
    .sort()
    .join("\nID ");
}

function shown(side: Side, format: Format, { args }: Step, result: Shown): Shown {
  const isWire = format === "protobuf" && !/not supported/.test(result.stderr);
  const stdout = side.masked(isWire ? maskedWire(result.stdout) : masked(result.stdout));
  // Some commands make etcdctl itself panic in some formats: its stack names memory addresses.
  const stderr = side.masked(masked(result.stderr)).replace(/^(panic: .*)[^]*/m, "$1");
  return { ...result, stdout: args[0] === "member" ? inAnyOrder(stdout) : stdout, stderr };
}

async function typed(side: Side, tools: EtcdTools, format: Format, step: Step): Promise<Shown> {
  const args = await Promise.all(step.args.map((arg) => side.filled(arg)));
  const input = await side.filled(step.input ?? "");
  // Only the leader can be asked to hand over.
  const endpoints = args[0] === "move-leader" ? side.endpoints : side.clientUrl;
  const dashes = args.indexOf("--");
  args.splice(dashes === -1 ? args.length : dashes, 0, "-w", format);
  return shown(side, format, step, await runEtcdctl(tools, endpoints, args, { ...step, input }));
}

async function same(tools: EtcdTools, format: Format, step: Step): Promise<Shown> {
  const [mine, real] = await Promise.all([
    typed(ours, tools, format, step),
    typed(theirs, tools, format, step),
  ]);
  expect(mine, `${step.args.join(" ")} -w ${format}`).toEqual(real);
  return mine;
}

/** As `same`, for those of the steps whose commands the tool has. */
async function done(tools: EtcdTools, format: Format, steps: readonly Step[]): Promise<void> {
  const commands = helpCommands(tools);
  for (const step of steps) {
    if (commandOf(step.args, commands) === undefined) continue;
    const { code, stderr, isShown } = await same(tools, format, step);
    if (step.until === undefined ? code === 0 : isShown) continue;
    expect(stderr, `${step.args.join(" ")} -w ${format}`).toMatch(NO_SUCH_FORM);
  }
}

describe.each([ETCD_34, ETCD_35])("etcdctl $version", (tools) => {
  test("has no command that is not among those which are typed here", () => {
    const commands = helpCommands(tools);
    expect(commands.length).toBeGreaterThan(45);
    const run = new Set(SUCCEEDING.map(({ args }) => commandOf(args, commands)));
    const others = { ...SERVERLESS, ...FORMATLESS };
    expect(commands.filter((command) => !run.has(command) && !(command in others))).toEqual([]);
  });

  test.each(FORMATS)("prints every command the same as %s", async (format) => {
    await done(tools, format, STEPS);
    for (const step of REFUSED_STEPS) await same(tools, format, step);
    await bothDo((side) => side.raiseAlarm());
    for (const step of FULL_REFUSED_STEPS) await same(tools, format, step);
    await done(tools, format, FULL_STEPS);
    await done(tools, format, ADDED_STEPS);
    await bothDo((side) => side.startSecond());
    await done(tools, format, GROWN_STEPS);
    await bothDo((side) => side.stopSecond());
  });
});

// Apart, because these leave the two members at different revisions.
describe.each([ETCD_34, ETCD_35])("etcdctl $version over our member", (tools) => {
  test("mirrors a prefix from our member to Debian's and back", async () => {
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      const [source, target] = [from.clientUrl, to.clientUrl];
      await runEtcdctl(tools, source, ["put", "mirror/a", "1"]);
      const prefixes = ["--prefix=mirror/", "--dest-prefix=copy/"];
      const child = spawn(tools.etcdctl, [
        `--endpoints=${source}`,
        "make-mirror",
        ...prefixes,
        target,
      ]);
      const copies = async () => {
        await runEtcdctl(tools, source, ["put", "mirror/b", "2"]);
        return (await runEtcdctl(tools, target, ["get", "--prefix", "copy/"])).stdout;
      };
      try {
        await expect.poll(copies).toBe("copy/a\n1\ncopy/b\n2\n");
      } finally {
        child.kill("SIGKILL");
      }
      await bothDo((side) => side.clear());
    }
  });

  test("follows an election from one who is elected to the next", async () => {
    const at = ours.clientUrl;
    const children: ChildProcess[] = [];
    const elect = (...args: readonly string[]) => {
      const child = spawn(tools.etcdctl, [`--endpoints=${at}`, "elect", ...args]);
      children.push(child);
      return child;
    };
    const isListed = async (count: number) => {
      const keys = await runEtcdctl(tools, at, ["get", "--prefix", "office/", "--keys-only"]);
      return keys.stdout.match(/^office/gm)?.length === count;
    };
    try {
      const first = elect("office", "first");
      await expect.poll(() => isListed(1)).toBe(true);
      elect("office", "next");
      await expect.poll(() => isListed(2)).toBe(true);
      let heard = "";
      elect("-l", "office").stdout.on("data", (chunk: Buffer) => {
        heard += chunk.toString();
      });
      await expect.poll(() => heard).toMatch(/^office\/[0-9a-f]+\nfirst\n$/);
      first.kill("SIGINT");
      const both = /^office\/[0-9a-f]+\nfirst\noffice\/[0-9a-f]+\nnext\n$/;
      await expect.poll(() => heard).toMatch(both);
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  });

  test("checks its data scale to the end, without a put that fails", async () => {
    const args = ["check", "datascale", "--load=s"];
    const { code, stdout, stderr } = await runEtcdctl(tools, ours.clientUrl, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(masked(stdout)).toContain("\nPASS: Approximate system memory used : SIZE.\n");
  });
});
