import { EMPTY_BYTES } from "../base/bytes.ts";
import { AlarmMember, AlarmType } from "../proto/gen/rpc.ts";
import type { Engine } from "../storage/engine.ts";

/** Which members have raised which alarms. Changed by the log alone. */
export class AlarmStore {
  readonly #engine: Engine;
  readonly #alarms = new Map<string, AlarmMember>();

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Reads the `alarm` table. */
  static open(engine: Engine): AlarmStore {
    const store = new AlarmStore(engine);
    for (const [bytes] of engine.scan("alarm")) {
      const alarm = AlarmMember.decode(bytes);
      store.#alarms.set(nameOf(alarm), alarm);
    }
    return store;
  }

  /** Raises it, if it is not raised already; the same alarm either way. */
  activate(memberId: bigint, type: AlarmType): AlarmMember {
    const alarm = { memberID: memberId, alarm: type };
    const raised = this.#alarms.get(nameOf(alarm));
    if (raised !== undefined) return raised;
    this.#alarms.set(nameOf(alarm), alarm);
    this.#engine.put("alarm", encodeAlarm(alarm), EMPTY_BYTES);
    return alarm;
  }

  /** Disarms it; undefined if it was not raised. */
  deactivate(memberId: bigint, type: AlarmType): AlarmMember | undefined {
    const name = nameOf({ memberID: memberId, alarm: type });
    const alarm = this.#alarms.get(name);
    if (alarm === undefined) return undefined;
    this.#alarms.delete(name);
    this.#engine.delete("alarm", encodeAlarm(alarm));
    return alarm;
  }

  /** All alarms of a type, of any type for NONE; by member. */
  list(type: AlarmType): AlarmMember[] {
    return [...this.#alarms.values()]
      .filter(({ alarm }) => type === AlarmType.NONE || alarm === type)
      .sort((a, b) =>
        a.memberID === b.memberID ? a.alarm - b.alarm : a.memberID < b.memberID ? -1 : 1,
      );
  }

  /** Whether any member has raised it. */
  isActive(type: AlarmType): boolean {
    for (const { alarm } of this.#alarms.values()) if (alarm === type) return true;
    return false;
  }
}

function nameOf({ memberID, alarm }: AlarmMember): string {
  return `${memberID}/${alarm}`;
}

function encodeAlarm(alarm: AlarmMember): Buffer {
  return Buffer.from(AlarmMember.encode(alarm).finish());
}
