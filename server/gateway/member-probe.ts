export interface ProbedAlarm {
  /** As etcd names its type: `NOSPACE`, `CORRUPT` or a number. */
  readonly name: string;
  /** As etcd prints all of it. */
  readonly text: string;
}

/** What the HTTP endpoints ask the member. */
export interface MemberProbe {
  /**
   * Active alarms of any member. Throws the error of a member whose state is being replaced.
   */
  alarms(): readonly ProbedAlarm[];
  hasLeader(): boolean;
  isLearner(): boolean;
  /** Reads something with root's rights, under the request timeout; rejects with the error. */
  read(isSerializable: boolean): Promise<void>;
  readonly serverVersion: string;
  /** Undefined until the cluster has decided. */
  clusterVersion(): string | undefined;
  /** The value of each variable that `/debug/vars` shows. */
  debugVars(): Readonly<Record<string, unknown>>;
}
