/** A place for lines. Never throws: a log that cannot be written must not end a member. */
export interface LogOutput {
  write(line: string): void;
  /** Writes what waits, as far as it can be written within a second, in which nothing else runs. */
  close(): void;
}
