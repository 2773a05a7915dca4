import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { ByteQueue } from "./byte-queue.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { BufferPool, Outbox, type Outgoing } from "./outbox.ts";
import { WINDOW_MAX } from "./protocol.ts";

const MIB = 1024 * 1024;

class TestStream implements Outgoing {
  readonly id = 1;
  readonly queue = new ByteQueue();
  sendWindow = WINDOW_MAX;
  isInRing = false;

  get queuedBytes(): number {
    return this.queue.length;
  }

  takeQueued(target: Buffer, at: number, count: number): void {
    this.queue.moveTo(target, at, count);
  }

  queueEmptied(): void {}
}

test("however fast the kernel takes it, a turn sends so much of what waits, and wants another", () => {
  let written = 0;
  const write = (bytes: Buffer) => {
    written += bytes.length;
  };
  let turns = 0;
  const socket = { write, writableLength: 0 } as unknown as Socket;
  const outbox = new Outbox(socket, new BufferPool(), DEFAULT_LIMITS, () => turns++);
  outbox.sendWindow = WINDOW_MAX;
  const stream = new TestStream();
  stream.queue.push(Buffer.alloc(5 * MIB));
  outbox.join(stream);
  for (let turn = 1; turn <= 5; turn++) {
    expect(turns).toBeGreaterThan(0);
    turns = 0;
    outbox.pump();
    outbox.flush();
    expect(stream.queuedBytes).toBe((5 - turn) * MIB);
  }
  expect(written).toBeGreaterThan(5 * MIB);
  turns = 0;
  outbox.pump();
  expect(turns).toBe(0);
});
