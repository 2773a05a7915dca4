import { expect, test } from "vitest";
import type { Config } from "../config.ts";
import type { Environment } from "./environment.ts";
import { FlagSyntaxError } from "./flag-set.ts";
import { helpText } from "./flags.ts";
import { ConfigError } from "./given.ts";
import { readConfig } from "./read-config.ts";

function configOf(args: readonly string[], environment: Environment = {}): Config {
  const asked = readConfig(args, environment);
  if (asked.kind !== "member") throw new Error("no member was asked for");
  asked.check();
  return asked.config;
}

function refusal(...args: string[]): string {
  try {
    configOf(args);
    return "accepted";
  } catch (error) {
    return (error as Error).message;
  }
}

test("flags follow Go's syntax: one dash or two, a value behind = or as the next word", () => {
  const config = configOf(
    ["-name", "m1", "--data-dir=/d", "--pre-vote=false", "-strict-reconfig-check"],
    {},
  );
  expect(config).toMatchObject({
    name: "m1",
    dataDir: "/d",
    preVote: false,
    strictReconfigCheck: true,
  });
});

test("what etcd would refuse is refused with its text", () => {
  expect(refusal("--nope")).toBe("flag provided but not defined: -nope");
  expect(refusal("--nope=1")).toBe("flag provided but not defined: -nope");
  expect(refusal("--name")).toBe("flag needs an argument: -name");
  expect(refusal("---name=a")).toBe("bad flag syntax: ---name=a");
  expect(refusal("start")).toBe("'start' is not a valid flag");
  expect(refusal("--heartbeat-interval=x")).toBe(
    'invalid value "x" for flag -heartbeat-interval: parse error',
  );
  expect(refusal("--pre-vote=maybe")).toBe(
    'invalid boolean value "maybe" for -pre-vote: parse error',
  );
  expect(refusal("--initial-cluster-state=old")).toBe(
    'invalid value "old" for flag -initial-cluster-state: invalid value',
  );
  expect(refusal("--listen-client-urls=ftp://a:1")).toBe(
    'invalid value "ftp://a:1" for flag -listen-client-urls: ' +
      "URL scheme must be http, https, unix, or unixs: ftp://a:1",
  );
  expect(refusal("--listen-client-urls=http://a")).toContain('does not have the form "host:port"');
  expect(refusal("--listen-peer-urls=http://127.0.0.1:1/x")).toContain("must not contain a path");
});

test("timings and addresses that cannot work are refused", () => {
  expect(refusal("--election-timeout=400")).toBe(
    "--election-timeout[400ms] should be at least as 5 times as --heartbeat-interval[100ms]",
  );
  expect(refusal("--election-timeout=60000")).toBe(
    "--election-timeout[60000ms] is too long, and should be set less than 50000ms",
  );
  expect(refusal("--heartbeat-interval=0")).toBe("--heartbeat-interval must be >0 (set to 0ms)");
  expect(refusal("--listen-client-urls=http://127.0.0.1:1")).toBe(
    "--advertise-client-urls is required when --listen-client-urls is set explicitly",
  );
  expect(refusal("--listen-peer-urls=http://example.org:1")).toBe(
    "expected IP in URL for binding (http://example.org:1)",
  );
  const noAddresses = ["http://:1", "http://999.0.0.1:1", "http://1.2.3:1", "http://[zz::1]:1"];
  for (const url of [...noAddresses, "http://u:p@name:1", "http://[fe80::1%25lo]:1"]) {
    expect(refusal(`--listen-peer-urls=${url}`)).toBe(`expected IP in URL for binding (${url})`);
  }
  expect(refusal("--listen-peer-urls=http://127.0.0.1:65536")).toBe(
    "listen tcp: address 65536: invalid port",
  );
  expect(refusal("--advertise-client-urls=http://:1")).toBe(
    '--advertise-client-urls "http://:1" must be "host:port" (unexpected empty host (http://:1))',
  );
  expect(refusal("--initial-advertise-peer-urls=http://:1")).toContain("unexpected empty host");
  expect(refusal("--auto-compaction-retention=-1h")).toBe(
    "--auto-compaction-retention must be >=0 (set to -1h)",
  );
});

test("levels of the log come in any case, and a file may be named by a URL", () => {
  const { level, outputs } = configOf([
    "--log-level=Warn",
    "--log-outputs=file:///var/log/etcd%20a.log,stderr",
  ]).log;
  expect([level, outputs]).toEqual(["warn", ["/var/log/etcd a.log", "stderr"]]);
  expect(refusal("--log-outputs=file:///a%zz")).toContain("invalid URL escape");
  expect(refusal("--log-level=loud")).toBe('unrecognized level: "loud"');
  const rotation = ["--enable-log-rotation", "--log-outputs=a.log"];
  expect(refusal(...rotation, '--log-rotation-config-json={"maxsize":-1}')).toBe(
    "invalid log rotation config: maxsize is negative: -1",
  );
});

test("a name alone makes a cluster of one under that name", () => {
  const config = configOf(["--name=solo"], {});
  expect(config.initialCluster).toBe("solo=http://localhost:2380");
  expect(config.dataDir).toBe("solo.etcd");
});

