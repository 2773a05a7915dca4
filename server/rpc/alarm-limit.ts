import type { AlarmStore } from "../alarm/alarm-store.ts";
import { EtcdError } from "../errors.ts";
import { type AlarmRequest, AlarmRequest_AlarmAction } from "../proto/gen/rpc.ts";

/** Alarms that stand or are about to be raised; each is part of every Status and health check. */
export const ALARMS_MAX = 1000;

/** How many alarms clients raise: any id may stand for a member, as in etcd. */
export class AlarmLimit {
  #raising = 0;

  /**
   * @param propose gets the request applied
   * @throws EtcdError TooManyRequests when it would be one alarm too many, and as `propose`
   */
  async take<T>(
    alarms: AlarmStore,
    { action, memberID, alarm }: AlarmRequest,
    propose: () => Promise<T>,
  ): Promise<T> {
    const isRaising = action === AlarmRequest_AlarmAction.ACTIVATE;
    if (!isRaising || alarms.isRaised(memberID, alarm)) return propose();
    if (alarms.count + this.#raising >= ALARMS_MAX) throw new EtcdError("TooManyRequests");
    this.#raising++;
    try {
      return await propose();
    } finally {
      this.#raising--;
    }
  }
}
