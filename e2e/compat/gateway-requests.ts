import type { HttpAsk } from "../harness/http-client.ts";

const GZIP = { "Content-Encoding": "gzip" };

function post(path: string, body: string | Buffer, rest: Partial<HttpAsk> = {}): HttpAsk {
  return { path, body, ...rest };
}

const range = (body: string | Buffer) => post("/v3/kv/range", body);
const txn = (body: string) => post("/v3/kv/txn", body);
const watch = (lines: number, body: string) => post("/v3/watch", body, { lines });

/** How JSON may and may not be written. */
const JSON_FORMS: readonly HttpAsk[] = [
  "{}",
  "",
  "   ",
  "x",
  '{"key":"Zm9',
  "[]",
  "null",
  '"abc"',
  "5",
  "true",
  "01",
  "-",
  "{} x",
  '{"key":"_-8="}',
  '{"key":"Zm9"}',
  '{"key":"Zm9vZg"}',
  '{"key":"Zm9v="}',
  '{"key":"Zm 9v"}',
  '{"key":"Zm9v\\nZg=="}',
  '{"key":[102]}',
  '{"key":5}',
  '{"key":null}',
  '{"key":{}}',
  '{"key":true}',
  '{"key":"Zm9v","key":"Zm9v"}',
  '{"key":"Zm9v","range_end":"","rangeEnd":""}',
  '{"key":"Zm9v","nope":{"a":[1,{}]},"rangeEnd":"AA=="}',
  '{"[abc]":1,"key":"Zm9v"}',
  '{"é":1,"limit":"y"}',
  '\n{"key":"Zm9v",\n "limit":"é", "x":5}',
  '{"@type":1,"key":"Zm9v"}',
  "{key:1}",
  '{"key":"Zm9v",}',
  '{"key":"Zm9v" "a":1}',
  '{"key" 1}',
  '{"key":"a\tb"}',
  '{"key":01}',
  '{"key":1.}',
  '{"key":1e}',
  '{"key":-}',
  '{"key":tru}',
  '{"key":nul',
  '{"a":[1,2',
  '{"a":[1 2]}',
  '{"a":[,]}',
  '{"a":"\\x"}',
  '{"a":"\\u00g0"}',
  '{"a":\u00ff}',
  '{"a":"\\ud800"}',
  '{"a":"\\ud800zzzzzzzz"}',
  '{"a":"\\ud83d\\ude00","key":"Zm9v"}',
  '{"key":"Zm9v"}}',
  '{"key":"Zm9v"} x',
  '  {"key":"Zm9v" , "limit" : x}',
].map(range);

const BAD_BYTES: readonly HttpAsk[] = [
  range(Buffer.from('{"key":"Zm9v","a":"b\\n\xffc"}', "latin1")),
  range(Buffer.from('{"key":"Zm9v",\xff}', "latin1")),
  post("/v3/auth/user/get", Buffer.from('{"name":"\xff"}', "latin1")),
];

const DEPTH = 100_000;
const BAD_BODIES: readonly string[] = [
  "",
  "null",
  "[]",
  "{",
  '"text"',
  `${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}`,
  `{"key":${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}}`,
  `{"nope":${"[".repeat(9_000)}${"]".repeat(9_000)}}`,
  ...[200, 300, 3_000, 10_000].map(
    (levels) => `${'{"success":[{"requestTxn":'.repeat(levels)}{}${"}]}".repeat(levels)}`,
  ),
  '{"key":1e400}',
  '{"key":"%%%"}',
  '{"key":"a2V5","value":"not base64!"}',
  '{"key":"a2V5","lease":"99999999999999999999999"}',
  '{"key":"a2V5","lease":1.5}',
  '{"key":"a2V5","lease":{"__proto__":1}}',
  '{"__proto__":{"key":"a2V5"},"constructor":1}',
  '{"key":"a2V5","key":"b2"}',
  '{"key":"\\ud800"}',
  `{"key":"a2V5","limit":${"9".repeat(100_000)}}`,
  `{"limit":${"9".repeat(100_000)}}`,
  "\ufeff{}",
  "{}{}{}",
];

/** Bodies that nobody means, for methods that know their fields and for such as do not. */
export const BAD_JSON: readonly HttpAsk[] = [
  "/v3/kv/range",
  "/v3/kv/txn",
  "/v3/lease/revoke",
  "/v3/nothing",
].flatMap((path) => BAD_BODIES.map((body) => post(path, body)));

/** For methods that answer with a stream, but take one request. */
const BAD_STREAMS: readonly HttpAsk[] = [
  ...["/v3/maintenance/snapshot", "/v3/election/observe"].flatMap((path) =>
    ["{", "x", "[]", "null", "5"].map((body) => post(path, body)),
  ),
  ...['{"name":5}', '{"name":"%"}'].map((body) => post("/v3/election/observe", body)),
];