test("what is given as nothing is kept as it was given, and what takes its place is told", () => {
  const asked = readConfig(["--snapshot-count=0", "--auto-compaction-mode="], {});
  if (asked.kind !== "member") throw new Error("no member was asked for");
  expect(asked.config).toMatchObject({ snapshotCount: 0, autoCompactionMode: "" });
  expect(asked.check()).toContainEqual({
    level: "info",
    message: "updating snapshot-count to default",
    fields: { "given-snapshot-count": 0, "updated-snapshot-count": 100_000 },
  });
});

test("the help shows where data go by default", () => {
  expect(helpText()).toContain("  --data-dir '${name}.etcd'\n");
});

test("no URL says nothing: what the flag said before holds", () => {
  const given = ["--listen-client-urls=http://127.0.0.1:1", "--advertise-client-urls=http://a:1"];
  const config = configOf([...given, "--listen-client-urls=", "--listen-metrics-urls="]);
  expect(config.listenClientUrls).toEqual(["http://127.0.0.1:1"]);
  expect(config.listenMetricsUrls).toEqual([]);
});

test("a variable stands for its flag, but never under it", () => {
  const config = configOf([], { ETCD_NAME: "env", ETCD_SNAPSHOT_COUNT: "7" });
  expect(config).toMatchObject({ name: "env", snapshotCount: 7 });
  expect(() => readConfig(["--name=a"], { ETCD_NAME: "b" })).toThrow("is shadowed by");
  const odd = readConfig([], { ETCD_ODD: "secret" });
  const notes = odd.kind === "member" ? odd.notes : [];
  expect(notes[0]).toEqual({
    level: "warn",
    message: "unrecognized environment variable",
    fields: { "environment-variable": "ETCD_ODD" },
  });
});

test("gates given one by one add up, and the last word on a gate counts", () => {
  const [corrupt, hashes] = ["InitialCorruptCheck", "CompactHashCheck"];
  expect(
    configOf([`--feature-gates=${corrupt}=true`, `--feature-gates=${hashes}=true`]),
  ).toMatchObject({ initialCorruptCheck: true, compactHashCheck: true });
  expect(
    configOf([`--feature-gates=${corrupt}=true,${hashes}=t`, `--feature-gates=${corrupt}=false`]),
  ).toMatchObject({ initialCorruptCheck: false, compactHashCheck: true });
  expect(configOf([], { ETCD_FEATURE_GATES: ` ${corrupt} = 1 ,` })).toMatchObject({
    initialCorruptCheck: true,
  });
});

test("a gate that cannot be is a mistake in the command line", () => {
  for (const [gates, problem] of [
    ["Nope=true", "unrecognized feature gate: Nope"],
    ["InitialCorruptCheck", "missing bool value for InitialCorruptCheck"],
    [
      "InitialCorruptCheck=yes",
      "invalid value of InitialCorruptCheck=yes, err: " +
        'strconv.ParseBool: parsing "yes": invalid syntax',
    ],
  ]) {
    expect(() => configOf([`--feature-gates=${gates}`])).toThrow(
      new FlagSyntaxError(`invalid value "${gates}" for flag -feature-gates: ${problem}`),
    );
    expect(() => configOf([], { ETCD_FEATURE_GATES: gates })).toThrow(
      new ConfigError(`invalid value "${gates}" for ETCD_FEATURE_GATES: ${problem}`),
    );
  }
});

test("every gate is told, with what it is set to by its flag or by name", () => {
  const on = (args: readonly string[]) =>
    configOf(args)
      .featureGates.filter(({ isOn }) => isOn)
      .map(({ name, stage }) => `${name} ${stage}`);
  const always = ["TxnModeWriteWithSharedBuffer BETA", "LeaseCheckpointPersist ALPHA"];
  expect(on([])).toEqual(always);
  expect(on(["--experimental-initial-corrupt-check"])).toEqual([
    "InitialCorruptCheck ALPHA",
    ...always,
  ]);
  expect(on(["--feature-gates=LeaseCheckpoint=true"])).toContain("LeaseCheckpoint ALPHA");
  expect(configOf([]).featureGates).toHaveLength(9);
});

test("no entries to catch up with stand for the default", () => {
  const entries = (count: number) =>
    configOf([`--experimental-snapshot-catchup-entries=${count}`]).snapshotCatchupEntries;
  expect(entries(0)).toBe(entries(5_000));
  expect(entries(7)).toBe(7);
});

test("the quota is 2 GiB by default, else the number that is given", () => {
  expect(configOf([]).quotaBytes).toBe(2 ** 31);
  expect(configOf(["--quota-backend-bytes=-7"]).quotaBytes).toBe(-7);
  expect(configOf(["--quota-backend-bytes", "0x100"]).quotaBytes).toBe(256);
});

test("the address of this machine is told where it is advertised, and where none was found", () => {
  const all = ["--listen-peer-urls=http://0.0.0.0:2380"];
  const notesFor = (args: readonly string[], host: string | undefined) => {
    const asked = readConfig(args, {}, () => host);
    return asked.kind === "member"
      ? asked.check().filter(({ message }) => /host/.test(message))
      : [];
  };
  expect(notesFor(all, "10.0.0.7")).toEqual([
    { level: "info", message: "detected default host for advertise", fields: { host: "10.0.0.7" } },
  ]);
  expect(notesFor(all, undefined).map(({ message }) => message)).toEqual([
    "failed to detect default host",
  ]);
  expect(notesFor([], "10.0.0.7")).toEqual([]);
});
