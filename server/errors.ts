// The one error table. Clients match on the text, so texts are wire format: byte for byte etcd's.
// Where 3.5 and 3.6 disagree on a status, 3.5's stands here.

/** gRPC status codes. */
export const Status = {
  OK: 0,
  CANCELED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

interface ErrorRow {
  readonly status: Status;
  readonly text: string;
}

const TABLE = {
  EmptyKey: { status: Status.INVALID_ARGUMENT, text: "etcdserver: key is not provided" },
  KeyNotFound: { status: Status.INVALID_ARGUMENT, text: "etcdserver: key not found" },
  ValueProvided: { status: Status.INVALID_ARGUMENT, text: "etcdserver: value is provided" },
  LeaseProvided: { status: Status.INVALID_ARGUMENT, text: "etcdserver: lease is provided" },
  TooManyOps: {
    status: Status.INVALID_ARGUMENT,
    text: "etcdserver: too many operations in txn request",
  },
  DuplicateKey: {
    status: Status.INVALID_ARGUMENT,
    text: "etcdserver: duplicate key given in txn request",
  },
  InvalidClientAPIVersion: {
    status: Status.INVALID_ARGUMENT,
    text: "etcdserver: invalid client api version",
  },
  InvalidSortOption: { status: Status.INVALID_ARGUMENT, text: "etcdserver: invalid sort option" },
  Compacted: {
    status: Status.OUT_OF_RANGE,
    text: "etcdserver: mvcc: required revision has been compacted",
  },
  FutureRev: {
    status: Status.OUT_OF_RANGE,
    text: "etcdserver: mvcc: required revision is a future revision",
  },
  NoSpace: { status: Status.RESOURCE_EXHAUSTED, text: "etcdserver: mvcc: database space exceeded" },
  LeaseNotFound: { status: Status.NOT_FOUND, text: "etcdserver: requested lease not found" },
  LeaseExist: { status: Status.FAILED_PRECONDITION, text: "etcdserver: lease already exists" },
  LeaseTTLTooLarge: { status: Status.OUT_OF_RANGE, text: "etcdserver: too large lease TTL" },
  WatchCanceled: { status: Status.CANCELED, text: "etcdserver: watch canceled" },
  MemberExist: { status: Status.FAILED_PRECONDITION, text: "etcdserver: member ID already exist" },
  PeerURLExist: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: Peer URLs already exists",
  },
  MemberNotEnoughStarted: {
    status: Status.UNKNOWN,
    text: "etcdserver: re-configuration failed due to not enough started members",
  },
  MemberBadURLs: {
    status: Status.INVALID_ARGUMENT,
    text: "etcdserver: given member URLs are invalid",
  },
  MemberNotFound: { status: Status.NOT_FOUND, text: "etcdserver: member not found" },
  MemberNotLearner: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: can only promote a learner member",
  },
  LearnerNotReady: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: can only promote a learner member which is in sync with leader",
  },
  TooManyLearners: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: too many learner members in cluster",
  },
  ClusterIDMismatch: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: cluster ID mismatch",
  },
  RequestTooLarge: { status: Status.INVALID_ARGUMENT, text: "etcdserver: request is too large" },
  TooManyRequests: { status: Status.UNKNOWN, text: "etcdserver: too many requests" },
  RootUserNotExist: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: root user does not exist",
  },
  RootRoleNotExist: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: root user does not have root role",
  },
  UserAlreadyExist: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: user name already exists",
  },
  UserEmpty: { status: Status.INVALID_ARGUMENT, text: "etcdserver: user name is empty" },
  UserNotFound: { status: Status.FAILED_PRECONDITION, text: "etcdserver: user name not found" },
  RoleAlreadyExist: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: role name already exists",
  },
  RoleNotFound: { status: Status.FAILED_PRECONDITION, text: "etcdserver: role name not found" },
  RoleEmpty: { status: Status.INVALID_ARGUMENT, text: "etcdserver: role name is empty" },
  AuthFailed: {
    status: Status.INVALID_ARGUMENT,
    text: "etcdserver: authentication failed, invalid user ID or password",
  },
  PermissionNotGiven: { status: Status.INVALID_ARGUMENT, text: "etcdserver: permission not given" },
  PermissionDenied: { status: Status.PERMISSION_DENIED, text: "etcdserver: permission denied" },
  RoleNotGranted: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: role is not granted to the user",
  },
  PermissionNotGranted: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: permission is not granted to the role",
  },
  AuthNotEnabled: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: authentication is not enabled",
  },
  InvalidAuthToken: { status: Status.UNAUTHENTICATED, text: "etcdserver: invalid auth token" },
  InvalidAuthMgmt: { status: Status.INVALID_ARGUMENT, text: "etcdserver: invalid auth management" },
  AuthOldRevision: {
    status: Status.INVALID_ARGUMENT,
    text: "etcdserver: revision of auth store is old",
  },
  ResponseTooLarge: {
    status: Status.RESOURCE_EXHAUSTED,
    text: "grpc: trying to send message larger than max",
  },
  NoLeader: { status: Status.UNAVAILABLE, text: "etcdserver: no leader" },
  NotLeader: { status: Status.FAILED_PRECONDITION, text: "etcdserver: not leader" },
  LeaderChanged: { status: Status.UNAVAILABLE, text: "etcdserver: leader changed" },
  NotCapable: { status: Status.UNAVAILABLE, text: "etcdserver: not capable" },
  Stopped: { status: Status.UNAVAILABLE, text: "etcdserver: server stopped" },
  Timeout: { status: Status.UNAVAILABLE, text: "etcdserver: request timed out" },
  TimeoutDueToLeaderFail: {
    status: Status.UNAVAILABLE,
    text: "etcdserver: request timed out, possibly due to previous leader failure",
  },
  TimeoutDueToConnectionLost: {
    status: Status.UNAVAILABLE,
    text: "etcdserver: request timed out, possibly due to connection lost",
  },
  TimeoutWaitAppliedIndex: {
    status: Status.UNAVAILABLE,
    text: "etcdserver: request timed out, waiting for the applied index took too long",
  },
  Unhealthy: { status: Status.UNAVAILABLE, text: "etcdserver: unhealthy cluster" },
  Corrupt: { status: Status.DATA_LOSS, text: "etcdserver: corrupt cluster" },
  NotSupportedForLearner: {
    status: Status.UNAVAILABLE,
    text: "etcdserver: rpc not supported for learner",
  },
  BadLeaderTransferee: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: bad leader transferee",
  },
  ClusterVersionUnavailable: {
    status: Status.UNAVAILABLE,
    text: "etcdserver: cluster version not found during downgrade",
  },
  WrongDowngradeVersionFormat: {
    status: Status.INVALID_ARGUMENT,
    text: "etcdserver: wrong downgrade target version format",
  },
  InvalidDowngradeTargetVersion: {
    status: Status.INVALID_ARGUMENT,
    text: "etcdserver: invalid downgrade target version",
  },
  DowngradeInProcess: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: cluster has a downgrade job in progress",
  },
  NoInflightDowngrade: {
    status: Status.FAILED_PRECONDITION,
    text: "etcdserver: no inflight downgrade job",
  },
  Canceled: { status: Status.CANCELED, text: "etcdserver: request canceled" },
  DeadlineExceeded: {
    status: Status.DEADLINE_EXCEEDED,
    text: "etcdserver: context deadline exceeded",
  },
  /** Go's own words: etcd gave the proposal to nobody, since there was no leader all the time. */
  UnsentInTime: { status: Status.DEADLINE_EXCEEDED, text: "context deadline exceeded" },
  NotPrimaryLessor: { status: Status.UNKNOWN, text: "not a primary lessor" },
  LeaderTransferTimeout: {
    status: Status.UNKNOWN,
    text: "etcdserver: request timed out, leader transfer took too long",
  },
  UnknownMethod: { status: Status.UNKNOWN, text: "etcdserver: unknown method" },
  NoPasswordUser: {
    status: Status.UNKNOWN,
    text: "auth: authentication failed, password was given for no password user",
  },
  VerifyOnlyKey: {
    status: Status.UNKNOWN,
    text: "auth: token signing attempted with verify-only key",
  },
  PasswordTooLong: { status: Status.UNKNOWN, text: "bcrypt: password length exceeds 72 bytes" },
  LeaderFieldMissing: { status: Status.UNKNOWN, text: '"leader" field must be provided' },
  ElectionNoLeader: { status: Status.UNKNOWN, text: "election: no leader" },
  ElectionNotLeader: { status: Status.UNKNOWN, text: "election: not leader" },
  SessionExpired: { status: Status.UNKNOWN, text: "mutex: session is expired" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof TABLE;

/** Expected and deterministic: goes to the client with etcd's status and text. */
export class EtcdError extends Error {
  override readonly name = "EtcdError";
  readonly code: ErrorCode;
  readonly status: Status;

  constructor(code: ErrorCode) {
    super(TABLE[code].text);
    this.code = code;
    this.status = TABLE[code].status;
  }
}

const BY_TEXT = new Map<string, ErrorCode>(
  Object.entries(TABLE).map(([code, row]) => [row.text, code as ErrorCode]),
);

/** The table read backwards, for clients. */
export function errorCodeOf(text: string): ErrorCode | undefined {
  return BY_TEXT.get(text);
}
