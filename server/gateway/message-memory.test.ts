import { expect, test } from "vitest";
import { MovableClock } from "../http2/raw-peer.suite.ts";
import { MessageMemory } from "./message-memory.ts";

test("who holds most has to go, until there is room", () => {
  const memory = new MessageMemory(100, new MovableClock());
  const closed: string[] = [];
  const enter = (host: string, name: string) => memory.enter(host, () => closed.push(name));
  const [one, two, other] = [enter("a", "one"), enter("a", "two"), enter("b", "other")];
  one.hold(30);
  two.hold(40);
  other.hold(30);
  expect([closed, memory.heldBytes]).toEqual([[], 100]);
  other.hold(50);
  expect([closed, memory.heldBytes]).toEqual([["two"], 80]);
  two.hold(1_000);
  expect(memory.heldBytes).toBe(80);
  other.leave();
  other.leave();
  expect(memory.heldBytes).toBe(30);
  one.hold(0);
  expect([closed, memory.heldBytes]).toEqual([["two"], 0]);
  enter("c", "huge").hold(101);
  expect([closed, memory.heldBytes]).toEqual([["two", "huge"], 0]);
});
