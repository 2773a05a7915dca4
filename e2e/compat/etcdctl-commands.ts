import type { Typing } from "../harness/etcdctl-terminal.ts";

// What is typed in every format at our member and at Debian's. Words in angle brackets are filled in
// by `etcdctl-side.ts`: each of the two has ids and files of its own.

export interface Step extends Typing {
  readonly args: readonly string[];
}

type Steps = readonly (Step | readonly string[])[];

const ROOT = "--user=root:rpw";
/** The first `TTL`, or the header's last field: with `-w protobuf` there is no more. */
const RENEWED = /TTL.*600|\x20[^\x80-\xff]$/s;
/** The last key of the watched, in every format. */
const LAST_EVENT = /w\/end|dy9lbmQ=/;
const ANYTHING = /[^]/;
const SHOWS_EVENT = "echo ran $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE";

const KEYS: Steps = [
  ["put", "k/a", "1"],
  ["put", "k/b", "2", "--prev-kv"],
  ["put", "k/b", "3", "--prev-kv"],
  ["put", "k/c", "é\u0001\t"],
  ["get", "k/a"],
  ["get", "k/", "--prefix"],
  ["get", "k/", "--prefix", "--keys-only"],
  ["get", "k/", "--prefix", "--limit=1"],
  ["get", "k/", "--prefix", "--count-only"],
  ["get", "k/a", "k/c", "--sort-by=MODIFY", "--order=DESCEND"],
  ["get", "k/", "--prefix", "--hex"],
  ["get", "missing"],
  ["del", "k/a", "--prev-kv"],
  ["del", "missing"],
  ["del", "k/", "--prefix", "--prev-kv"],
];

const TXN_INPUT = 'mod("t") = "0"\nver("t") < "1"\n\nput t 1\nget t\n\nget t\ndel t\n\n';
const TRANSACTIONS: Steps = [
  { args: ["txn"], input: TXN_INPUT },
  { args: ["txn"], input: TXN_INPUT },
  { args: ["txn", "-i"], input: TXN_INPUT },
];

const LEASES: Steps = [
  ["lease", "list"],
  ["lease", "grant", "600"],
  ["lease", "list"],
  ["put", "leased", "1", "--lease=<lease>"],
  ["lease", "keep-alive", "--once", "<lease>"],
  { args: ["lease", "keep-alive", "<lease>"], until: RENEWED },
  ["lease", "timetolive", "<lease>"],
  ["lease", "timetolive", "<lease>", "--keys"],
  ["lease", "timetolive", "1f"],
  ["lease", "revoke", "<lease>"],
  ["get", "leased"],
];

const WATCHED = ["--prefix", "w/", "--rev=<fourth-last>"];
const WATCHES: Steps = [
  ["put", "w/a", "1"],
  ["put", "w/a", "2"],
  ["del", "w/a"],
  ["put", "w/end", "3"],
  { args: ["watch", ...WATCHED], until: LAST_EVENT },
  { args: ["watch", "--prev-kv", ...WATCHED], until: LAST_EVENT },
  { args: ["watch", "-i"], input: `watch ${WATCHED.join(" ")}\n`, until: LAST_EVENT },
  {
    args: ["watch", ...WATCHED, "--", "sh", "-c", SHOWS_EVENT],
    until: /ran "?PUT"? "w\/end" "3"\n/,
  },
];

const WAITS: Steps = [
  ["lock", "mutex", "echo", "held"],
  { args: ["lock", "mutex"], until: ANYTHING, isWhole: true },
  { args: ["elect", "chair", "me"], until: ANYTHING, isWhole: true },
  ["put", "chair/1", "boss"],
  { args: ["elect", "-l", "chair"], until: /boss|Ym9zcw==/ },
  ["del", "chair/1"],
];

const UPKEEP: Steps = [
  ["compaction", "<revision>"],
  ["put", "more", "1"],
  ["compaction", "<revision>", "--physical"],
  ["defrag"],
  ["alarm", "list"],
  ["alarm", "disarm"],
  ["endpoint", "health"],
  ["endpoint", "status"],
  ["endpoint", "status", "--cluster"],
  ["endpoint", "hashkv"],
  ["snapshot", "save", "<file>"],
  ["snapshot", "status", "<file>"],
  ["snapshot", "restore", "<file>", "--data-dir=<new-folder>"],
  ["version"],
];