const NUMBERS: readonly HttpAsk[] = [
  '"x"',
  "1.5",
  '"99999999999999999999"',
  "1e1",
  "null",
  '" 1"',
  '"1.0"',
  "1.50e1",
  "100e-2",
  "1e20",
  '"9223372036854775808"',
  '"9223372036854775807"',
  "-9223372036854775808",
  "-0",
  "{}",
  '""',
  '"1 "',
  "true",
  "1E+2",
  "0.0e99",
  "1e-1",
  "12345678901234567890123",
].map((limit) => range(`{"key":"Zm9v","limit":${limit}}`));

const ENUMS: readonly HttpAsk[] = [
  '"ASCEND"',
  '"2"',
  "2.5",
  "null",
  "[]",
  "true",
  '"FOO"',
  "2",
  "1e0",
].map((order) => range(`{"sort_order":${order},"key":"Zm9v"}`));

const TRANSACTIONS: readonly HttpAsk[] = [
  txn(
    '{"compare":[{"key":"Zm9v","result":"EQUAL","target":"VERSION","version":"1"}],' +
      '"success":[{"request_put":{"key":"Zm9v","value":"PD4="}},{"request_range":{"key":"Zm9v"}}],' +
      '"failure":[{"requestDeleteRange":{"key":"Zm9v","prev_kv":true}}]}',
  ),
  txn('{"success":[{"request_txn":{"success":[{"request_put":{"key":"Zm9v"}}]}}]}'),
  txn('{"compare":[{"key":"bm8=","target":"VALUE","value":""}]}'),
  txn('{"compare":[{"key":"bm8=","version":"0"}]}'),
];

const ODD_TRANSACTIONS: readonly HttpAsk[] = [
  '{"compare":{}}',
  '{"compare":[{}]}',
  '{"compare":[null]}',
  '{"compare":[5]}',
  '{"compare":[{"key":"Zm9v","version":1,"lease":2}]}',
  '{"compare":[{"key":"Zm9v","version":null,"lease":2}]}',
  '{"compare":[{"key":"Zm9v","result":"NOPE"}]}',
  '{"compare":[{"key":"Zm9v","result":99,"version":7}]}',
  '{"success":[{"request_put":{"key":"Zm9v"},"requestRange":{}}]}',
  '{"success":[{}]}',
].map(txn);

const LEASES: readonly HttpAsk[] = [
  post("/v3/lease/grant", '{"TTL":"2000","ID":"77"}'),
  post("/v3/lease/grant", '{"TTL":"2000","ID":"77"}'),
  post("/v3/kv/put", '{"key":"bGVhc2Vk","lease":77}'),
  post("/v3/lease/keepalive", '{"ID":"77"}'),
  post("/v3/lease/keepalive", '{"ID":"5"}{"ID":6} {"ID'),
  post("/v3/lease/leases", "{}"),
  post("/v3/kv/lease/leases", ""),
  post("/v3/kv/lease/timetolive", '{"ID":"78","keys":true}'),
  post("/v3/lease/revoke", '{"ID":"78"}'),
  post("/v3/kv/lease/revoke", '{"ID":"77"}'),
  range('{"key":"bGVhc2Vk"}'),
];

const WATCHES: readonly HttpAsk[] = [
  watch(2, '{"create_request":{"key":"Zm9v","start_revision":"1"}}'),
  watch(2, '{"create_request":{"key":"Zm9v","start_revision":"1"}} x'),
  watch(1, '{"create_request":{"key":"Zm9v","filters":["NOPUT","X",1,7]}}'),
  watch(1, '{"create_request":{"key":"Yg==","range_end":"YQ=="}}'),
  watch(
    3,
    '{"create_request":{"key":"Zm9v"}}{"create_request":{"key":"Zm9v","watch_id":1}}' +
      '{"cancel_request":{"watch_id":1}}',
  ),
  post("/v3/watch", "", { headers: { "Grpc-Timeout": "300m" } }),
];

/** Whether its beginning is told before its end hangs on the machine. */
export const TIMED_WATCH = post("/v3/watch", '{"create_request":{"key":"Zm9v"}}', {
  headers: { "Grpc-Timeout": "300m" },
});

const CLUSTER: readonly HttpAsk[] = [
  post("/v3/cluster/member/list", '{"linearizable":true}'),
  post("/v3/cluster/member/promote", '{"ID":"5"}'),
  post("/v3/cluster/member/remove", '{"ID":"5"}'),
  post("/v3/cluster/member/update", '{"ID":"5","peerURLs":["http://127.0.0.1:9"]}'),
  ...['{"peerURLs":["x"]}', '{"peerURLs":"x"}', '{"peerURLs":[null]}', "{}"].map((body) =>
    post("/v3/cluster/member/add", body),
  ),
];

