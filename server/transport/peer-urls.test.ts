import { expect, test } from "vitest";
import { PeerUrls } from "./peer-urls.ts";

test("addresses are tried in the order of their names, however they were given", () => {
  const urls = new PeerUrls([" http://b:1", "ftp://x:1", "HTTP://a:1 "]);
  expect(urls.all).toEqual(["http://a:1", "http://b:1"]);
  urls.failed("http://a:1");
  expect(urls.pick()).toBe("http://b:1");
  urls.replace(["http://d:1", "http://c:1"]);
  expect(urls.pick()).toBe("http://c:1");
});
