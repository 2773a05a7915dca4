import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ClusterObserver, type Memory } from "../../lib/console/cluster-observer.ts";
import type { KnownMembers } from "../../lib/console/member-memory.ts";
import { EtcdClient } from "../../lib/etcd/client.ts";
import { OverviewReply } from "../../lib/schema/overview.ts";
import { ClusterProcess } from "../harness/member-process.ts";

// What the overview says while members are killed and frozen under it.

const SETTLE_LIMIT_MS = 30_000;

function healthOf(members: OverviewReply["members"], name: string): string | undefined {
  return members.find((member) => member.name === name)?.health;
}

describe.each(["etcd-3.4", "etcd-3.5", "quorate"] as const)("over three members of %s", (make) => {
  let cluster: ClusterProcess;
  let client: EtcdClient;
  let observer: ClusterObserver;
  let known: KnownMembers | undefined;
  const memory: Memory = {
    load: () => known,
    save: (members) => {
      known = members;
    },
  };

  beforeEach(async () => {
    cluster = await ClusterProcess.start({ make, size: 3 });
    client = new EtcdClient({ endpoints: cluster.endpoints.split(",") });
    known = undefined;
    observer = new ClusterObserver(client, memory);
  });

  afterEach(async () => {
    client?.close();
    await cluster?.stop();
  });

  async function lookUntil(isSo: (look: OverviewReply) => boolean): Promise<OverviewReply> {
    const deadline = performance.now() + SETTLE_LIMIT_MS;
    for (;;) {
      const look = OverviewReply.parse(await observer.look());
      if (isSo(look) || performance.now() > deadline) return look;
      await delay(200);
    }
  }

  test("all is well: one leader, two followers, one may be lost", async () => {
    // Each member says itself who leads, and one may not know it yet.
    const look = await lookUntil(
      ({ quorum, leaderId, members }) =>
        quorum.canLose === 1 &&
        leaderId !== null &&
        members.every(({ status }) => status?.leaderId === leaderId),
    );
    expect(look.members.map(({ role }) => role).sort()).toEqual(["follower", "follower", "leader"]);
    expect(look.members.map(({ name }) => name).sort()).toEqual(["m1", "m2", "m3"]);
    expect(look.quorum).toMatchObject({ hasQuorum: true, voters: 3, needed: 2, canLose: 1 });
    expect(look.membership).toEqual({ source: "live", ageMs: 0 });
    expect(look.alarms).toEqual([]);
    for (const member of look.members) {
      expect(["up", "slow"]).toContain(member.health);
      expect(member.status?.leaderId).toBe(look.leaderId);
      expect(Number(member.status?.dbSizeBytes)).toBeGreaterThan(0);
    }

    // A look that was shared with others is as old as it is, and none is kept for longer because the
    // system's clock has been put back.
    const nowMs = performance.now();
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    try {
      // The false clock begins at 0.
      vi.advanceTimersByTime(nowMs + 1_000);
      const { checkedAt, ageMs } = await observer.look();
      expect(ageMs).toBe(0);
      vi.advanceTimersByTime(300);
      expect(await observer.look()).toMatchObject({ checkedAt, ageMs: 300 });
      vi.setSystemTime(Date.now() - 3_600_000);
      vi.advanceTimersByTime(500);
      const fresh = await observer.look();
      expect(fresh.ageMs).toBe(0);
      expect(fresh.checkedAt).not.toBe(checkedAt);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a killed member is unreachable, when it was last seen, and nothing more may be lost", async () => {
    await lookUntil(({ quorum }) => quorum.canLose === 1);
    await cluster.member(2).stop("SIGKILL");
    const look = await lookUntil(
      ({ quorum, members }) =>
        quorum.hasQuorum &&
        quorum.healthyVoters === 2 &&
        quorum.canLose === 0 &&
        healthOf(members, "m3") === "unreachable",
    );
    const dead = look.members.find(({ name }) => name === "m3");
    expect(dead).toMatchObject({ health: "unreachable", role: "unknown", status: null });
    expect(dead?.error?.code).toBe("unreachable");
    expect(dead?.lastSeen).not.toBeNull();
    expect(look.quorum).toMatchObject({ hasQuorum: true, canLose: 0, canLoseAtBest: 1 });
  });

  test("a frozen member times out by itself, the others stay as they are", async () => {
    await lookUntil(({ quorum }) => quorum.canLose === 1);
    cluster.member(1).kill("SIGSTOP");
    const look = await lookUntil(
      ({ quorum, members }) =>
        quorum.hasQuorum &&
        quorum.canLose === 0 &&
        healthOf(members, "m2") === "timeout" &&
        members.every(({ name, status }) => name === "m2" || status !== null),
    );
    expect(look.members.find(({ name }) => name === "m2")?.health).toBe("timeout");
    expect(look.quorum.canLose).toBe(0);
    const others = look.members.filter(({ name }) => name !== "m2");
    expect(others.every(({ status }) => status !== null)).toBe(true);
  });

  test("without a quorum the last member still shows itself, and the list is still there", async () => {
    await lookUntil(({ quorum }) => quorum.canLose === 1);
    await cluster.member(0).stop("SIGKILL");
    await cluster.member(1).stop("SIGKILL");
    const look = await lookUntil(
      ({ quorum, leaderId, members }) =>
        !quorum.hasQuorum &&
        quorum.healthyVoters === 0 &&
        leaderId === null &&
        members.some(({ name, status }) => name === "m3" && status !== null),
    );
    expect(look.quorum).toMatchObject({ hasQuorum: false, healthyVoters: 0, canLose: 0 });
    expect(look.quorum.error).not.toBeNull();
    expect(look.leaderId).toBeNull();
    expect(look.members).toHaveLength(3);
    expect(look.members.find(({ name }) => name === "m3")).toMatchObject({ role: "unknown" });
    expect(look.members.find(({ name }) => name === "m3")?.status).not.toBeNull();

    await cluster.member(2).stop("SIGKILL");
    const dark = await lookUntil(
      ({ membership, revision }) => membership.source === "remembered" && revision === null,
    );
    expect(dark.membership.source).toBe("remembered");
    expect(dark.members.map(({ name }) => name).sort()).toEqual(["m1", "m2", "m3"]);
    expect(dark.alarms).toBeNull();
    expect(dark.revision).toBeNull();

    observer = new ClusterObserver(client, memory);
    const restarted = await lookUntil(() => true);
    expect(restarted.membership.source).toBe("remembered");
    expect(restarted.members.map(({ name }) => name).sort()).toEqual(["m1", "m2", "m3"]);
    observer = new ClusterObserver(client, { load: () => undefined, save: () => undefined });
    const ignorant = await lookUntil(() => true);
    expect(ignorant.membership.source).toBe("endpoints");
    expect(ignorant.members.map(({ endpoint }) => endpoint)).toEqual(cluster.endpoints.split(","));
  });
});