const USERS: Steps = [
  ["user", "add", "ann:apw"],
  { args: ["user", "add", "bob", "--interactive=false"], input: "bpw\n" },
  ["user", "add", "root:rpw"],
  { args: ["user", "passwd", "ann", "--interactive=false"], input: "new\n" },
  ["user", "list"],
  ["role", "add", "reader"],
  ["role", "grant-permission", "reader", "readwrite", "k/", "k0"],
  ["role", "grant-permission", "reader", "read", "a"],
  ["role", "get", "reader"],
  ["role", "list"],
  ["user", "grant-role", "ann", "reader"],
  ["user", "get", "ann"],
  ["user", "get", "ann", "--detail"],
  ["role", "add", "root"],
  ["user", "grant-role", "root", "root"],
  ["auth", "status"],
  ["auth", "enable"],
  [ROOT, "auth", "status"],
  ["--user=ann:new", "get", "a"],
  [ROOT, "auth", "disable"],
  ["role", "revoke-permission", "reader", "k/", "k0"],
  ["user", "revoke-role", "ann", "reader"],
  ["role", "delete", "reader"],
  ["user", "delete", "ann"],
  ["user", "delete", "bob"],
  ["user", "delete", "root"],
  ["role", "delete", "root"],
];

const REFUSED: Steps = [
  ["get", "k/a", "--rev=1000000"],
  ["lease", "revoke", "1f"],
  ["compaction", "1000000"],
  ["auth", "enable"],
  ["user", "get", "missing"],
  ["role", "get", "missing"],
  ["member", "remove", "1f"],
  ["member", "update", "1f", "--peer-urls=http://127.0.0.1:1"],
  ["member", "promote", "1f"],
  ["move-leader", "1f"],
  ["nonsense"],
];

const FULL: Steps = [
  ["alarm", "list"],
  ["endpoint", "status"],
  ["alarm", "disarm"],
];
const FULL_REFUSED: Steps = [
  ["put", "a", "1"],
  ["endpoint", "health"],
];

const ADDED: Steps = [
  ["member", "list"],
  ["member", "update", "<self>", "--peer-urls=<self-url>"],
  ["member", "add", "absent", "--learner", "--peer-urls=<absent-url>"],
  ["member", "remove", "<second>"],
  ["member", "add", "second", "--learner", "--peer-urls=<second-url>"],
];
const GROWN: Steps = [
  ["member", "promote", "<second>"],
  ["move-leader", "<follower>"],
  ["move-leader", "<follower>"],
  ["member", "remove", "<second>"],
];

/** With one member that is well. */
export const STEPS = [KEYS, TRANSACTIONS, LEASES, WATCHES, WAITS, UPKEEP, USERS].flat().map(stepOf);
/** The same, and all of it is refused. */
export const REFUSED_STEPS = REFUSED.map(stepOf);
/** While the alarm NOSPACE is raised; afterwards it is not. */
export const FULL_STEPS = FULL.map(stepOf);
export const FULL_REFUSED_STEPS = FULL_REFUSED.map(stepOf);
/** Up to a learner that can be started, and from when it runs to when it is gone. */
export const ADDED_STEPS = ADDED.map(stepOf);
export const GROWN_STEPS = GROWN.map(stepOf);

/** Commands that no server hears of, and why none of their output could be ours. */
export const SERVERLESS: Readonly<Record<string, string>> = {
  "completion bash": "prints a script",
  "completion fish": "prints a script",
  "completion powershell": "prints a script",
  "completion zsh": "prints a script",
  help: "prints what the tool knows",
  migrate: "reads the files of etcd 2",
};

/** Commands that print no response, in whatever format, and where each has a test of its own. */
export const FORMATLESS: Readonly<Record<string, string>> = {
  "check datascale": "etcdctl-formats.test.ts",
  "check perf": "etcdctl-pace.test.ts",
  "make-mirror": "etcdctl-formats.test.ts",
};

/** The command that is typed, of those in `commands`. */
export function commandOf(
  args: readonly string[],
  commands: readonly string[],
): string | undefined {
  const words = args.filter((word) => !word.startsWith("-"));
  return commands.find((command) => {
    const own = command.split(" ");
    return own.every((word, at) => words[at] === word);
  });
}

function stepOf(typed: Step | readonly string[]): Step {
  return "args" in typed ? typed : { args: typed };
}
