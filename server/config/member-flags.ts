import {
  bool,
  duration,
  type FlagGroup,
  formerly,
  int,
  list,
  text,
  uint,
  uint32,
  urls,
} from "./definitions.ts";
import { gatesProblem } from "./gates.ts";

export const MEMBER_FLAGS: FlagGroup = {
  title: "Member",
  flags: [
    text("name", "default", "Human-readable name of this member."),
    text("data-dir", "", "Folder of this member's data.", { shownInitial: "${name}.etcd" }),
    text("wal-dir", "", "Folder of the write-ahead log, when it is to be elsewhere."),
    uint("snapshot-count", "100000", "Applied entries after which the log is compacted."),
    uint(
      "snapshot-catchup-entries",
      "5000",
      "Entries kept in memory for followers that lag, after the log was compacted.",
      {
        ...formerly("snapshot-catchup-entries"),
        fileKey: "experimental-snapshot-catch-up-entries",
      },
    ),
    uint("heartbeat-interval", "100", "Milliseconds between a leader's heartbeats."),
    uint("election-timeout", "1000", "Milliseconds of silence before an election."),
    bool("initial-election-tick-advance", "true", "Shorten the wait for the first election."),
    urls("listen-peer-urls", "http://localhost:2380", "Where to listen for members."),
    urls("listen-client-urls", "http://localhost:2379", "Where to listen for clients."),
    urls(
      "listen-client-http-urls",
      "",
      "Where to listen for clients over HTTP alone; --listen-client-urls then serves gRPC alone.",
    ),
    uint("max-snapshots", "5", "Most snapshot files to keep; this program keeps none."),
    uint("max-wals", "5", "Most log files to keep that nothing needs; this program keeps none."),
    int("quota-backend-bytes", "0", "Size at which writes stop; 0 is 2 GiB, below 0 no limit."),
    text("backend-bbolt-freelist-type", "map", "How bbolt keeps its free pages.", {
      synonyms: [""],
      unsupported: "the state is not kept in bbolt",
    }),
    duration("backend-batch-interval", "0s", "Longest time between two writes of the state."),
    int("backend-batch-limit", "0", "Changes after which the state is written in any case."),
    uint("max-txn-ops", "128", "Operations that one transaction may hold."),
    uint("max-request-bytes", "1572864", "Bytes that one request may have."),
    uint32("max-concurrent-streams", "4294967295", "Streams that one client may have open."),
    bool("enable-grpc-gateway", "true", "Serve the JSON gateway."),
    duration("grpc-keepalive-min-time", "5s", "Least time between two pings of a client."),
    duration("grpc-keepalive-interval", "2h", "Time between two pings to a client; 0: none."),
    duration("grpc-keepalive-timeout", "20s", "Time to wait for the answer to a ping."),
    bool("socket-reuse-port", "false", "Let others listen on the same ports (SO_REUSEPORT)."),
    bool("socket-reuse-address", "false", "Listen where a connection still lingers; always on."),
    duration("raft-read-timeout", "5s", "Longest silence on a connection between members."),
    duration("raft-write-timeout", "5s", "Longest time for writing to another member."),
    bool("memory-mlock", "false", "Keep all memory from being swapped out.", {
      ...formerly("memory-mlock"),
      unsupported: "the runtime cannot lock its memory",
    }),
    uint("max-learners", "1", "Learners that a cluster may have at a time.", {
      ...formerly("max-learners"),
    }),
    list("feature-gates", "", "Switches of etcd 3.6: 'Name=true,Other=false'.", {
      problem: gatesProblem,
      addsUp: true,
    }),
  ],
};
