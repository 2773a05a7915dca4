export interface CheckCounters {
  /** `livez` or `readyz` */
  readonly type: string;
  readonly name: string;
  isPassing: boolean;
  success: number;
  error: number;
}

/** Results of the health endpoints. */
export class HealthCounters {
  /** Of `/health`. */
  success = 0;
  failures = 0;
  readonly #checks = new Map<string, CheckCounters>();

  countCheck(type: string, name: string, isPassing: boolean): void {
    const key = `${type} ${name}`;
    let counters = this.#checks.get(key);
    if (counters === undefined) {
      counters = { type, name, isPassing, success: 0, error: 0 };
      this.#checks.set(key, counters);
    }
    counters.isPassing = isPassing;
    if (isPassing) counters.success++;
    else counters.error++;
  }

  get checks(): Iterable<CheckCounters> {
    return this.#checks.values();
  }
}
