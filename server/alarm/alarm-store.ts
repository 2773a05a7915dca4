import { EMPTY_BYTES } from "../base/bytes.ts";
import { AlarmMember, AlarmType } from "../proto/gen/rpc.ts";
import type { Engine } from "../storage/engine.ts";

/** Which members have raised which alarms. Changed by the log alone. */
export class AlarmStore {
  readonly #engine: Engine;
  readonly #alarms = new Map<string, AlarmMember>();
  /** How many of each type: every entry asks whether there is any. */
  readonly #counts = new Map<AlarmType, number>();
  /** By member and type; made when first asked for, dropped with every change. */
  #sorted: readonly AlarmMember[] | undefined;

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Reads the `alarm` table. */
  static open(engine: Engine): AlarmStore {
    const store = new AlarmStore(engine);
    for (const [bytes] of engine.scan("alarm")) {
      const alarm = AlarmMember.decode(bytes);
      store.#changed(alarm, 1);
      store.#alarms.set(nameOf(alarm), alarm);
    }
    return store;
  }

  get count(): number {
    return this.#alarms.size;
  }

  /** Raises it, if it is not raised already; the same alarm either way. */
  activate(memberId: bigint, type: AlarmType): AlarmMember {
    const alarm = { memberID: memberId, alarm: type };
    const raised = this.#alarms.get(nameOf(alarm));
    if (raised !== undefined) return raised;
    this.#changed(alarm, 1);
    this.#alarms.set(nameOf(alarm), alarm);
    this.#engine.put("alarm", encodeAlarm(alarm), EMPTY_BYTES);
    return alarm;
  }

  /** Disarms it; undefined if it was not raised. */
  deactivate(memberId: bigint, type: AlarmType): AlarmMember | undefined {
    const name = nameOf({ memberID: memberId, alarm: type });
    const alarm = this.#alarms.get(name);
    if (alarm === undefined) return undefined;
    this.#changed(alarm, -1);
    this.#alarms.delete(name);
    this.#engine.delete("alarm", encodeAlarm(alarm));
    return alarm;
  }

  /** All alarms of a type, of any type for NONE; by member. */
  list(type: AlarmType): readonly AlarmMember[] {
    this.#sorted ??= [...this.#alarms.values()].sort(byMember);
    if (type === AlarmType.NONE) return this.#sorted;
    return this.#sorted.filter(({ alarm }) => alarm === type);
  }

  /** Whether any member has raised it. */
  isActive(type: AlarmType): boolean {
    return (this.#counts.get(type) ?? 0) > 0;
  }

  /** Whether this member has raised it. */
  isRaised(memberId: bigint, type: AlarmType): boolean {
    return this.#alarms.has(nameOf({ memberID: memberId, alarm: type }));
  }

  #changed({ alarm }: AlarmMember, by: number): void {
    this.#counts.set(alarm, (this.#counts.get(alarm) ?? 0) + by);
    this.#sorted = undefined;
  }
}

function nameOf({ memberID, alarm }: AlarmMember): string {
  return `${memberID}/${alarm}`;
}

function byMember(a: AlarmMember, b: AlarmMember): number {
  if (a.memberID === b.memberID) return a.alarm - b.alarm;
  return a.memberID < b.memberID ? -1 : 1;
}

function encodeAlarm(alarm: AlarmMember): Buffer {
  return Buffer.from(AlarmMember.encode(alarm).finish());
}
