import { expect, test } from "vitest";
import { LaunchError, parseLaunchOptions } from "./options.ts";

const parsed = (...args: string[]) => {
  const options = parseLaunchOptions(args, "/srv");
  if (options === "help") throw new Error("help");
  return options;
};

test("nothing said starts three members on etcd's usual ports, state in ./data", () => {
  const options = parsed();
  expect(options.members.map((plan) => [plan.clientPort, plan.peerPort])).toEqual([
    [2379, 2380],
    [22379, 22380],
    [32379, 32380],
  ]);
  expect(options).toMatchObject({ host: "127.0.0.1", port: 3000, dataDir: "/srv/data" });
});

test("a client port base puts members ten ports apart, peers on the port after", () => {
  const options = parsed("--client-port-base", "4000", "--members", "5");
  expect(options.members.map((plan) => plan.clientPort)).toEqual([4000, 4010, 4020, 4030, 4040]);
  expect(options.members.map((plan) => plan.peerPort)).toEqual([4001, 4011, 4021, 4031, 4041]);
});

test("endpoints start the console alone", () => {
  const options = parsed("--endpoints", "https://a:2379,https://b:2379", "--user", "root:x");
  expect(options.members).toEqual([]);
  expect(options.foreign?.endpoints).toBe("https://a:2379,https://b:2379");
});

test("a public address is kept as an origin", () => {
  expect(parsed().publicUrl).toBeUndefined();
  const options = parsed("--public-url", "HTTPS://Etcd.example.com:8443/");
  expect(options.publicUrl).toBe("https://etcd.example.com:8443");
});

test.each([
  [["--members", "2"], "--members must be 1, 3 or 5"],
  [["--port", "0"], "--port must be a port"],
  [["--port", "22380"], "also a port of member member-2"],
  [["--client-port-base", "65530"], "leaves no ports"],
  [["--endpoints", "a:2379"], "is no address"],
  [["--endpoints", "http://a:1/x"], "is no address"],
  [["--endpoints", "http://a:1/?x"], "is no address"],
  [["--public-url", "etcd.example.com"], "--public-url"],
  [["--public-url", "https://x.test/console"], "--public-url"],
  [["--public-url", "https://me:x@x.test"], "--public-url"],
  [["--cert", "c.pem"], "--cert goes only with --endpoints"],
  [["--endpoints", "https://a:1", "--cert", "c.pem"], "--cert and --key go together"],
  [["--endpoints", "http://a:1", "--members", "3"], "cannot go with it"],
  [["--nonsense"], "--nonsense"],
  [["stray"], "stray"],
])("%j is refused with a sentence that names what is wrong", (args, text) => {
  expect(() => parsed(...args)).toThrowError(LaunchError);
  expect(() => parsed(...args)).toThrowError(text);
});
