// Who may import whom. What is not listed is forbidden. A target is a station ("raft") or one of
// its files ("raft/entry").

export const SERVER_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  errors: [],
  proto: ["base", "raft/entry", "raft/message"],
  raft: ["base"],
  storage: ["base"],
  bbolt: ["base", "storage"],
  wal: ["base", "proto", "raft/entry", "raft/message"],
  transport: ["base", "errors", "proto", "raft/entry", "raft/message"],
  mvcc: ["base", "errors", "storage"],
  watch: ["base", "mvcc"],
  auth: ["base", "errors", "proto", "storage"],
  credentials: ["base", "errors", "auth"],
  lease: ["base", "errors", "proto", "storage"],
  membership: ["base", "errors", "proto", "storage", "raft/entry"],
  alarm: ["base", "errors", "proto", "storage"],
  http2: ["base", "errors"],
  tls: ["base"],
  metrics: ["base"],
  apply: [
    "base",
    "errors",
    "proto",
    "storage",
    "mvcc",
    "lease",
    "auth",
    "membership",
    "alarm",
    "watch",
    "raft/entry",
    // The configuration behind a change is the same function of both for raft and for the state.
    "raft/conf-change",
    // What a request needs of its proposer is one set of rules, asked before and behind the log.
    "admission/authorize",
  ],
  admission: ["base", "errors", "proto", "lease", "auth", "membership"],
  replica: [
    "base",
    "errors",
    "proto",
    "raft",
    "wal",
    "transport",
    "apply",
    "membership",
    "storage",
    "bbolt",
    "lease",
    "auth",
    "mvcc",
    "metrics",
  ],
  rpc: [
    "base",
    "errors",
    "proto",
    "admission",
    "replica",
    "metrics",
    "http2",
    "mvcc",
    "watch",
    "lease",
    "auth",
    "credentials",
    "membership",
    "alarm",
    "bbolt",
    "apply",
    "transport",
  ],
  gateway: ["base", "errors", "proto", "admission", "replica", "metrics", "http2"],
  config: ["base", "errors"],
  logging: ["base", "config"],
  etcd: ["member", "base"],
  launch: ["base"],
};

export const CONSOLE_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "lib/schema": [],
  "lib/etcd": ["server/proto", "server/errors", "server/base", "lib/schema"],
  "lib/console": ["lib/schema", "lib/etcd"],
  "lib/http": ["lib/etcd", "lib/console", "lib/schema", "lib/auth"],
  "lib/auth": ["lib/console", "lib/schema", "lib/http"],
  "lib/browser": ["lib/schema"],
  "app/api": ["lib/http", "lib/etcd", "lib/console", "lib/schema", "lib/auth"],
  app: ["components", "lib"],
};

/** Free of rules: they wire everything, or exist only for tests. */
export const SERVER_UNRULED = new Set(["member", "sim"]);

interface Capability {
  readonly name: string;
  readonly pattern: RegExp;
  /** Paths in which it is allowed. */
  readonly allowed: RegExp;
  /** Paths that the rule speaks of. */
  readonly scope: RegExp;
}

export const CAPABILITIES: readonly Capability[] = [
  {
    name: "grpc-js",
    pattern: /from "@grpc\//,
    allowed: /^lib\/etcd\/|^e2e\//,
    scope: /./,
  },
  {
    name: "sockets",
    pattern: /from "node:(net|tls|http|https|http2)"/,
    allowed: /^server\/(http2|gateway|transport|tls)\/|^server\/launch|^e2e\/|^lib\/http\//,
    scope: /./,
  },
  {
    name: "lmdb",
    pattern: /from "lmdb"/,
    allowed: /^server\/storage\/lmdb-|^lib\/console\/|^e2e\//,
    scope: /./,
  },
  {
    name: "files",
    pattern: /from "node:fs(\/promises)?"/,
    allowed:
      /^server\/(wal|storage|bbolt|tls|config|logging|sim|launch|member|proto\/(saturate|describe))|^lib\/console\/|^e2e\/|^deploy\//,
    scope: /./,
  },
  {
    name: "time",
    pattern: /\bDate\.now\(|\bperformance\.now\(|\bset(Timeout|Interval|Immediate)\(/,
    allowed: /^server\/(base\/clock|launch|sim\/)/,
    scope: /^server\//,
  },
  {
    name: "chance",
    pattern: /\bMath\.random\(|from "node:crypto"/,
    allowed:
      /^server\/(base\/random|auth\/password-field|credentials\/|rpc\/maintenance|rpc\/snapshot|tls\/|bbolt\/|gateway\/web-socket|membership\/|launch)/,
    scope: /^server\//,
  },
  {
    name: "waiting in the state machine",
    pattern: /\basync\b|\bawait\b|\bPromise\b/,
    allowed: /^$/,
    scope: /^server\/(raft|apply|mvcc|lease|auth|membership|alarm)\//,
  },
];

export const BANNED_NAMES =
  /^(util|utils|helper|helpers|common|misc|manager|service|services|types|index)$/;
