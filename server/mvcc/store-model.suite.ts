/** One version of a key, as plain as can be. */
export interface ModelVersion {
  readonly main: number;
  readonly sub: number;
  /** Absent in a tombstone. */
  readonly value: string | undefined;
  readonly create: number;
  readonly version: number;
  readonly lease: bigint;
}

/** The key space kept whole and looked through from end to end: what the store must agree with. */
export class StoreModel {
  revision = 1;
  compacted = -1;
  #sub = 0;
  /** Keys are latin-1 strings of their bytes. */
  readonly keys = new Map<string, ModelVersion[]>();

  put(key: string, value: string, lease: bigint): void {
    const before = this.at(key, Number.POSITIVE_INFINITY);
    const main = this.revision + 1;
    this.#add(key, {
      main,
      sub: this.#sub++,
      value,
      create: before?.create ?? main,
      version: (before?.version ?? 0) + 1,
      lease,
    });
  }

  deleteRange(key: string, rangeEnd: string): string[] {
    const deleted = this.range(key, rangeEnd, Number.POSITIVE_INFINITY).map(([name]) => name);
    const main = this.revision + 1;
    for (const name of deleted) {
      const dead = { main, sub: this.#sub++, value: undefined, create: 0, version: 0, lease: 0n };
      this.#add(name, dead);
    }
    return deleted;
  }

  end(): void {
    if (this.#sub > 0) this.revision++;
    this.#sub = 0;
  }

  /** The living version that a revision shows. */
  at(key: string, revision: number): ModelVersion | undefined {
    const shown = this.keys.get(key)?.findLast((version) => version.main <= revision);
    return shown?.value === undefined ? undefined : shown;
  }

  range(key: string, rangeEnd: string, revision: number): [string, ModelVersion][] {
    const found: [string, ModelVersion][] = [];
    const names = [...this.keys.keys()].filter((name) => holds(key, rangeEnd, name));
    for (const name of names.sort()) {
      const version = this.at(name, revision);
      if (version !== undefined) found.push([name, version]);
    }
    return found;
  }

  /** All records that a complete compaction leaves, oldest first. */
  records(): [string, ModelVersion][] {
    const records: [string, ModelVersion][] = [];
    for (const [key, versions] of this.keys) {
      const shown = versions.findLastIndex((version) => version.main <= this.compacted);
      for (const [at, version] of versions.entries()) {
        const isDead = version.value === undefined && version.main < this.compacted;
        if (at > shown || (at === shown && !isDead)) records.push([key, version]);
      }
    }
    return records.sort(([, a], [, b]) => a.main - b.main || a.sub - b.sub);
  }

  #add(key: string, version: ModelVersion): void {
    const versions = this.keys.get(key);
    if (versions === undefined) this.keys.set(key, [version]);
    else versions.push(version);
  }
}

function holds(key: string, rangeEnd: string, name: string): boolean {
  if (rangeEnd === "") return name === key;
  return name >= key && (rangeEnd === "\0" || name < rangeEnd);
}
