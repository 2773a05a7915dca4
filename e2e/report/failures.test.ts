import { describe, expect, test } from "vitest";
import {
  type BrowserReport,
  browserFailures,
  describeFailures,
  FAILURES_MAX,
  LINE_CHARACTERS_MAX,
  MESSAGE_LINES_MAX,
  type VitestReport,
  vitestFailures,
} from "./failures.ts";
import type { GroupFailure } from "./group-failures.ts";

const assertion = (title: string, failureMessages: readonly string[] = []) => ({
  ancestorTitles: ["a group", "inner"],
  title,
  status: failureMessages.length > 0 ? "failed" : "passed",
  failureMessages,
});

const vitestReport: VitestReport = {
  numPassedTests: 2,
  numFailedTests: 1,
  testResults: [
    {
      name: "/house/server/raft/raft.test.ts",
      status: "failed",
      message: "",
      assertionResults: [
        assertion("passes"),
        assertion("fails", [
          "AssertionError: expected 1 to be 2 // Object.is equality\n    at /house/server/raft/raft.test.ts:3:55\n    at file:///house/node_modules/vitest/dist/chunks/run.js:1632:35\n    at new Promise (<anonymous>)",
        ]),
      ],
    },
    {
      name: "/house/lib/etcd/walk.test.ts",
      status: "failed",
      message: "Cannot find module './not-there.ts'",
      assertionResults: [],
    },
    {
      name: "/house/e2e/cluster/move.test.ts",
      status: "failed",
      message: "",
      assertionResults: [{ ...assertion("never ran"), status: "skipped" }],
    },
    {
      name: "/house/e2e/cluster/grow.test.ts",
      status: "failed",
      message: "",
      assertionResults: [{ ...assertion("never ran either"), status: "skipped" }],
    },
    {
      name: "/house/server/wal/wal.test.ts",
      status: "passed",
      message: "",
      assertionResults: [assertion("passes")],
    },
  ],
};

const groupFailures: readonly GroupFailure[] = [
  { file: "/house/e2e/cluster/grow.test.ts", name: "of three › inner", message: "m1 ended:" },
];

const run = (projectName: string, status: string, messages: readonly string[]) => ({
  projectName,
  status,
  results: messages.map((message) => ({ errors: message === "" ? [] : [{ message }] })),
});

const browserReport: BrowserReport = {
  stats: { expected: 1, unexpected: 1, flaky: 1 },
  errors: [{ message: "Error: Cannot find module", stack: "Error: Cannot find module\n at x" }],
  suites: [
    {
      title: "keys.spec.ts",
      specs: [
        {
          title: "a key is made",
          tests: [
            run("quorate", "expected", [""]),
            run("etcd", "unexpected", [
              "Error: \u001b[2mexpect(\u001b[22m\u001b[31mreceived\u001b[39m\u001b[2m)\u001b[22m\n\nExpected: \u001b[32m2\u001b[39m",
            ]),
          ],
        },
      ],
      suites: [
        {
          title: "while the cluster is down",
          specs: [
            {
              title: "says so",
              tests: [
                run("quorate", "flaky", ["Test timeout of 300ms exceeded.", ""]),
                run("etcd", "skipped", []),
              ],
            },
          ],
        },
      ],
    },
  ],
};

describe("what vitest reports", () => {
  const failures = vitestFailures("unit", vitestReport, groupFailures, "/house");

  test("every failed test is named by file, groups and title", () => {
    expect(failures[0]?.name).toBe("server/raft/raft.test.ts › a group › inner › fails");
    expect(failures[0]?.message).toMatch(/^AssertionError: expected 1 to be 2/);
  });

  test("a file or a group that failed outside of its tests is named too", () => {
    expect(failures.slice(1)).toEqual([
      {
        runner: "unit",
        name: "lib/etcd/walk.test.ts",
        message: "Cannot find module './not-there.ts'",
      },
      { runner: "unit", name: "e2e/cluster/move.test.ts", message: "" },
      {
        runner: "unit",
        name: "e2e/cluster/grow.test.ts › of three › inner",
        message: "m1 ended:",
      },
    ]);
  });
});

test("of the browser's tests the failed and the flaky are named, with the cluster they ran over", () => {
  expect(browserFailures("browser", browserReport)).toEqual([
    {
      runner: "browser",
      name: "outside of every test",
      message: "Error: Cannot find module",
    },
    {
      runner: "browser",
      name: "[etcd] › keys.spec.ts › a key is made",
      message: expect.stringContaining("Error: "),
    },
    {
      runner: "browser",
      name: "[quorate] › keys.spec.ts › while the cluster is down › says so",
      message: "Test timeout of 300ms exceeded.",
    },
  ]);
});

describe("what stands before the sum", () => {
  test("nothing, if nothing failed", () => {
    expect(describeFailures([])).toBe("");
  });

  test("names and messages, without colours and without the runner's own frames", () => {
    const failures = [
      ...vitestFailures("unit", vitestReport, groupFailures, "/house"),
      ...browserFailures("browser", browserReport),
    ];
    expect(describeFailures(failures)).toBe(`── what failed

✗ unit: server/raft/raft.test.ts › a group › inner › fails
    AssertionError: expected 1 to be 2 // Object.is equality
        at /house/server/raft/raft.test.ts:3:55

✗ unit: lib/etcd/walk.test.ts
    Cannot find module './not-there.ts'

✗ unit: e2e/cluster/move.test.ts
    (its report holds no message: see above, where it ran)

✗ unit: e2e/cluster/grow.test.ts › of three › inner
    m1 ended:

✗ browser: outside of every test
    Error: Cannot find module

✗ browser: [etcd] › keys.spec.ts › a key is made
    Error: expect(received)

    Expected: 2

✗ browser: [quorate] › keys.spec.ts › while the cluster is down › says so
    Test timeout of 300ms exceeded.
`);
  });

  test("no more than its limits, and how much that leaves out", () => {
    const line = "x".repeat(2 * LINE_CHARACTERS_MAX);
    const message = Array<string>(MESSAGE_LINES_MAX + 7)
      .fill(line)
      .join("\n");
    const failures = Array.from({ length: FAILURES_MAX + 3 }, (_, at) => ({
      runner: "sim",
      name: `test ${at}`,
      message,
    }));
    const lines = describeFailures(failures).split("\n");
    expect(lines.filter((text) => text.startsWith("✗"))).toHaveLength(FAILURES_MAX);
    expect(lines.filter((text) => text.includes("xxx"))).toHaveLength(
      FAILURES_MAX * MESSAGE_LINES_MAX,
    );
    expect(lines.filter((text) => text === "    … 7 more lines")).toHaveLength(FAILURES_MAX);
    expect(Math.max(...lines.map((text) => text.length))).toBe(LINE_CHARACTERS_MAX + 5);
    expect(lines.at(-2)).toBe("… and 3 more, to be found above");
  });
});
