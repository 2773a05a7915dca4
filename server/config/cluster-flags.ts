import { bool, choice, choices, duration, type FlagGroup, text, urls } from "./definitions.ts";

const NO_DISCOVERY = {
  unsupported: "members find each other by --initial-cluster or --discovery-srv",
};
const NO_V2 = { unsupported: "the API of etcd 2 is not served" };

export const CLUSTER_FLAGS: FlagGroup = {
  title: "Clustering",
  flags: [
    urls(
      "initial-advertise-peer-urls",
      "http://localhost:2380",
      "This member's peer URLs, told to the rest of the cluster.",
    ),
    text(
      "initial-cluster",
      "default=http://localhost:2380",
      "The members of a new cluster: 'name=url[,name=url...]'.",
    ),
    choice("initial-cluster-state", "new", "'new', or 'existing' to join.", {
      values: ["new", "existing"],
    }),
    text("initial-cluster-token", "etcd-cluster", "Keeps clusters apart."),
    urls(
      "advertise-client-urls",
      "http://localhost:2379",
      "This member's client URLs, told to the rest of the cluster.",
    ),
    text("discovery", "", "Discovery service of etcd 2.", NO_DISCOVERY),
    choice("discovery-fallback", "proxy", "What to do when a discovered cluster is full.", {
      values: ["proxy", "exit"],
    }),
    text("discovery-proxy", "", "HTTP proxy on the way to the discovery service.", NO_DISCOVERY),
    text("discovery-srv", "", "Domain whose SRV records name the members of a new cluster."),
    text("discovery-srv-name", "", "Suffix of the service's name in those records."),
    text("discovery-token", "", "Token at the discovery service of etcd 3.6.", NO_DISCOVERY),
    text("discovery-endpoints", "", "Discovery service of etcd 3.6.", NO_DISCOVERY),
    duration("discovery-dial-timeout", "2s", "Part of --discovery-endpoints.", NO_DISCOVERY),
    duration("discovery-request-timeout", "5s", "Part of --discovery-endpoints.", NO_DISCOVERY),
    duration("discovery-keepalive-time", "2s", "Part of --discovery-endpoints.", NO_DISCOVERY),
    duration("discovery-keepalive-timeout", "6s", "Part of --discovery-endpoints.", NO_DISCOVERY),
    bool("discovery-insecure-transport", "true", "Part of --discovery-endpoints.", NO_DISCOVERY),
    bool(
      "discovery-insecure-skip-tls-verify",
      "false",
      "Part of --discovery-endpoints.",
      NO_DISCOVERY,
    ),
    text("discovery-cert", "", "Part of --discovery-endpoints.", NO_DISCOVERY),
    text("discovery-key", "", "Part of --discovery-endpoints.", NO_DISCOVERY),
    text("discovery-cacert", "", "Part of --discovery-endpoints.", NO_DISCOVERY),
    text("discovery-user", "", "Part of --discovery-endpoints.", NO_DISCOVERY),
    text("discovery-password", "", "Part of --discovery-endpoints.", NO_DISCOVERY),
    bool("strict-reconfig-check", "true", "Refuse changes that would lose the quorum."),
    bool("pre-vote", "true", "Ask before campaigning, so that nobody disturbs a leader."),
    text(
      "auto-compaction-retention",
      "0",
      "How much history to keep: a duration, hours, or revisions; 0 keeps all.",
    ),
    text("auto-compaction-mode", "periodic", "'periodic' or 'revision'."),
    bool("enable-v2", "false", "Serve the API of etcd 2.", NO_V2),
    text("experimental-enable-v2v3", "", "Serve the API of etcd 2 under a prefix.", NO_V2),
    choices("v2-deprecation", "not-yet", "How far etcd 2's data is gone; here it always is.", {
      values: ["not-yet", "write-only", "write-only-skip-check", "write-only-drop-data", "gone"],
    }),
  ],
};

export const PROXY_FLAGS: FlagGroup = {
  title: "Proxy of etcd 2",
  flags: [
    choice("proxy", "off", "'off', 'readonly' or 'on'.", {
      values: ["off", "readonly", "on"],
      unsupported: "the proxy of etcd 2 is not part of this program",
    }),
    ...[
      ["failure-wait", "5000"],
      ["refresh-interval", "30000"],
      ["dial-timeout", "1000"],
      ["write-timeout", "5000"],
      ["read-timeout", "0"],
    ].map(([name, initial]) => ({
      name: `proxy-${name}`,
      kind: "uint" as const,
      initial: initial ?? "",
      usage: "Milliseconds, of --proxy.",
    })),
  ],
};