const MAINTENANCE: readonly HttpAsk[] = [
  post("/v3/maintenance/status", "{}"),
  post("/v3/maintenance/hash", "{}"),
  post("/v3/maintenance/hashkv", '{"revision":99}'),
  post("/v3/maintenance/defragment", "{}"),
  post("/v3/maintenance/downgrade", "{}"),
  post("/v3/maintenance/downgrade", '{"action":"ENABLE","version":"3.9.0"}'),
  post("/v3/maintenance/transfer-leadership", '{"targetID":"5"}'),
  post("/v3/maintenance/alarm", '{"action":"ACTIVATE","alarm":"NOSPACE","memberID":"5"}'),
  post("/v3/maintenance/alarm", "{}"),
  post("/v3/kv/put", '{"key":"Zm9v"}'),
  { path: "/health" },
  ...["NOSPACE", "X&exclude=NOSPACE", "", "X"].map((name) => ({
    path: `/health?exclude=${name}`,
  })),
  { path: "/health?serializable=TRUE" },
  { path: "/readyz?verbose&exclude=non_learner" },
  post("/v3/maintenance/alarm", '{"action":2,"alarm":1,"memberID":5}'),
];

/** What no mapping has to do with: methods, paths, headers, sizes. */
const HTTP: readonly HttpAsk[] = [
  ...["GET", "PUT", "DELETE", "PATCH", "HEAD"].map((method) => ({ method, path: "/v3/kv/range" })),
  ...["GET", "POST", "PUT", "HEAD", "OPTIONS"].map((method) => ({ method, path: "/health" })),
  ...["/v3/nope", "/v3/kv/range/", "/v3/kv/range:foo", "/v3/", "/v3", "/v3/kv//range"].map((path) =>
    post(path, "{}"),
  ),
  ...["/v3beta/kv/range", "/v3alpha/kv/range", "/v3/kv/../kv/range", "/v3/kv%2frange"].map((path) =>
    post(path, '{"key":"Zm9v"}'),
  ),
  ...["/v3/kv/%72ange", "/v3/kv/range?x=1"].map((path) => post(path, '{"key":"Zm9v"}')),
  ...["/", "//health", "/health/", "/livez/", "/livez/nope", "/nope", "/v3", "/v3?a=b<", "/v2/keys"]
    .concat([
      "/livez",
      "/readyz/data_corruption?verbose",
      "/readyz?exclude=foo&exclude=non_learner&verbose",
    ])
    .concat(["/config/local/log", "/debug/requests", "/debug/pprof/cmdline", "/a/../health"])
    .map((path) => ({ path })),
  post("/version", "x"),
  post("/debug/vars", "x"),
  post("/livez", "x"),
  { method: "OPTIONS", path: "/v3/kv/range" },
  post("/v3/kv/range", '{"key":"Zm9v"}', { headers: { "X-HTTP-Method-Override": "GET" } }),
  ...["x", "1n", "1", "5S", "-1S", "0m", "-0S", "0000000000H", "+5S", "9223372036854775808n"].map(
    (timeout) => post("/v3/kv/range", '{"key":"Zm9v"}', { headers: { "Grpc-Timeout": timeout } }),
  ),
  post("/v3/kv/put", '{"key":"Zm9v"}', { headers: GZIP }),
  post("/v3/kv/put", '{"key":"Zm9v"}', { headers: { "Content-Type": "text/html" } }),
  post("/v3/kv/range", '{"key":"Zm9v"}', { headers: { "Grpc-Metadata-hasleader": "true" } }),
  post("/v3/kv/range", '{"key":"Zm9v"}', { headers: { "Grpc-Metadata-token": "none" } }),
  post("/v3/kv/range", '{"key":"Zm9v"}', { headers: { Authorization: "none" } }),
  post("/v3/kv/put", `{"key":"Zm9v","value":"${"A".repeat(2_200_000)}"}`),
  post("/v3/kv/put", `{"key":"Zm9v","value":"${"A".repeat(3_000_000)}"}`),
];

