import {
  bool,
  duration,
  type FlagGroup,
  formerly,
  int,
  set,
  text,
  uint,
  urls,
} from "./definitions.ts";

export const PROFILING_FLAGS: FlagGroup = {
  title: "Profiling and monitoring",
  flags: [
    bool("enable-pprof", "false", "Serve profiles under /debug/pprof/."),
    text("metrics", "basic", "'extensive' adds how long gRPC calls took."),
    urls("listen-metrics-urls", "", "Where to serve /metrics and /health besides."),
  ],
};

export const LOGGING_FLAGS: FlagGroup = {
  title: "Logging",
  flags: [
    text("logger", "zap", "The form of the log: 'zap'."),
    set("log-outputs", "default", "'stderr', 'stdout' or files; 'default' is stderr."),
    text("log-level", "info", "debug, info, warn, error, panic or fatal."),
    text("log-format", "json", "'json' or 'console'."),
    bool("enable-log-rotation", "false", "Put the log's one file aside when it is full."),
    text(
      "log-rotation-config-json",
      '{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}',
      "When it is full (MB), and how long (days) and how many to keep.",
    ),
  ],
};

const NO_TRACING = { unsupported: "no traces are collected" };

export const TRACING_FLAGS: FlagGroup = {
  title: "Distributed tracing",
  flags: [
    bool("enable-distributed-tracing", "false", "Send traces to a collector.", {
      ...formerly("enable-distributed-tracing"),
      ...NO_TRACING,
    }),
    text("distributed-tracing-address", "localhost:4317", "Address of the collector.", {
      ...formerly("distributed-tracing-address"),
      ...NO_TRACING,
    }),
    text("distributed-tracing-service-name", "etcd", "Name of the service in traces.", {
      ...formerly("distributed-tracing-service-name"),
      ...NO_TRACING,
    }),
    text("distributed-tracing-instance-id", "", "Id of this member in traces.", {
      ...formerly("distributed-tracing-instance-id"),
      ...NO_TRACING,
    }),
    int("distributed-tracing-sampling-rate", "0", "Samples per million spans.", {
      ...formerly("distributed-tracing-sampling-rate"),
      ...NO_TRACING,
    }),
  ],
};

/** Switches that etcd 3.6 has as feature gates keep their long names alone. */
export const UPKEEP_FLAGS: FlagGroup = {
  title: "Upkeep",
  flags: [
    bool("experimental-initial-corrupt-check", "false", "Compare with the others before serving."),
    duration("corrupt-check-time", "0s", "Time between comparisons with the others; 0: none.", {
      ...formerly("corrupt-check-time"),
    }),
    bool("experimental-compact-hash-check-enabled", "false", "Compare hashes after compactions."),
    duration("compact-hash-check-time", "1m", "Time between two such comparisons.", {
      ...formerly("compact-hash-check-time"),
    }),
    bool("experimental-enable-lease-checkpoint", "false", "Note how long leases still have."),
    bool("experimental-enable-lease-checkpoint-persist", "false", "Keep that over restarts."),
    int("compaction-batch-limit", "1000", "Revisions that a compaction removes at a time.", {
      ...formerly("compaction-batch-limit"),
    }),
    duration("compaction-sleep-interval", "10ms", "Pause between two such batches.", {
      ...formerly("compaction-sleep-interval"),
    }),
    duration("watch-progress-notify-interval", "10m", "Silence after which a watch is told.", {
      ...formerly("watch-progress-notify-interval"),
    }),
    duration("downgrade-check-time", "5s", "Time between two looks at a downgrade.", {
      ...formerly("downgrade-check-time"),
    }),
    duration("warning-apply-duration", "100ms", "Time after which an apply is called slow.", {
      ...formerly("warning-apply-duration"),
    }),
    duration("warning-unary-request-duration", "300ms", "Time after which a call is called slow.", {
      ...formerly("warning-unary-request-duration"),
    }),
    bool("experimental-txn-mode-write-with-shared-buffer", "true", "One buffer for all writes.", {
      unsupported: "there is only one buffer, which all writes share",
    }),
    uint("bootstrap-defrag-threshold-megabytes", "0", "Defragment at the start to win so much.", {
      ...formerly("bootstrap-defrag-threshold-megabytes"),
    }),
    bool("experimental-stop-grpc-service-on-defrag", "false", "Report unhealthy meanwhile."),
  ],
};

export const UNSAFE_FLAGS: FlagGroup = {
  title: "Unsafe",
  flags: [
    bool("force-new-cluster", "false", "Make a cluster of this member alone, out of its data."),
    bool("unsafe-no-fsync", "false", "Never wait for the disk; a power cut loses data."),
  ],
};

export const OTHER_FLAGS: FlagGroup = {
  title: "Other",
  flags: [
    text("config-file", "", "File to read everything from; flags and variables then say nothing."),
    bool("version", "false", "Print the version and exit."),
  ],
};

/** Had a meaning in etcd 2. */
export const IGNORED_FLAGS: FlagGroup = {
  title: "",
  flags: [
    "cluster-active-size",
    "cluster-remove-delay",
    "cluster-sync-interval",
    "config",
    "force",
    "max-result-buffer",
    "max-retry-attempts",
    "peer-heartbeat-interval",
    "peer-election-timeout",
    "retry-interval",
    "snapshot",
    "v",
    "vv",
    "test.coverprofile",
    "test.outputdir",
  ].map((name) => ({ name, kind: "ignored" as const, initial: "", usage: "" })),
};
