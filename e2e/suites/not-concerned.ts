// Which of etcd's end-to-end tests are left out, and why: each asks for something that is none of a
// member's behaviour, or that server/README.md says is different here.

const FILES = "opens or writes a member's database file, whose format is our own";
const RESTORED = "starts a member on the files that etcdutl restored, which are not ours";
const SOCKETS = "has members talk over sockets in files; ours do over TCP alone";
const PROXY = "is about etcd's proxies, which are programs of their own";
const V2 = "is about the v2 API or its store";
const SHARED_STREAMS = "expects that calls of the JSON gateway share one connection's streams";
const UNTOLD_PEER = "waits for the alert of a dialing member in the other one's log";

const REASONS: Readonly<Record<string, string>> = {
  TestAuthority: "reads Go's own debug lines of HTTP/2",
  TestClusterVersion: SOCKETS,
  TestCompactHashCheckDetectCorruption: FILES,
  TestConnectionMultiplexing: V2,
  TestCtlV3Alarm: "sets a quota of thirteen pages, which an empty database of ours almost fills",
  TestCtlV3DefragOffline: FILES,
  TestCtlV3DefragOfflineEtcdutl: FILES,
  TestEtcdCorruptHash: FILES,
  TestEtcdExampleConfig: "reads a sample file that is not among the tests",
  TestEtcdPeerCNAuth: UNTOLD_PEER,
  TestEtcdPeerMultiCNAuth: UNTOLD_PEER,
  TestEtcdUnixPeers: SOCKETS,
  TestGateway: PROXY,
  TestGrpcProxyAutoSync: PROXY,
  TestGrpcproxyAndCommonName: PROXY,
  TestHTTPLivezReadyzHandler: FILES,
  TestIssue6361: RESTORED,
  TestIssue6361etcdutl: RESTORED,
  TestMixVersionsSnapshotByAddingMember: "asks for a member of an older etcd",
  TestPeriodicCheckDetectsCorruption: FILES,
  TestRestoreCompactionRevBump: RESTORED,
  TestV2Deprecation: V2,
  TestV2DeprecationWriteOnlyNoV2Api: V2,
  TestV3Curl_MaxStreams_ReachLimit_NoTLS_Medium: SHARED_STREAMS,
  TestV3Curl_MaxStreams_ReachLimit_NoTLS_Small: SHARED_STREAMS,
  TestV3Curl_MaxStreams_ReachLimit_TLS_Medium: SHARED_STREAMS,
  TestV3Curl_MaxStreams_ReachLimit_TLS_Small: SHARED_STREAMS,
};

/** Undefined when the test is about what a member of ours does. */
export function reasonAgainst(test: string): string | undefined {
  return REASONS[test] ?? (/^Test(Utl)?CtlV2|^TestV2Curl/.test(test) ? V2 : undefined);
}