const AUTH: readonly HttpAsk[] = [
  post("/v3/auth/status", "{}"),
  post("/v3/auth/enable", "{}"),
  post("/v3/auth/user/get", '{"name":"\\ud83d\\ude00 <&>"}'),
  post("/v3/auth/user/add", '{"name":"u","options":{"no_password":true}}'),
  post("/v3/auth/user/add", '{"name":"u"}'),
  post("/v3/auth/user/add", '{"name":""}'),
  post("/v3/auth/role/add", '{"name":"r"}'),
  post("/v3/auth/role/grant", '{"name":"r","perm":{"permType":"READWRITE","key":"Zm9v"}}'),
  post("/v3/auth/role/grant", '{"name":"r"}'),
  post("/v3/auth/role/get", '{"role":"r"}'),
  post("/v3/auth/role/list", "{}"),
  post("/v3/auth/user/grant", '{"user":"u","role":"r"}'),
  post("/v3/auth/user/get", '{"name":"u"}'),
  post("/v3/auth/user/list", "{}"),
  post("/v3/auth/authenticate", '{"name":"u","password":"p"}'),
  post("/v3/auth/user/revoke", '{"name":"u","role":"r"}'),
  post("/v3/auth/role/revoke", '{"role":"r","key":"Zm9v"}'),
  post("/v3/auth/role/delete", '{"role":"r"}'),
  post("/v3/auth/user/delete", '{"name":"u"}'),
  post("/v3/auth/disable", "{}"),
];

const WITH_PASSWORD = '{"name":"root","password":"secret"}';

/** The last of all: from then on nobody but root may do anything. */
export const AUTH_REQUESTS: readonly HttpAsk[] = [
  post("/v3/auth/user/add", WITH_PASSWORD),
  post("/v3/auth/role/add", '{"name":"root"}'),
  post("/v3/auth/user/grant", '{"user":"root","role":"root"}'),
  post("/v3/auth/enable", "{}"),
  post("/v3/kv/range", '{"key":"Zm9v"}'),
  post("/v3/kv/range", '{"key":"Zm9v"}', { headers: { Authorization: "nonsense" } }),
  post("/v3/watch", '{"create_request":{"key":"Zm9v"}}', { lines: 1 }),
  post("/v3/lock/lock", '{"name":"Zm9v"}'),
  post("/v3/election/leader", '{"name":"Zm9v"}'),
  post("/v3/auth/authenticate", '{"name":"root","password":"wrong"}'),
  { path: "/health" },
];

/** With root's token. */
export const ROOT_REQUESTS: readonly HttpAsk[] = [
  post("/v3/kv/range", '{"key":"Zm9v"}'),
  post("/v3/lock/lock", '{"name":"bG9ja2Vk","lease":"77"}'),
  post("/v3/watch", '{"create_request":{"key":"Zm9v"}}', { lines: 1 }),
  post("/v3/auth/status", "{}"),
];

export const AUTHENTICATE: HttpAsk = post("/v3/auth/authenticate", WITH_PASSWORD);

const KEYS: readonly HttpAsk[] = [
  post("/v3/kv/put", '{"key":"Zm9v","value":"YmFy"}'),
  post("/v3/kv/put", '{"key":"Zm9v","value":"YmF6","prev_kv":true}'),
  range('{"key":"Zm9v","serializable":true}'),
  range('{"key":"Zg==","rangeEnd":"Zw==","keys_only":true}'),
  range('{"key":"AA==","range_end":"AA==","count_only":true}'),
  range('{"key":"Zm9v","revision":"99"}'),
  post("/v3/kv/deleterange", '{"key":"Zm9v","prev_kv":true}'),
  post("/v3/kv/deleterange", '{"key":"Zm9v"}'),
  post("/v3/kv/put", '{"key":"Zm9v","ignore_lease":true}'),
  post("/v3/kv/put", '{"key":"Zm9v","value":"YmFy"}'),
  post("/v3/kv/compaction", '{"revision":"3","physical":true}'),
  watch(2, '{"create_request":{"key":"Zm9v","start_revision":1}}'),
];

/** What no version of etcd takes for something else, or answers otherwise. */
export const PLAIN_REQUESTS: readonly HttpAsk[] = [
  post("/v3/kv/put", '{"key":"Zm9v","value":"YmFy"}'),
  ...TRANSACTIONS,
  ...LEASES,
  ...WATCHES.filter(({ headers }) => headers === undefined),
  ...KEYS,
];

/** In this order: each may rest on what those before it have changed. */
export const GATEWAY_REQUESTS: readonly HttpAsk[] = [
  post("/v3/kv/put", '{"key":"Zm9v","value":"YmFy"}'),
  ...JSON_FORMS,
  ...BAD_BYTES,
  ...BAD_JSON,
  ...BAD_STREAMS,
  ...NUMBERS,
  ...ENUMS,
  ...TRANSACTIONS,
  ...ODD_TRANSACTIONS,
  ...LEASES,
  ...WATCHES,
  ...CLUSTER,
  ...MAINTENANCE,
  ...HTTP,
  ...AUTH,
  ...KEYS,
];
