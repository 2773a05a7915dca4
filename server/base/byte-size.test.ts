import { expect, test } from "vitest";
import { formatByteSize } from "./byte-size.ts";

test.each([
  [0, "0 B"],
  [9, "9 B"],
  [10, "10 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [1050, "1.1 kB"],
  [9949, "9.9 kB"],
  [12_500, "12 kB"],
  [13_500, "14 kB"],
  [20_480, "20 kB"],
  [999_999, "1000 kB"],
  [2_147_483_648, "2.1 GB"],
  [8_589_934_593, "8.6 GB"],
  [2n ** 63n - 1n, "9.2 EB"],
  [2n ** 64n - 1n, "18 EB"],
])("%d bytes are written as etcd writes them", (bytes, shown) => {
  expect(formatByteSize(bytes)).toBe(shown);
});
