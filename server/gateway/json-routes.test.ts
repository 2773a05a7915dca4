import { expect, test } from "vitest";
import { methodDescriptors } from "../proto/descriptors.ts";
import { JSON_ROUTES } from "./json-routes.ts";

test("every method of etcd's services has a path, and every path a method", () => {
  const methods = methodDescriptors().map(({ path }) => path);
  expect([...new Set(Object.values(JSON_ROUTES))].toSorted()).toEqual(methods.toSorted());
});
