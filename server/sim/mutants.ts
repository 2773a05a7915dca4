/** A bug put back into the product, by replacing one passage of its source. */
export interface Mutant {
  /** What goes wrong. */
  readonly name: string;
  /** Under server/. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly original: string;
  readonly replacement: string;
  /** Who must notice: a number of seeds, or the raft scripts. */
  readonly caughtBy: number | "scripts";
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "an append is acknowledged before it is on disk",
    file: "raft/core.ts",
    original: "    type === MessageType.APPEND_RESPONSE ||\n",
    replacement: "",
    caughtBy: 20,
  },
  {
    name: "the disk is not told whom the vote went to",
    file: "raft/raft.ts",
    original: "return term !== this.#written.term || vote !== this.#written.vote;",
    replacement: "return term !== this.#written.term;",
    caughtBy: 50,
  },
  {
    name: "a vote is given twice in a term",
    file: "raft/follower.ts",
    original: "(core.vote === 0n && core.leader === 0n) ||",
    replacement: "core.leader === 0n ||",
    caughtBy: 50,
  },
  {
    name: "a vote is given to a log that lacks entries",
    file: "raft/follower.ts",
    original: "if (!isFree || !isUpToDate) {",
    replacement: "if (!isFree) {",
    caughtBy: 50,
  },
  {
    name: "entries of an older term are committed by counting",
    file: "raft/leader.ts",
    original: "if (index <= log.committed || log.term(index) !== term) return;",
    replacement: "if (index <= log.committed) return;",
    caughtBy: "scripts",
  },
  {
    name: "the disk's answer about overwritten entries counts for the new ones",
    file: "raft/log.ts",
    original:
      "    if (this.#writing !== undefined) this.#writing = Math.min(this.#writing, from - 1);\n",
    replacement: "",
    caughtBy: 200,
  },
  {
    name: "a truncation does not reach the disk",
    file: "raft/log.ts",
    original: "    this.#stable = Math.min(this.#stable, from - 1);\n",
    replacement: "",
    caughtBy: 200,
  },
  {
    name: "a leader counts entries that its own disk does not have",
    file: "raft/leader.ts",
    original: "this.#ofVoters((progress) => progress.match, log.stable)",
    replacement: "this.#ofVoters((progress) => progress.match, log.lastIndex)",
    caughtBy: 50,
  },
  {
    name: "entries are applied before the own disk has them",
    file: "raft/log.ts",
    original: "return Math.min(this.#committed, this.#stable);",
    replacement: "return this.#committed;",
    caughtBy: 50,
  },
  {
    name: "a read is answered before a majority confirms the leader",
    file: "raft/leader.ts",
    original: "this.#reads.release(quorumIndex(confirmed))",
    replacement: "this.#reads.release(Math.max(...confirmed))",
    caughtBy: 200,
  },
  {
    name: "a new leader answers reads before it has committed anything",
    file: "raft/leader.ts",
    original: "    if (!this.#hasCommittedInTerm) return this.#reads.postpone(question);\n",
    replacement: "",
    caughtBy: 500,
  },
  {
    name: "learners count for the majority",
    file: "raft/leader.ts",
    original: "for (const voter of confState.voters) {",
    replacement: "for (const voter of [...confState.voters, ...confState.learners]) {",
    caughtBy: 500,
  },
  {
    name: "a heartbeat tells a commit beyond what the follower is known to hold",
    file: "raft/leader.ts",
    original: "Math.min(progress.match, core.log.committed)",
    replacement: "core.log.committed",
    caughtBy: 200,
  },
  {
    name: "a second configuration change does not wait for the first",
    file: "raft/leader.ts",
    original: "} else if (this.#confIndex > core.log.applied) {",
    replacement: "} else if (this.#confIndex < 0) {",
    caughtBy: 1000,
  },
  {
    name: "a late duplicate of an append shortens the log",
    file: "raft/log.ts",
    original: "while (at < entries.length && this.matches(entries[at] as Entry)) at++;",
    replacement: "",
    caughtBy: 50,
  },
  {
    name: "what a Ready handed out is written to again",
    file: "raft/raft.ts",
    original: "    core.promises = [];\n",
    replacement: "    if (promises.length > 0) core.promises = [];\n",
    caughtBy: 100,
  },
  {
    name: "a refused probe is repeated at the same place",
    file: "raft/progress.ts",
    original: "Math.max(Math.min(rejected, hint + 1), this.#match + 1)",
    replacement: "Math.max(rejected + 1, this.#match + 1)",
    caughtBy: 50,
  },
  {
    name: "a lost probe is never repeated",
    file: "raft/progress.ts",
    original: "    this.recentActive = true;\n    this.#isPaused = false;\n",
    replacement: "    this.recentActive = true;\n",
    caughtBy: 50,
  },
  {
    name: "a snapshot that did not arrive is taken for arrived",
    file: "raft/progress.ts",
    original: "if (!delivered) this.#snapshotIndex = 0;",
    replacement: "",
    caughtBy: "scripts",
  },
  {
    name: "a leader that hears nobody goes on leading",
    file: "raft/leader.ts",
    original: "if (!this.#isQuorumActive()) return",
    replacement: "if (!this.#isQuorumActive() && core.term < 0) return",
    caughtBy: "scripts",
  },
  {
    name: "whoever has lost its leader is heard although the others have not",
    file: "raft/follower.ts",
    original: "return isHeard && !request.context.equals(CAMPAIGN_TRANSFER);",
    replacement: "return isHeard && request.term < 0;",
    caughtBy: "scripts",
  },
  {
    name: "a leader that is no voter any more counts itself",
    file: "raft/leader.ts",
    original: "for (const voter of confState.voters) {",
    replacement: "for (const voter of new Set([...confState.voters, id])) {",
    caughtBy: "scripts",
  },
  {
    name: "a member campaigns although it has not applied a committed configuration change",
    file: "raft/core.ts",
    original: "return !log.hasEntry(log.applied, log.committed, isConfChange);",
    replacement: "return !log.hasEntry(log.committed, log.committed, isConfChange);",
    caughtBy: "scripts",
  },
  {
    name: "a member that believes itself a learner gives no vote",
    file: "raft/follower.ts",
    original: "if (!isFree || !isUpToDate) {",
    replacement: "if (!isFree || !isUpToDate || !core.isVoter) {",
    caughtBy: "scripts",
  },
  {
    name: "a member speaks in a term that its disk does not know",
    file: "raft/core.ts",
    original: "(message.term !== this.durableTerm &&",
    replacement: "(message.term < 0 &&",
    caughtBy: 100,
  },
  {
    name: "a transfer does not wait until the heir has everything",
    file: "raft/leader.ts",
    original:
      "if (progress.id !== this.#transferee || progress.match !== core.log.lastIndex) return;",
    replacement: "if (progress.id !== this.#transferee) return;",
    caughtBy: "scripts",
  },
];
